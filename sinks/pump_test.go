package sinks_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/sinks"
)

func TestWhatIsStoredIsDelivered(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.start()
		for range 5 {
			w.put(calls(200)...)
		}
		w.pass(time.Second)
		w.wantLeft(0)
		w.wantOrder()
		if n := w.delivered(); n != 1000 {
			t.Errorf("%d events were delivered, want 1000", n)
		}
		s := w.pump.Status()
		if s.Delivered != 1000 || s.State != sinks.Closed || s.UnderWay != 0 || s.Lanes != 8 || s.LastDelivered.IsZero() {
			t.Errorf("status %+v", s)
		}
		w.end()
	})
}

func TestHowLongEachAttemptTookIsTold(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		took := make(chan time.Duration, 10)
		w.cfg.Attempted = func(d time.Duration) { took <- d }
		w.slow = 3 * time.Second
		w.answers(func(d sinks.Delivery) error {
			if d.Attempt == 1 {
				return fault(sinks.Passing)
			}
			return nil
		})
		w.put("a")
		w.start()
		w.pass(time.Minute)
		w.wantLeft(0)
		w.end()
		if first, second := <-took, <-took; first != 0 || second != 3*time.Second || len(took) > 0 {
			t.Errorf("attempts took %v and %v, and there were %d more; want one that was refused at once, and one of 3 s", first, second, len(took))
		}
	})
}

// S-5: one poison event among 10^4.
func TestOneRefusedEventIsBuriedAndDelaysNoOther(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		all := w.put(calls(10_000)...)
		bad := all[5000]
		behind := w.put("c5000")[0]
		w.answers(func(d sinks.Delivery) error {
			if d.Event.ID == bad {
				return fault(sinks.OfEvent)
			}
			return nil
		})
		w.start()
		w.pass(time.Second)
		if n := w.delivered(); n != 9999 {
			t.Errorf("%d events were delivered within a second, want 9999", n)
		}
		w.pass(15 * time.Second)
		w.wantLeft(0)
		dead := w.Dead()
		if len(dead) != 1 || dead[0].Seq != 5001 || dead[0].Attempts != 2 || dead[0].Status != 500 || dead[0].Snippet != "no" || dead[0].Sink != "crm" {
			t.Errorf("dead letters: %+v", dead)
		}
		if tries := w.of(bad); len(tries) != 2 || tries[1].at.Sub(tries[0].at) != 10*time.Second || tries[1].attempt != 2 {
			t.Errorf("attempts: %+v", tries)
		}
		if tries := w.of(behind); len(tries) != 1 || tries[0].at.Before(w.of(bad)[1].at) {
			t.Errorf("the next event of the call was tried %+v", tries)
		}
		w.end()
	})
}

func TestAnEventThatCannotBeReadIsBuriedUnsent(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.Store("call.missed.acme.c1", []byte(`{"specversion":"1.0"`))
		w.put("c1")
		w.start()
		w.pass(time.Second)
		w.wantLeft(0)
		if d := w.Dead(); len(d) != 1 || d[0].Seq != 1 || d[0].Attempts != 0 || w.delivered() != 1 || w.pump.Status().Buried != 1 {
			t.Errorf("dead letters %+v, %d delivered", d, w.delivered())
		}
		w.end()
	})
}

// A carrier is an endpoint that wants no data.
type carrier struct{ *endpoint }

func (carrier) Carries() {}

func TestOnlyACarrierIsGivenEventsWithoutTheirData(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		whole := map[string]bool{}
		w.answers(func(d sinks.Delivery) error { whole[d.Event.ID] = d.Event.Data != nil; return nil })
		w.cfg.Lanes = 1
		w.put("a")
		w.start()
		w.pass(time.Second)
		w.end()
		w.cfg.Sink = carrier{w.endpoint}
		w.Store("call.missed.acme.c1", []byte(`{"specversion":"1.0"`))
		w.put("b")
		w.start()
		w.pass(time.Second)
		w.end()
		if !whole["a.1"] || whole["b.1"] || len(whole) != 2 || len(w.Dead()) != 1 {
			t.Errorf("events with data: %v; %d dead letters", whole, len(w.Dead()))
		}
	})
}

// S-2: 410 once, then enabled.
func TestGoneDisablesUntilEnabledAndKeepsTheBacklog(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.put(calls(100)...)
		w.answers(fails(sinks.Gone))
		w.start()
		w.pass(time.Second)
		w.wantState(sinks.Disabled)
		tried := len(w.since(time.Time{}))
		w.answers(nil)
		w.pass(48 * time.Hour)
		w.end()
		w.start()
		w.pass(time.Hour)
		w.wantState(sinks.Disabled)
		w.wantLeft(100)
		if n := len(w.since(time.Time{})); n != tried {
			t.Errorf("%d attempts were made while it was disabled", n-tried)
		}
		if err := w.pump.Enable(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		w.wantLeft(0)
		w.wantOrder()
		w.end()
	})
}

