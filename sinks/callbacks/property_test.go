package callbacks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks/sinktest"
)

// What the world knows of the plan, in words of its own.

func isMissed(e events.Event) bool {
	c, _ := e.Call()
	return c.Missed != nil && *c.Missed
}

func isContact(e events.Event) bool {
	c, _ := e.Call()
	return c.Outcome != nil && *c.Outcome == events.Answered
}

func began(e events.Event) time.Time {
	c, _ := e.Call()
	return *c.StartedAt
}

// factOfCall returns the first fact about a call.
func (p plan) factOfCall(id string) fact {
	return p.facts[slices.IndexFunc(p.facts, func(f fact) bool { return f.event.Subject == id })]
}

// No reminder is told once it is known that somebody spoke with the caller.
func TestP1NobodyIsRemindedOfACallThatWasReturned(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.run()
		for _, e := range w.diary.Published() {
			if e.Type == events.CallbackDue || e.Type == events.CallbackOpened {
				w.checkNotReturned(e)
			}
		}
	})
}

func (w *world) checkNotReturned(e events.Event) {
	d, _ := e.Callback()
	missed := w.plan.factOfCall(d.MissedCalls[0].CallID)
	for _, f := range w.plan.facts {
		known := w.began.Add(f.arrives)
		if f.caller == missed.caller && isContact(f.event) && began(f.event).After(began(missed.event)) && known.Before(e.RecordedTime) {
			w.Errorf("%s was told at %s of a call that began at %s; that %s was an answer was known at %s",
				e.Type, e.RecordedTime, began(missed.event), f.event.Subject, known)
		}
	}
}

func TestP2AtMostOneObligationIsOpenForACaller(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.run()
		open := map[string]string{}
		for _, e := range w.diary.Published() {
			d, _ := e.Callback()
			key := d.ExternalNumber
			if w.plan.config.Scope == PerQueue && d.Queue != nil {
				key += *d.Queue.Name
			}
			switch e.Type {
			case events.CallbackOpened:
				if open[key] != "" {
					w.Errorf("%s is opened while %s is open", e.Subject, open[key])
				}
				open[key] = e.Subject
			case events.CallbackDue, events.CallbackAttempted:
				if open[key] != e.Subject {
					w.Errorf("%s of %s, and open is %q", e.Type, e.Subject, open[key])
				}
			default:
				delete(open, key)
			}
		}
	})
}

func TestP3NothingIsToldTwice(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.run()
		last := map[string]int{}
		for _, e := range w.diary.Published() {
			if d, _ := e.Callback(); e.Type == events.CallbackDue {
				if d.Step <= last[e.Subject] {
					w.Errorf("%s: step %d after step %d", e.Subject, d.Step, last[e.Subject])
				}
				last[e.Subject] = d.Step
			}
		}
		if n := w.diary.Repeats(); n > 0 {
			w.Errorf("%d events were told twice", n)
		}
	})
}

func TestP4NoReminderIsToldOutsideBusinessHours(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.run()
		for _, e := range w.diary.Published() {
			if e.Type == events.CallbackDue && !w.plan.business.isOpen(e.RecordedTime) {
				w.Errorf("reminded at %s, when %s %s is closed", e.RecordedTime, w.plan.business.hours, w.plan.business.zone)
			}
		}
	})
}

func TestP5EveryMissEndsSomehow(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.run()
		if left := owed(w, w.diary); len(left) > 0 {
			w.Errorf("in the end, %v are still owed", left)
		}
		told, ended := map[string]bool{}, map[string]int{}
		for _, e := range w.diary.Published() {
			d, _ := e.Callback()
			for _, m := range d.MissedCalls {
				told[m.CallID] = true
			}
			switch e.Type {
			case events.CallbackOpened:
				ended[e.Subject] = 0
			case events.CallbackCompleted, events.CallbackCancelled, events.CallbackExpired:
				ended[e.Subject]++
			}
		}
		for id, n := range ended {
			if n != 1 {
				w.Errorf("%s ended %d times", id, n)
			}
		}
		for _, f := range w.plan.facts {
			if isMissed(f.event) && f.event.Type == events.CallMissed && !told[f.event.Subject] && !w.excused(f) {
				w.Errorf("nobody was told of %s, missed at %s, known at %s", f.event.Subject, f.event.Time, w.began.Add(f.arrives))
			}
		}
	})
}

// excused tells whether a missed call need not be told: it was known to be answered, or not to have been missed, or its
// record came too late; or another call of the same case was.
func (w *world) excused(m fact) bool {
	opens := m.event.Time.Add(w.plan.config.Grace)
	if known := w.began.Add(m.arrives); known.After(opens) {
		opens = known
	}
	if !opens.Before(m.event.Time.Add(w.plan.config.MaxAge)) {
		return true
	}
	for _, f := range w.plan.facts {
		known := !w.began.Add(f.arrives).After(opens)
		c, _ := f.event.Call()
		if f.event.Subject == m.event.Subject && !isMissed(f.event) {
			return true // in the end, it was not missed; until then it may have added to a case in silence
		}
		switch {
		case f.caller != m.caller || !known:
		case isContact(f.event) && began(f.event).After(began(m.event)):
			return true
		case c.Returned != nil && !began(f.event).Before(began(m.event)):
			return true
		}
	}
	return false
}

