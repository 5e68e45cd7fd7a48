package sinks_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/sinktest"
)

// killAt has the process be killed at the n-th word between pump, bus and endpoint, just before it is heard; that of the
// endpoint just after.
func (w *world) killAt(n int64) (words *atomic.Int64) {
	words = new(atomic.Int64)
	b, stop, answer := w.Backlog, w.stop, w.answer
	word := func() {
		if words.Add(1) == n {
			b.Kill()
			stop()
		}
	}
	w.Faulty(func(sinktest.Op, uint64) sinktest.Fault { word(); return sinktest.None })
	w.answers(func(d sinks.Delivery) error { word(); return answer(d) })
	return words
}

// revive starts the next pump if the last was killed.
func (w *world) revive() (dead bool) {
	select {
	case <-w.over:
		w.Faulty(nil)
		w.start()
		return true
	default:
		return false
	}
}

// stubborn answers as endpoints do that have trouble with some events: of call b the first is refused, of call c the first
// meets several failures.
func stubborn() func(d sinks.Delivery) error {
	return func(d sinks.Delivery) error {
		switch {
		case d.Event.ID == "b.1":
			return fault(sinks.OfEvent)
		case d.Event.ID == "c.1" && d.Attempt < 5:
			return fault(sinks.Passing)
		}
		return nil
	}
}

// F-1: killed at every point.
func TestAKillAtAnyInstantLosesAndReordersNothing(t *testing.T) {
	t.Parallel()
	step := int64(1)
	if testing.Short() {
		step = 5
	}
	for n := int64(1); ; n += step {
		reached := false
		in(t, func(w *world) {
			w.answers(stubborn())
			w.put("a", "b", "c", "d", "a", "b", "c", "a", "c")
			w.start()
			words := w.killAt(n)
			for i := range 8 {
				w.pass(20 * time.Second)
				w.put("a", "c", fmt.Sprint("e", i))
				if w.revive() {
					reached = true
				}
			}
			if words.Load() > 2000 {
				t.Fatalf("%d words for 33 events", words.Load())
			}
			w.pass(time.Hour)
			if w.revive() {
				reached = true
				w.pass(time.Hour)
			}
			w.wantLeft(0)
			w.wantOrder()
			if got := w.delivered(); got != 32 {
				t.Errorf("killed at word %d: %d of 32 events were delivered", n, got)
			}
			if d := w.Dead(); len(d) != 1 || d[0].Seq != 2 {
				t.Errorf("killed at word %d: dead letters %+v", n, d)
			}
			if more := w.repeats(); more > 8 {
				t.Errorf("killed at word %d: %d repeats", n, more)
			}
			w.end()
			if reached {
				return
			}
		})
		if !reached {
			t.Logf("%d points", n-1)
			if n < 100 {
				t.Errorf("there were only %d points to be killed at", n-1)
			}
			return
		}
		if t.Failed() {
			return
		}
	}
}

// repeats is how many deliveries were not the first of their event.
func (e *endpoint) repeats() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, times := range e.times {
		n += times - 1
	}
	return n
}

// F-3: of every third word that is not lost on its way, the answer is.
func TestLostAndUnheardWordsLoseNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sinktest.Fault{"lost": sinktest.Lost, "refused": sinktest.Refused, "unheard": sinktest.Unheard} {
		for _, op := range []sinktest.Op{sinktest.Done, sinktest.Back, sinktest.Working, sinktest.Bury, sinktest.SetState} {
			if fault == sinktest.Lost && (op == sinktest.Bury || op == sinktest.SetState) {
				continue // which a bus must not do
			}
			t.Run(fmt.Sprint(op, " is ", name), func(t *testing.T) {
				t.Parallel()
				in(t, func(w *world) {
					var n atomic.Int64
					w.Faulty(func(o sinktest.Op, _ uint64) sinktest.Fault {
						if o == op && n.Add(1)%3 != 0 {
							return fault
						}
						return sinktest.None
					})
					w.answers(stubborn())
					w.start()
					for i := range 10 {
						w.put("a", "b", "c", "a", "b", "c", fmt.Sprint("d", i))
						w.pass(20 * time.Second)
						if i == 5 {
							w.end()
							w.start()
						}
					}
					w.pass(2 * time.Hour)
					w.wantLeft(0)
					w.wantOrder()
					if d := w.Dead(); len(d) != 1 || w.delivered() != 69 {
						t.Errorf("%d dead letters, %d delivered", len(d), w.delivered())
					}
					if more := w.repeats(); more > 0 && (op != sinktest.Done || fault != sinktest.Lost) {
						t.Errorf("%d repeats", more)
					}
					w.end()
				})
			})
		}
	}
}