func TestAPauseByHandHoldsAcrossRestartsAndIsUndoneFromElsewhere(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.start()
		w.pass(time.Second)
		if err := sinks.SetPaused(t.Context(), w.Backlog, "maintenance"); err != nil {
			t.Fatal(err)
		}
		w.pass(20 * time.Second)
		w.wantState(sinks.Disabled)
		w.put("c1", "c1")
		w.end()
		w.start()
		w.pass(time.Hour)
		w.wantLeft(2)
		if err := sinks.SetEnabled(t.Context(), w.Backlog); err != nil {
			t.Fatal(err)
		}
		w.pass(20 * time.Second)
		w.wantLeft(0)
		w.wantState(sinks.Closed)
		w.end()
	})
}

func TestAPauseIsKeptToAcrossARestartAndCostsNothing(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.put(calls(20)...)
		w.cfg.GiveUpAfter = time.Minute
		w.answers(func(sinks.Delivery) error {
			return &sinks.Error{Fault: sinks.Pause, After: 10 * time.Hour, Status: 429, Err: fmt.Errorf("later")}
		})
		w.start()
		w.pass(time.Second)
		w.wantState(sinks.Open)
		asked := time.Now()
		w.answers(nil)
		w.pass(time.Hour)
		w.end()
		w.start()
		w.pass(8*time.Hour + 59*time.Minute)
		if early := w.since(asked); len(early) > 0 {
			t.Errorf("%d attempts before the pause was over", len(early))
		}
		w.pass(2 * time.Minute)
		w.wantLeft(0)
		if len(w.Dead()) > 0 {
			t.Errorf("dead letters: %v", w.Dead())
		}
		w.end()
	})
}

// S-6, with fewer events: an endpoint that is dead for three days.
func TestAfterALongOutageAllIsDeliveredInOrderFromOneLaneUp(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.cfg.Lanes = 64
		w.slow = 100 * time.Millisecond
		w.answers(fails(sinks.Passing))
		w.start()
		names := calls(5000)
		if testing.Short() {
			names = calls(1500)
		}
		for range 4 {
			w.put(names...)
			w.pass(18 * time.Hour)
		}
		w.wantState(sinks.Open)
		probes := len(w.since(time.Time{}))
		if probes > 400 {
			t.Errorf("%d attempts in three days", probes)
		}
		w.answers(nil)
		for w.pass(time.Millisecond); w.pump.Status().State != sinks.Closed; w.pass(10 * time.Millisecond) {
		}
		back := time.Now()
		w.pass(time.Second)
		if n := len(w.since(back)); n < 30 || n > 350 {
			t.Errorf("%d requests in the first second", n)
		}
		w.pass(time.Minute)
		w.wantLeft(0)
		w.wantOrder()
		if len(w.Dead()) > 0 || w.delivered() != 4*len(names) || w.most > 64 {
			t.Errorf("%d dead letters, %d delivered, %d at once", len(w.Dead()), w.delivered(), w.most)
		}
		w.end()
	})
}

func TestWhatOnlyAPersonMendsIsAskedForSlowly(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.put(calls(20)...)
		w.answers(fails(sinks.OfEndpoint))
		w.start()
		w.pass(24 * time.Hour)
		tries := w.since(time.Time{})
		if len(tries) < 90 || len(tries) > 110 {
			t.Errorf("%d attempts in a day, want one each 15 minutes", len(tries))
		}
		if gap := tries[1].at.Sub(tries[0].at); gap != 30*time.Second {
			t.Errorf("the second attempt came after %s, want 30s", gap)
		}
		w.wantLeft(20)
		w.end()
	})
}

// S-7: one dead endpoint delays no other.
func TestADeadEndpointDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var worlds []*world
		for i := range 10 {
			w := newWorld(t)
			if i != 3 {
				w.answers(fails(sinks.Passing))
			}
			w.start()
			worlds = append(worlds, w)
		}
		for range 100 {
			for _, w := range worlds {
				w.put(calls(10)...)
			}
			worlds[0].pass(time.Second)
			worlds[3].wantLeft(0)
		}
		for i, w := range worlds {
			if i != 3 {
				w.wantLeft(1000)
			}
			w.end()
		}
	})
}

