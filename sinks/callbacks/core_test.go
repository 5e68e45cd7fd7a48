package callbacks

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks/callbacks/hours"
)

// noon is a Wednesday.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

func always(t testing.TB) hours.Calendar { return calendar(t, "Mon-Sun 00:00-24:00", "UTC", "") }

func calendar(t testing.TB, h, zone, holidays string) hours.Calendar {
	t.Helper()
	c, err := hours.Parse(h, zone, holidays)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func usual(t testing.TB) Rules {
	return Rules{
		Sink: "calls", After: []time.Duration{15 * time.Minute, time.Hour, 4 * time.Hour}, Grace: time.Minute, MaxAge: 72 * time.Hour,
		Hours: always(t),
	}
}

const number = "+905321112233"

// A call in a test: what it was, and when it began. It lasts half a minute.
func call(id string, typ events.Type, d events.Direction, o events.Outcome, began time.Time) events.Event {
	n, missed := number, d == events.Inbound && o != events.Answered
	end := began.Add(30 * time.Second)
	c := events.Call{
		CallID: id, Account: "acme", Provider: "telsam", Revision: 1, State: events.Final, Direction: d, Media: events.Voice,
		ExternalNumber: &n, StartedAt: &began, EndedAt: &end, Outcome: &o, Missed: &missed,
	}
	if o == events.Answered {
		answered := began.Add(10 * time.Second)
		c.AnsweredAt = &answered
	}
	return events.Event{
		ID: events.ID("acme", id, typ, 1), Type: typ, Account: "acme", Provider: "telsam", Subject: id,
		Time: end, RecordedTime: end, CorrelationID: id, Data: c,
	}
}

func missedAt(id string, began time.Time) events.Event {
	return call(id, events.CallMissed, events.Inbound, events.NoAnswer, began)
}

func returned(id string, began time.Time) events.Event {
	return call(id, events.CallEnded, events.Outbound, events.Answered, began)
}

func reached(id string, began time.Time) events.Event {
	return call(id, events.CallEnded, events.Inbound, events.Answered, began)
}

func tried(id string, began time.Time) events.Event {
	return call(id, events.CallEnded, events.Outbound, events.NoAnswer, began)
}

// amend returns e amended, with what f changes.
func amend(e events.Event, f func(c *events.Call)) events.Event {
	c, _ := e.Call()
	c.Revision++
	f(&c)
	e.Type, e.Data = events.CallAmended, events.Amendment{Call: c}
	e.ID = events.ID(e.Account, e.Subject, e.Type, c.Revision)
	return e
}

func toAnswered(c *events.Call) {
	yes, no := events.Answered, false
	c.Outcome, c.Missed = &yes, &no
	when := c.StartedAt.Add(5 * time.Second)
	c.AnsweredAt = &when
}

// A life is a caller over time.
type life struct {
	testing.TB
	caller Caller
	rules  Rules
	now    time.Time
	told   []events.Event
}

func newLife(t testing.TB) *life { return &life{TB: t, rules: usual(t), now: noon} }

// learn takes in events now.
func (l *life) learn(evs ...events.Event) {
	l.Helper()
	for _, e := range evs {
		f, matters, why := factOf(e)
		if !matters {
			l.Logf("%s of %s does not matter: %s", e.Type, e.Subject, why)
			continue
		}
		l.caller = l.caller.Learn(f)
	}
	l.advance()
}

func (l *life) advance() {
	l.Helper()
	var told []events.Event
	l.caller, told = l.caller.Advance(l.now, l.rules)
	l.told = append(l.told, told...)
	text := l.caller.text()
	again, err := parseCaller(text)
	if err != nil && l.caller.Number != "" {
		l.Fatal(err)
	}
	if err == nil && string(again.text()) != string(text) {
		l.Fatalf("it is read as %s, and was written as %s", again.text(), text)
	}
}

// until lets time pass, in which what is due falls due.
func (l *life) until(t time.Time) {
	l.Helper()
	for n := 0; !l.caller.Wake.IsZero() && !l.caller.Wake.After(t); n++ {
		if n > 1000 {
			l.Fatalf("it wakes again and again at %s", l.caller.Wake)
		}
		if l.caller.Wake.After(l.now) {
			l.now = l.caller.Wake
		}
		l.advance()
	}
	l.now = t
}

// want checks what was told since the last want.
func (l *life) want(lines ...string) {
	l.Helper()
	var got []string
	for _, e := range l.told {
		got = append(got, line(e))
	}
	if !slices.Equal(got, lines) {
		l.Errorf("told\n\t%q, want\n\t%q", got, lines)
	}
	l.told = nil
}

func line(e events.Event) string {
	d, _ := e.Callback()
	s := fmt.Sprintf("%s x%d", e.Type[len("callback."):], d.Count)
	switch e.Type {
	case events.CallbackDue:
		s += fmt.Sprintf(" %d/%d", d.Step, d.Steps)
	case events.CallbackAttempted:
		s += fmt.Sprintf(" %d", d.Attempts)
	case events.CallbackCompleted:
		s += fmt.Sprintf(" %s %.0fs", *d.Resolution, *d.SecondsToReturn)
	}
	return s
}

func TestReminders(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(l *life){
		"a missed call opens after the grace, falls due at each step and expires": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(1.4))
			l.want()
			l.until(at(1.5))
			l.want("opened x1")
			l.until(at(60 * 80))
			l.want("due x1 1/3", "due x1 2/3", "due x1 3/3", "expired x1")
			if !l.caller.Wake.IsZero() || len(l.caller.Cases) != 0 {
				l.Errorf("left: %+v", l.caller)
			}
		},
		"further misses add to it and open nothing": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(5))
			l.learn(missedAt("m2", at(5)))
			l.until(at(16))
			l.want("opened x1", "due x2 1/3")
		},
		"a call back ends it": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(5))
			l.learn(returned("r1", at(5)))
			l.until(at(600))
			l.want("opened x1", "completed x1 returned 280s")
		},
		"an answer within the grace leaves nothing to tell": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(1))
			l.learn(reached("r1", at(0.8)))
			l.until(at(600))
			l.want()
		},
		"a call back that is learned of before the miss ends it at birth": func(l *life) {
			l.now = at(30)
			l.learn(returned("r1", at(5)))
			l.learn(missedAt("m1", at(0)))
			l.until(at(600))
			l.want()
		},
		"the caller who rings again and is answered is owed nothing": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(20))
			l.learn(reached("r1", at(20)))
			l.until(at(600))
			l.want("opened x1", "due x1 1/3", "completed x1 caller_reached_us 1180s")
		},
		"a call that began before the missed one does not count": func(l *life) {
			l.learn(returned("r1", at(-1)), missedAt("m1", at(0)))
			l.until(at(3))
			l.want("opened x1")
		},
		"a call back that nobody answers is told, and reminders go on": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(5))
			l.learn(tried("t1", at(4)), tried("t1", at(4)))
			l.learn(tried("t2", at(5)))
			l.until(at(16))
			l.want("opened x1", "attempted x1 1", "attempted x1 2", "due x1 1/3")
		},
		"a miss that was an answer is taken back": func(l *life) {
			m := missedAt("m1", at(0))
			l.learn(m)
			l.until(at(5))
			l.learn(amend(m, toAnswered))
			l.until(at(600))
			l.want("opened x1", "cancelled x1")
		},
		"an amendment that comes before the miss leaves nothing": func(l *life) {
			m := missedAt("m1", at(0))
			l.learn(amend(m, toAnswered))
			l.learn(m)
			l.until(at(600))
			l.want()
		},
		"the vendor's word ends it": func(l *life) {
			m := missedAt("m1", at(0))
			l.learn(m)
			l.until(at(5))
			l.now = at(9)
			back := amend(m, func(c *events.Call) { c.Returned = &events.Returned{} })
			back.RecordedTime = at(9)
			l.learn(back)
			l.until(at(600))
			l.want("opened x1", "completed x1 vendor 510s")
		},
		"the vendor's word without a time does not speak of a later miss": func(l *life) {
			m := missedAt("m1", at(0))
			l.learn(m)
			l.until(at(5))
			l.learn(missedAt("m2", at(5)))
			l.now = at(9)
			back := amend(m, func(c *events.Call) { c.Returned = &events.Returned{} })
			back.RecordedTime = at(9)
			l.learn(back)
			l.want("opened x1", "completed x1 vendor 510s", "opened x1")
		},
		"a person says that it is done": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(5))
			l.caller, _ = l.caller.Done(l.caller.Cases[0].ID, at(5))
			l.advance()
			l.learn(missedAt("m1", at(0)))
			l.until(at(600))
			l.want("opened x1", "completed x1 manual 270s")
			l.learn(missedAt("m2", at(590)))
			l.want("opened x1")
		},
		"a snooze puts off what is due, and reminds once": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(20))
			l.caller, _ = l.caller.Snooze(l.caller.Cases[0].ID, at(300))
			l.advance()
			l.until(at(299))
			l.want("opened x1", "due x1 1/3")
			l.until(at(301))
			l.want("due x1 3/3")
		},
		"a snooze to before the next step reminds then, and the ladder goes on": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(20))
			l.caller, _ = l.caller.Snooze(l.caller.Cases[0].ID, at(30))
			l.advance()
			l.until(at(29))
			l.want("opened x1", "due x1 1/3")
			l.until(at(31))
			l.want("due x1 2/4")
			l.until(at(300))
			l.want("due x1 3/4", "due x1 4/4")
		},
		"a reminder that is learned of late is announced for when it is told": func(l *life) {
			l.now = at(61)
			l.learn(missedAt("m1", at(0)))
			opened, _ := l.told[0].Callback()
			due, _ := l.told[1].Callback()
			if !opened.DueAt.Equal(*due.DueAt) {
				l.Errorf("opened says %s, due %s", opened.DueAt, due.DueAt)
			}
		},
		"a snooze after the last step reminds once more": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(300))
			l.told = nil
			l.caller, _ = l.caller.Snooze(l.caller.Cases[0].ID, at(400))
			l.advance()
			l.until(at(3000))
			l.want("due x1 4/4")
		},
		"what was missed long ago is told once, not thrice": func(l *life) {
			l.now = at(61)
			l.learn(missedAt("m1", at(0)))
			l.until(at(100))
			l.want("opened x1", "due x1 2/3")
		},
		"what was missed too long ago is not told": func(l *life) {
			l.now = at(60 * 73)
			l.learn(missedAt("m1", at(0)))
			l.until(at(60 * 100))
			l.want()
		},
		"reminders wait for the business to open": func(l *life) {
			l.rules.Hours = calendar(l, "Mon-Fri 09:00-12:10", "UTC", "")
			l.learn(missedAt("m1", at(0))) // missed at 12:00:30, so that 9 m 30 s are left today
			l.until(at(1200))
			l.want("opened x1")
			l.until(at(60*21 + 5.4)) // 09:05:24
			l.want()
			l.until(at(60*21 + 5.5)) // 09:05:30
			l.want("due x1 1/3")
		},
		"a timer that fires when the business has closed waits for it to open": func(l *life) {
			l.rules.Hours = calendar(l, "Mon-Fri 09:00-12:30", "UTC", "")
			l.learn(missedAt("m1", at(0)))
			l.until(at(10))
			l.now = at(45) // callbus was away at 12:15
			l.advance()
			l.want("opened x1")
			l.until(at(60 * 21))
			l.want("due x1 1/3")
		},
		"after an answer, the next miss is a new obligation": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(5))
			l.learn(returned("r1", at(5)))
			l.learn(missedAt("m2", at(10)))
			l.until(at(12))
			l.want("opened x1", "completed x1 returned 280s", "opened x1")
			if e := l.caller.Ended[0]; e.ID == l.caller.Cases[0].ID {
				l.Error("both have the same id")
			}
		},
		"an answer between two misses, learned late, ends one obligation and begins another": func(l *life) {
			l.learn(missedAt("m1", at(0)))
			l.until(at(20))
			l.learn(missedAt("m2", at(20)))
			l.until(at(22))
			l.learn(returned("r1", at(10)))
			l.want("opened x1", "due x1 1/3", "completed x1 returned 580s", "opened x1")
		},
		"what was told as done stays done when the record changes": func(l *life) {
			r := returned("r1", at(5))
			l.learn(missedAt("m1", at(0)))
			l.until(at(6))
			l.learn(r)
			l.learn(amend(r, func(c *events.Call) { no := events.NoAnswer; c.Outcome, c.AnsweredAt = &no, nil }))
			l.until(at(600))
			l.want("opened x1", "completed x1 returned 280s")
		},
		"what was taken back and is missed after all is told anew": func(l *life) {
			m := missedAt("m1", at(0))
			l.learn(m)
			l.until(at(5))
			a := amend(m, toAnswered)
			l.learn(a)
			l.learn(amend(a, func(c *events.Call) {
				no, yes := events.NoAnswer, true
				c.Outcome, c.Missed, c.AnsweredAt = &no, &yes, nil
			}))
			l.want("opened x1", "cancelled x1", "opened x1")
			if l.caller.Ended[0].ID == l.caller.Cases[0].ID {
				l.Error("both have the same id")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(newLife(t))
		})
	}
}