func TestP6TheOrderInWhichThingsAreLearnedDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := aPlan(rt)
		seed := rapid.Uint64().Draw(rt, "seed")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(sinktest.Reporter{TB: t, Rapid: rt}, p)
			v := &world{TB: w.TB, plan: p, diary: sinktest.NewDiary(), began: w.began}
			v.open()
			w.until(11 * time.Hour) // all of it has happened
			for _, f := range p.facts {
				w.deliver(f.event)
			}
			facts := slices.Concat(p.facts, p.facts)
			rand.New(rand.NewPCG(seed, 0)).Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
			for _, f := range facts {
				v.deliver(f.event)
			}
			for h := 11 * time.Hour; h < muchLater; h += 7 * time.Hour {
				w.until(h)
				if want, got := owed(w, w.diary), owed(v, v.diary); !slices.Equal(got, want) {
					w.Errorf("after %s, owed are %v, and in another order %v", h, want, got)
				}
			}
			w.close()
			v.close()
		})
	})
}

// The process is killed at each word with the bus, before it is heard and after.
func TestP7ACrashAtAnyInstantForgetsAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := aPlan(rt)
		p.facts = p.facts[:min(len(p.facts), 5)]
		var want []string
		words := int64(0)
		run := func(kill int64, heard bool) (told []string, said int64) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(sinktest.Reporter{TB: t, Rapid: rt}, p)
				n := w.killAt(kill, heard)
				w.run()
				told, said = w.told(), n.Load()
				w.diary.Faulty(nil)
				if left := owed(w, w.diary); len(left) > 0 {
					w.Errorf("killed at word %d: %v are still owed", kill, left)
				}
				w.close()
			})
			return told, said
		}
		want, words = run(-1, false)
		step := max(1, words/5)
		for kill := int64(1); kill <= words; kill += step {
			for _, heard := range []bool{false, true} {
				if told, _ := run(kill, heard); !slices.Equal(told, want) {
					rt.Fatalf("killed at word %d of %d (heard %v), told is\n%v, want\n%v", kill, words, heard, told, want)
				}
			}
		}
	})
}

// killAt has the process be killed at the n-th word to the bus. Word 0 and less kill nothing.
func (w *world) killAt(n int64, heard bool) (words *atomic.Int64) {
	words = new(atomic.Int64)
	d := w.diary
	d.Faulty(func(op sinktest.Op) sinktest.Fault {
		if op == sinktest.ReadPages || words.Add(1) != n {
			return sinktest.None
		}
		if heard {
			go func() { // once it is done
				d.Kill()
			}()
			return sinktest.Unheard
		}
		d.Kill()
		return sinktest.None
	})
	return words
}

func TestP8AnAnswerWithinTheGraceLeavesNothingToTell(t *testing.T) {
	inWorlds(t, func(w *world) {
		if w.plan.config.Grace == 0 {
			return
		}
		m := from(missedAt("m", time.Now()), 7, "")
		a := from(returned("a", time.Now().Add(40*time.Second)), 7, "")
		if w.plan.later%2 == 0 {
			a = from(reached("a", time.Now().Add(40*time.Second)), 7, "")
		}
		time.Sleep(31 * time.Second)
		w.deliver(m)
		time.Sleep(w.plan.config.Grace - 2*time.Second)
		w.deliver(a)
		time.Sleep(30 * 24 * time.Hour)
		synctest.Wait()
		if told := w.told(); len(told) > 0 {
			w.Errorf("told: %v", told)
		}
	})
}

// A page that cannot be read is put aside, said aloud, and worked out anew: nobody is forgotten, and nobody is told twice.
func TestWhatCannotBeReadIsWorkedOutAnew(t *testing.T) {
	inWorlds(t, func(w *world) {
		half := len(w.plan.facts) / 2
		for i, f := range w.plan.facts {
			w.until(f.arrives)
			f.event.RecordedTime = time.Now()
			w.deliver(f.event)
			if i == half {
				before := owed(w, w.diary)
				told := w.told()
				w.diary.Spoil([]byte("no json"))
				w.sink.review()
				synctest.Wait()
				if after := owed(w, w.diary); !slices.Equal(before, after) {
					w.Errorf("owed were %v, and are %v", before, after)
				}
				if now := w.told(); !slices.Equal(now, told) {
					w.Errorf("told: %v, before: %v", now, told)
				}
				if len(told) > 0 && len(w.diary.Aside()) == 0 {
					w.Error("nothing was put aside")
				}
			}
		}
		w.until(muchLater)
		if n := w.diary.Repeats(); n > 0 {
			w.Errorf("%d events were told twice", n)
		}
	})
}