// S-4, and the trap behind it: what fails for ever must not look like an endpoint that does.
func TestEventsThatFailDoNotMakeAnEndpointFail(t *testing.T) {
	t.Parallel()
	many := 4000
	if testing.Short() {
		many = 1000
	}
	for name, f := range map[string]sinks.Fault{"half of the events are refused": sinks.OfEvent, "half of the events meet a failure that may pass": sinks.Passing} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(w *world) {
				w.slow = 10 * time.Millisecond
				w.answers(func(d sinks.Delivery) error {
					var n int
					if fmt.Sscanf(d.Event.Subject, "c%d", &n); n*7919%101 < 50 {
						return fault(f)
					}
					return nil
				})
				w.put(calls(many)...)
				w.start()
				w.pass(5 * time.Minute)
				want := 0
				for n := range many {
					if n*7919%101 >= 50 {
						want++
					}
				}
				if got := w.delivered(); got != want {
					t.Errorf("%d of %d good events were delivered in five minutes", got, want)
				}
				w.wantState(sinks.Closed)
				w.end()
			})
		})
	}
}

func TestAnEndpointThatHardlyTakesAnythingIsNotAskedOften(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		n := 0
		w.answers(func(sinks.Delivery) error {
			if n++; n%100 == 0 {
				return nil
			}
			return fault(sinks.Passing)
		})
		w.cfg.Lanes = 1
		w.put(calls(5000)...)
		w.start()
		w.pass(24 * time.Hour)
		if tries := len(w.since(time.Time{})); tries > 1000 {
			t.Errorf("%d attempts in a day", tries)
		}
		if len(w.Dead()) > 0 {
			t.Errorf("%d dead letters", len(w.Dead()))
		}
		w.end()
	})
}

func TestAnEndpointThatRefusesAllIsAtFaultNotTheEvents(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.put(calls(1000)...)
		w.answers(fails(sinks.OfEvent))
		w.start()
		w.pass(24 * time.Hour)
		w.wantState(sinks.Open)
		w.answers(nil)
		w.pass(16 * time.Minute)
		w.wantLeft(0)
		if n := len(w.Dead()); n > 2 {
			t.Errorf("%d dead letters", n)
		}
		w.end()
	})
}

func TestPoisonAtTheHeadDoesNotKeepAnEndpointClosed(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.cfg.GiveUpAfter = 48 * time.Hour
		bad := map[string]bool{}
		for _, id := range w.put("p1", "p2", "p3", "p4") {
			bad[id] = true
		}
		w.answers(func(d sinks.Delivery) error {
			if bad[d.Event.ID] {
				return fault(sinks.Passing)
			}
			return nil
		})
		w.start()
		w.pass(time.Second)
		w.wantState(sinks.Open)
		for i := range 100 {
			w.put(fmt.Sprint("good", i))
			w.pass(time.Hour)
		}
		if n := w.delivered(); n != 100 {
			t.Errorf("%d of 100 good events were delivered", n)
		}
		w.wantLeft(0)
		if n := len(w.Dead()); n != 4 {
			t.Errorf("%d dead letters, want 4", n)
		}
		w.end()
	})
}

func TestAnOutageThatNobodyNoticesCostsAnEventNothing(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.cfg.GiveUpAfter = time.Hour
		w.answers(fails(sinks.Passing)) // but of two events only
		w.put("c1", "c2")
		w.start()
		w.pass(7 * 24 * time.Hour)
		w.wantState(sinks.Closed)
		if len(w.Dead()) > 0 {
			t.Fatalf("dead letters: %+v", w.Dead())
		}
		w.answers(nil)
		w.pass(24 * time.Hour)
		w.wantLeft(0)
		w.end()
	})
}

// A day with nobody at the other end, with restarts of both kinds.
func TestADayLongOutageLosesNothing(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.start()
		w.put(calls(50)...)
		w.pass(time.Minute)
		w.answers(fails(sinks.Passing))
		for i := range 24 {
			w.put(calls(50)...)
			w.pass(time.Hour)
			switch i % 8 {
			case 3:
				w.end()
				w.start()
			case 7:
				w.kill()
				w.start()
			}
		}
		w.answers(nil)
		w.pass(20 * time.Minute)
		w.wantLeft(0)
		w.wantOrder()
		if len(w.Dead()) > 0 || w.delivered() != 25*50 {
			t.Errorf("%d dead letters, %d delivered", len(w.Dead()), w.delivered())
		}
		w.end()
	})
}

func TestWhenTooMuchWaitsTheOldestIsGivenUp(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.answers(func(d sinks.Delivery) error {
			if d.Event.Subject[0] == 'p' {
				return fault(sinks.Passing)
			}
			return nil
		})
		w.room = 10
		w.start()
		for i := range 20 {
			w.put(fmt.Sprint("p", i), fmt.Sprint("g", i), fmt.Sprint("p", i))
			w.pass(time.Minute)
		}
		w.pass(time.Hour)
		s := w.pump.Status()
		if s.Parked > 12 || len(w.Dead()) < 10 || s.State != sinks.Closed {
			t.Errorf("%d wait, %d dead letters, circuit %s", s.Parked, len(w.Dead()), s.State)
		}
		if len(w.Dead()) > 0 && w.Dead()[0].Seq != 1 {
			t.Errorf("the first dead letter is of %d", w.Dead()[0].Seq)
		}
		w.answers(nil)
		w.pass(24 * time.Hour)
		w.wantLeft(0)
		w.wantOrder()
		w.end()
	})
}