func TestWhatObligesNobody(t *testing.T) {
	t.Parallel()
	with := func(f func(c *events.Call)) events.Event {
		e := missedAt("m1", noon)
		c, _ := e.Call()
		f(&c)
		e.Data = c
		return e
	}
	for why, e := range map[Ignored]events.Event{
		Withheld:   with(func(c *events.Call) { c.ExternalNumber = nil }),
		Internal:   with(func(c *events.Call) { c.Direction = events.Internal }),
		Backfilled: with(func(c *events.Call) { c.Backfill = true }),
	} {
		if _, matters, got := factOf(e); matters || got != why {
			t.Errorf("%s: matters %v, because of %q", why, matters, got)
		}
	}
}

func TestByQueueEachQueueOwesACall(t *testing.T) {
	t.Parallel()
	in := func(queue string, e events.Event) events.Event {
		c, _ := e.Call()
		c.Queue = &events.Queue{Name: &queue}
		e.Data = c
		return e
	}
	l := newLife(t)
	l.rules.ByQueue = true
	l.learn(in("sales", missedAt("m1", at(0))), in("support", missedAt("m2", at(1))), in("sales", missedAt("m3", at(2))))
	l.until(at(5))
	l.want("opened x2", "opened x1")
	l.learn(returned("r1", at(5)))
	l.want("completed x2 returned 280s", "completed x1 returned 220s")
}