// Two processes run the sink: nobody is reminded twice.
func TestTwoProcessesTellThingsOnce(t *testing.T) {
	inWorlds(t, func(w *world) {
		other, err := New("calls", w.plan.config, Options{Diary: w.diary.Reopen(), Past: w.sink.Past})
		if err != nil {
			w.Fatal(err)
		}
		other.CaughtUp()
		w.run()
		if err := other.Close(); err != nil {
			w.Error(err)
		}
		if n := w.diary.Repeats(); n > 0 {
			w.Errorf("%d events were told twice", n)
		}
	})
}

// One of two processes is gone, and has told nobody: the other one reminds, a little later.
func TestWhatAProcessThatIsGoneOwedAnotherOneTells(t *testing.T) {
	inWorlds(t, func(w *world) {
		v := &world{TB: w.TB, plan: w.plan, diary: w.diary.Reopen(), began: w.began}
		v.open()
		for _, f := range w.plan.facts {
			w.until(f.arrives)
			w.deliver(f.event)
		}
		w.diary.Kill()
		time.Sleep(muchLater)
		synctest.Wait()
		if left := owed(w, v.diary); len(left) > 0 {
			w.Errorf("%v are still owed", left)
		}
		v.close()
	})
}

// A year of a call centre, with both changes of the clock: 100 customers, some 10 of whom are missed on each day.
func TestAYearOfACallCentre(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := businesses[2]
		w := newWorld(t, plan{business: b, reviews: 7 * 24 * time.Hour, config: Config{
			After: Durations{15 * time.Minute, time.Hour, 4 * time.Hour}, Hours: b.hours, Timezone: b.zone, Holidays: b.holidays,
			Grace: time.Minute, MaxAge: 72 * time.Hour, Scope: PerNumber,
		}})
		rnd := rand.New(rand.NewPCG(1, 2))
		days := 366
		if testing.Short() {
			days = 100 // with both changes of the clock
		}
		for n := range days * 10 {
			w.until(time.Duration(n) * 144 * time.Minute)
			caller := rnd.IntN(100)
			w.deliver(from(missedAt(fmt.Sprint("m", n), time.Now().Add(-30*time.Second)), caller, ""))
			if rnd.IntN(3) > 0 {
				a := from(returned(fmt.Sprint("r", n), time.Now().Add(time.Duration(rnd.IntN(7200))*time.Second)), caller, "")
				w.plan.facts = append(w.plan.facts, fact{caller: caller, event: a})
			}
			w.deliverUntil(time.Now())
		}
		w.until(400 * 24 * time.Hour)
		w.checkYear(b)
		w.close()
	})
}

// deliverUntil delivers the calls back that were over by then.
func (w *world) deliverUntil(t time.Time) {
	w.plan.facts = slices.DeleteFunc(w.plan.facts, func(f fact) bool {
		if f.event.Time.After(t) {
			return false
		}
		w.deliver(f.event)
		return true
	})
}

func (w *world) checkYear(b business) {
	counts := map[events.Type]int{}
	for _, e := range w.diary.Published() {
		counts[e.Type]++
		if e.Type == events.CallbackDue && !b.isOpen(e.RecordedTime) {
			w.Errorf("reminded at %s", e.RecordedTime)
		}
		if late := e.RecordedTime.Sub(e.Time); e.Type == events.CallbackDue && late > time.Second {
			w.Errorf("due at %s, told at %s", e.Time, e.RecordedTime)
		}
	}
	w.Logf("%v", counts)
	if n := w.diary.Repeats(); n > 0 || counts[events.CallbackOpened] != counts[events.CallbackCompleted]+counts[events.CallbackExpired] || counts[events.CallbackDue] < 1000 {
		w.Errorf("%d repeats; %v", n, counts)
	}
	if left, err := Open(context.Background(), w.diary); err != nil || len(left) > 0 {
		w.Errorf("left open: %d, %v", len(left), err)
	}
}

// Nobody was there when a reminder fell due; that the caller was rung back meanwhile is still to be taken in.
func TestNothingIsRemindedOfBeforeWhatWasStoredIsTakenIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, plan{config: Config{
			After: Durations{15 * time.Minute}, Hours: "Mon-Sun 00:00-24:00", MaxAge: 72 * time.Hour, Scope: PerNumber,
		}})
		began := time.Now()
		time.Sleep(30 * time.Second)
		w.deliver(missedAt("m", began))
		w.diary.Kill()
		w.close()
		time.Sleep(time.Hour)
		w.diary = w.diary.Reopen()
		s, err := New("calls", w.plan.config, Options{Diary: w.diary})
		if err != nil {
			t.Fatal(err)
		}
		w.sink = s
		time.Sleep(30 * time.Second)
		w.deliver(returned("r", began.Add(5*time.Minute)))
		s.CaughtUp()
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		for _, e := range w.diary.Published() {
			if e.Type == events.CallbackDue {
				t.Errorf("%s at %s", e.Type, e.RecordedTime)
			}
		}
		if n := len(w.diary.Published()); n != 2 {
			t.Errorf("%d events, want two", n)
		}
		w.close()
	})
}
