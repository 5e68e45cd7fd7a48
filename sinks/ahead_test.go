package sinks_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/sinktest"
)

// fetchesSlowly has each Fetch take a while.
func (w *world) fetchesSlowly(d time.Duration) {
	w.Faulty(func(op sinktest.Op, _ uint64) sinktest.Fault {
		if op == sinktest.Fetch {
			time.Sleep(d)
		}
		return sinktest.None
	})
}

func TestLanesOfAFastEndpointNeverWaitForTheBus(t *testing.T) {
	in(t, func(w *world) {
		w.cfg.Lanes, w.endpoint.slow = 8, time.Millisecond
		w.put(calls(8000)...)
		w.start()
		w.fetchesSlowly(2 * time.Millisecond)
		w.pass(1100 * time.Millisecond) // the lanes need 1000
		w.wantLeft(0)
		w.end()
		w.wantOrder()
	})
}

func TestLittleIsInHandThatASlowEndpointCannotHaveSoon(t *testing.T) {
	in(t, func(w *world) {
		const lanes = 8
		w.cfg.Lanes, w.endpoint.slow = lanes, time.Millisecond
		w.put(calls(12_000)...)
		w.start()
		w.fetchesSlowly(2 * time.Millisecond)
		w.pass(time.Second) // much is fetched ahead
		w.answers(func(sinks.Delivery) error { time.Sleep(2 * time.Second); return nil })
		w.pass(time.Minute)

		var mu sync.Mutex
		inHand := map[uint64]bool{} // what the pump says it works on
		w.Faulty(func(op sinktest.Op, seq uint64) sinktest.Fault {
			mu.Lock()
			defer mu.Unlock()
			if op == sinktest.Working {
				inHand[seq] = true
			}
			return sinktest.None
		})
		w.pass(sinks.MessageWait / 3)
		const delivered = 2 * lanes // meanwhile, at most
		if n := len(inHand); n < lanes || n > 2*lanes+delivered {
			t.Errorf("%d events were in hand, want at most %d for %d lanes", n, 2*lanes+delivered, lanes)
		}
		w.kill()
	})
}

// What stands in line for a lane is not sent once the circuit is open, or the pump stops.
func TestWhatStandsInLineIsNotSentWhenNothingIs(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"because the endpoint wants nothing any more ": func(w *world) {
			w.answers(func(sinks.Delivery) error { time.Sleep(10 * time.Millisecond); return fault(sinks.Gone) })
		},
		"because the pump stops ": func(w *world) { w.stop() },
	} {
		for moment := range 8 { // there are more or fewer in line
			t.Run(fmt.Sprint(name, moment), func(t *testing.T) {
				in(t, func(w *world) {
					w.cfg.Lanes = 8
					w.answers(func(d sinks.Delivery) error { // not all at one moment
						time.Sleep(time.Second + 97*time.Millisecond*time.Duration(d.Event.ID[len(d.Event.Subject)-1]-'0'))
						return nil
					})
					w.put(calls(500)...)
					w.start()
					w.pass(20*time.Second + time.Duration(moment)*137*time.Millisecond)
					end(w)
					w.pass(time.Minute)
					ended := time.Now().Add(-time.Minute)
					if sent := w.since(ended); len(sent) > 3 { // until the first is refused
						t.Errorf("%d events were sent after it: %v", len(sent), sent)
					}
					w.end()
					w.answers(nil)
					w.start()
					if err := sinks.SetEnabled(t.Context(), w.Backlog); err != nil {
						t.Fatal(err)
					}
					w.pass(5 * time.Minute)
					w.wantLeft(0)
					w.wantOrder()
					if w.repeats() > 0 {
						t.Errorf("%d events were delivered again", w.repeats())
					}
					w.end()
				})
			})
		}
	}
}

// That others stand in line does not put off that an endpoint is found to hang, and they are not sent to it.
func TestAnEndpointThatHangsIsFoundToWithinOneTimeout(t *testing.T) {
	const lanes, timeout = 16, 15 * time.Second
	in(t, func(w *world) {
		w.cfg.Lanes = lanes
		spread := func(d sinks.Delivery) time.Duration { // not all at one moment
			return 97 * time.Millisecond * time.Duration(d.Event.ID[len(d.Event.Subject)-1]-'0')
		}
		w.answers(func(d sinks.Delivery) error { time.Sleep(200*time.Millisecond + spread(d)); return nil })
		w.put(calls(5000)...)
		w.start()
		w.pass(20 * time.Second)
		w.wantState(sinks.Closed)
		w.answers(func(sinks.Delivery) error { time.Sleep(timeout); return fault(sinks.Passing) })
		hangs := time.Now()
		w.pass(timeout + 2*time.Second)
		w.wantState(sinks.Open)
		w.pass(timeout)
		if sent := w.since(hangs.Add(1100 * time.Millisecond)); len(sent) > 3 { // each lane has begun one before that
			t.Errorf("%d events more were sent to it", len(sent))
		}
		w.kill()
	})
}