func TestAMissedCallIsNamedByItsEvent(t *testing.T) {
	t.Parallel()
	// The vendor says at first that somebody answered: call.missed comes with the amendment, and has its revision.
	answered := call("m1", events.CallEnded, events.Inbound, events.Answered, at(0))
	amended := amend(answered, func(c *events.Call) {
		no, yes := events.NoAnswer, true
		c.Outcome, c.Missed, c.AnsweredAt = &no, &yes, nil
	})
	c, _ := amended.Call()
	missed := amended
	missed.Type, missed.Data, missed.ID = events.CallMissed, c, events.ID("acme", "m1", events.CallMissed, 2)
	again := amend(amended, func(c *events.Call) { c.Queue = &events.Queue{} })
	for _, order := range [][]events.Event{{answered, missed, amended, again}, {again, amended, missed, answered}, {missed}, {again, missed}} {
		l := newLife(t)
		l.until(at(2))
		l.learn(order...)
		if len(l.told) != 1 {
			t.Fatalf("told %v", l.told)
		}
		d, _ := l.told[0].Callback()
		if d.MissedCalls[0].EventID != missed.ID || l.told[0].CausationID != missed.ID {
			t.Errorf("it was missed by %s, because of %s, want %s", d.MissedCalls[0].EventID, l.told[0].CausationID, missed.ID)
		}
	}
}