// An endpoint that fails a tenth of the time is no reason to give anything up: the pump takes in no more than it can wait with.
func TestWhileRetriesAreNearNothingIsGivenUpHoweverMuchWaits(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		calls := 5000
		if testing.Short() {
			calls = 2000
		}
		w.answers(func(d sinks.Delivery) error {
			if n := len(d.Event.ID); d.Attempt < 3 && d.Event.Subject[0] == 'f' && d.Event.ID[n-1] == '2' {
				return fault(sinks.Passing)
			}
			return nil
		})
		for n := range calls {
			c := fmt.Sprint(string("fgggg"[n%5]), n)
			w.put(c, c, c, c)
		}
		w.room = 1000
		w.start()
		most, began := 0, time.Now()
		for len(w.Left()) > 0 && !t.Failed() {
			w.pass(time.Second)
			most = max(most, w.pump.Status().Parked)
			if s := w.pump.Status(); len(w.Dead()) > 0 || s.State != sinks.Closed {
				t.Errorf("%d dead letters, circuit %s", len(w.Dead()), s.State)
			}
			if w.repeats() > 0 || time.Since(began) > 2*time.Hour {
				t.Errorf("%d repeats after %s", w.repeats(), time.Since(began))
			}
		}
		t.Logf("%d waited at most; it took %s", most, time.Since(began))
		if most < 500 || most > 500+1024 { // half of what there is room for, and what may be in hand
			t.Errorf("%d events waited at most, want 500 to 1524", most)
		}
		w.wantOrder()
		w.end()
	})
}

// starting is an endpoint that has to know when it was given what was stored before.
type starting struct {
	*endpoint
	caughtUp func()
}

func (s starting) CaughtUp() { s.caughtUp() }

func TestASinkIsToldWhenItWasGivenWhatWasStoredBefore(t *testing.T) {
	t.Parallel()
	for _, stored := range []int{0, 1, 300} {
		in(t, func(w *world) {
			told := []int{}
			w.cfg.Sink = starting{w.endpoint, func() { told = append(told, w.delivered()) }}
			w.put(calls(stored)...)
			w.start()
			w.pass(time.Second)
			w.put("later")
			w.pass(time.Second)
			if len(told) != 1 || told[0] != stored {
				t.Errorf("%d were stored; told after %v", stored, told)
			}
			w.end()
		})
	}
}

// F-7: what a call waits for is dropped from the stream.
func TestWhatAgedOutIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.answers(func(d sinks.Delivery) error {
			if d.Event.ID == "p.1" {
				return fault(sinks.Passing)
			}
			return nil
		})
		w.put("p")
		w.start()
		for i := range 10 {
			w.put(fmt.Sprint("g", i))
			w.pass(time.Hour)
		}
		w.put("p")
		w.pass(time.Second)
		if n := w.Expire(time.Now().Add(-time.Minute)); n != 1 {
			t.Fatalf("%d events expired", n)
		}
		w.pass(24 * time.Hour)
		w.wantLeft(0)
		if s := w.pump.Status(); s.Lost != 1 || s.Parked != 0 || s.Retrying != 0 || w.delivered() != 11 {
			t.Errorf("%d delivered; status %+v", w.delivered(), s)
		}
		w.end()
	})
}

func TestAttemptsAndTheirOrderOutliveARestart(t *testing.T) {
	t.Parallel()
	in(t, func(w *world) {
		w.answers(func(d sinks.Delivery) error {
			if d.Event.ID == "p.1" && d.Attempt < 6 {
				return fault(sinks.Passing)
			}
			return nil
		})
		w.put("p", "p", "p", "g")
		w.start()
		for i := range 60 {
			w.pass(time.Minute)
			w.put(fmt.Sprint("g", i))
			if i%5 == 0 {
				w.end()
				w.start()
			}
		}
		w.pass(time.Minute)
		w.wantLeft(0)
		w.wantOrder()
		tries := w.of("p.1")
		for i, a := range tries {
			if a.attempt != i+1 {
				t.Errorf("attempts %+v", tries)
			}
		}
		if len(tries) != 6 || len(w.Dead()) > 0 || w.repeats() > 0 {
			t.Errorf("%d attempts, %d dead letters, %d repeats", len(tries), len(w.Dead()), w.repeats())
		}
		w.end()
	})
}