// F-4: a delivery that takes longer than a message waits.
func TestASlowDeliveryIsNotRepeated(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.slow = 5 * time.Minute
		w.put("a", "a", "b")
		w.start()
		w.pass(11 * time.Minute)
		w.wantLeft(0)
		if w.repeats() > 0 {
			t.Errorf("%d repeats", w.repeats())
		}
		w.end()
	})
}

func TestAMessageThatComesAgainWhileInHandIsNotDeliveredTwice(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.slow = 5 * time.Minute
		w.Faulty(func(op sinktest.Op, _ uint64) sinktest.Fault {
			if op == sinktest.Working {
				return sinktest.Refused
			}
			return sinktest.None
		})
		w.put("a", "a", "b")
		w.start()
		w.pass(11 * time.Minute)
		w.wantLeft(0)
		w.wantOrder()
		if w.repeats() > 0 {
			t.Errorf("%d repeats", w.repeats())
		}
		w.end()
	})
}

// F-12: told to stop while many deliveries are under way.
func TestAStopWaitsForWhatIsUnderWayAndGivesBackTheRest(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		slow    time.Duration
		done    int
		repeats int
	}{
		"deliveries that end in time are noted":          {10 * time.Second, 200, 0},
		"deliveries that take too long are made again":   {10 * time.Minute, 0, 0},
		"a delivery as long as the drain is not counted": {25 * time.Second, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(w *world) {
				w.cfg.Lanes = 200
				w.put(calls(300)...)
				w.start()
				w.pass(time.Second) // all lanes are used
				w.slow = tc.slow
				w.put(calls(500)...)
				w.pass(time.Second)
				before := w.delivered()
				began := time.Now()
				w.end()
				if d := time.Since(began); d > 21*time.Second {
					t.Errorf("the stop took %s", d)
				}
				if got := w.delivered() - before; got != tc.done {
					t.Errorf("%d deliveries were finished, want %d", got, tc.done)
				}
				w.slow = 0
				w.start()
				w.pass(time.Second) // nothing is waited for after a stop in order
				w.wantLeft(0)
				w.wantOrder()
				if w.repeats() != tc.repeats {
					t.Errorf("%d repeats", w.repeats())
				}
				w.end()
			})
		})
	}
}

func TestAClosedBusEndsTheRun(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.start()
		w.pass(time.Minute)
		w.Backlog.Close()
		if err := <-w.over; err == nil {
			t.Error("Run returned nil")
		}
	})
}

// TestAnything holds the pump to its promises whatever happens: random answers, faults of the bus, kills and stops.
func TestAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := aPlan(rt)
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.TB = sinktest.Reporter{TB: t, Rapid: rt}
			anything(w, p)
		})
	})
}

// A plan is what happens in one case.
type plan struct {
	lanes         int
	seed          uint64
	poison        []int  // calls whose second event is refused
	flaky, faulty uint64 // in 100, of deliveries and of words with the bus
	steps         []step
}

type step struct {
	what  string
	calls []int
	fault sinks.Fault
	wait  time.Duration
}

func aPlan(rt *rapid.T) plan {
	return plan{
		lanes:  rapid.IntRange(1, 5).Draw(rt, "lanes"),
		seed:   rapid.Uint64().Draw(rt, "seed"),
		poison: rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 2, rapid.ID[int]).Draw(rt, "poison"),
		flaky:  rapid.SampledFrom([]uint64{0, 10, 40}).Draw(rt, "flaky"),
		faulty: rapid.SampledFrom([]uint64{0, 5, 30}).Draw(rt, "faulty"),
		steps:  rapid.SliceOfN(rapid.Custom(aStep), 1, 15).Draw(rt, "steps"),
	}
}