func TestWhatIsCancelledSaysWhenItWasThoughtToBeMissed(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	m := missedAt("m1", at(0))
	l.learn(m)
	l.until(at(5))
	l.learn(amend(m, toAnswered))
	for _, e := range l.told {
		if d, _ := e.Callback(); !d.FirstMissedAt.Equal(at(0.5)) || !d.MissedCalls[0].At.Equal(at(0.5)) {
			t.Errorf("%s: missed at %s, want %s", e.Type, d.FirstMissedAt, at(0.5))
		}
	}
	l.want("opened x1", "cancelled x1")
}

func TestACallBackWhoseAnswerHasNoTimeIsNotTakenForOneAtItsEnd(t *testing.T) {
	t.Parallel()
	half := 30.0
	for name, tc := range map[string]struct {
		with func(c *events.Call)
		told string
	}{
		"nothing is known":       {func(c *events.Call) { c.AnsweredAt = nil }, "completed x1 returned 270s"},
		"how long they talked":   {func(c *events.Call) { c.AnsweredAt, c.TalkSeconds = nil, new(half-5) }, "completed x1 returned 275s"},
		"when they were reached": {func(c *events.Call) {}, "completed x1 returned 280s"},
	} {
		l := newLife(t)
		l.learn(missedAt("m1", at(0)))
		l.until(at(9))
		back := amend(returned("r1", at(5)), tc.with)
		back.Time, back.RecordedTime = at(9), at(9) // an amendment is of when it is made
		l.learn(back)
		t.Log(name)
		l.want("opened x1", tc.told)
	}
}
