package sinks_test

import (
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