func aStep(rt *rapid.T) step {
	s := step{
		what: rapid.SampledFrom([]string{"put", "put", "put", "outage", "well", "kill", "stop", "wait"}).Draw(rt, "step"),
		wait: time.Duration(rapid.IntRange(0, 3000).Draw(rt, "milliseconds")) * time.Millisecond,
	}
	switch s.what {
	case "put":
		s.calls = rapid.SliceOfN(rapid.IntRange(0, 9), 1, 20).Draw(rt, "calls")
	case "outage":
		s.fault = rapid.SampledFrom([]sinks.Fault{sinks.Passing, sinks.OfEndpoint, sinks.Pause}).Draw(rt, "fault")
	case "wait":
		s.wait = time.Duration(rapid.IntRange(0, 7200).Draw(rt, "seconds")) * time.Second
	}
	return s
}

func anything(w *world, p plan) {
	w.cfg.Lanes, w.cfg.Name = p.lanes, fmt.Sprint("crm", p.seed%7)
	var roll, flaky, faulty atomic.Uint64
	roll.Store(p.seed | 1)
	flaky.Store(p.flaky)
	faulty.Store(p.faulty)
	chance := func(percent uint64) bool { // the same in every run, as far as the order is
		x := roll.Add(0x9e3779b97f4a7c15)
		x ^= x >> 32
		x *= 0xd6e8feb86659fd93
		return (x>>33)%100 < percent
	}
	var trouble atomic.Value
	trouble.Store(sinks.Fault(""))
	w.answers(func(d sinks.Delivery) error {
		if f := trouble.Load().(sinks.Fault); f != "" {
			return fault(f)
		}
		for _, c := range p.poison {
			if d.Event.ID == fmt.Sprintf("c%d.2", c) {
				return fault(sinks.OfEvent)
			}
		}
		if chance(flaky.Load()) {
			return fault(sinks.Passing)
		}
		return nil
	})
	w.Faulty(func(op sinktest.Op, _ uint64) sinktest.Fault {
		if !chance(faulty.Load()) || op == sinktest.Fetch {
			return sinktest.None
		}
		if op == sinktest.Done || op == sinktest.Working { // a Back that is lost unheard at a stop cannot be made good
			return []sinktest.Fault{sinktest.Refused, sinktest.Lost, sinktest.Unheard}[roll.Add(1)%3]
		}
		return []sinktest.Fault{sinktest.Refused, sinktest.Unheard}[roll.Add(1)%2]
	})
	w.start()
	stored, kills := 0, 0
	for _, s := range p.steps {
		switch s.what {
		case "put":
			for _, c := range s.calls {
				w.put(fmt.Sprint("c", c))
				stored++
			}
		case "outage", "well":
			trouble.Store(s.fault)
		case "kill":
			w.kill()
			kills++
			w.start()
		case "stop":
			w.end()
			w.start()
		}
		w.pass(s.wait)
	}
	trouble.Store(sinks.Fault(""))
	flaky.Store(0)
	faulty.Store(0)
	// What is refused is given up only while others are taken.
	for i := range 16 {
		w.put(fmt.Sprint("d", i))
		stored++
		w.pass(10 * time.Minute)
	}
	for range 48 {
		if len(w.Left()) > 0 {
			w.pass(time.Hour)
		}
	}
	w.wantLeft(0)
	w.wantOrder()
	var buried []string
	for _, d := range w.Dead() {
		buried = append(buried, d.Subject)
	}
	var want []string
	for _, c := range p.poison {
		if w.counts[fmt.Sprint("c", c)] >= 2 {
			want = append(want, fmt.Sprint("source.gap.opened.acme.c", c))
		}
	}
	slices.Sort(buried)
	slices.Sort(want)
	if !slices.Equal(buried, want) {
		w.Errorf("dead letters of %v, want %v", buried, want)
	}
	if got := w.delivered() + len(want); got != stored {
		w.Errorf("%d of %d events are accounted for", got, stored)
	}
	if more := w.repeats(); p.faulty == 0 && more > kills*w.cfg.Lanes {
		w.Errorf("%d repeats after %d kills, with %d lanes", more, kills, w.cfg.Lanes)
	}
	w.end()
}
