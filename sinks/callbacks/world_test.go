package callbacks

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/sinktest"
)

// TestMain has each property hold in 30 worlds unless -rapid.checks says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// A business is a calendar, and what it means: an oracle that is written by hand.
type business struct {
	hours, zone, holidays string
	open                  func(local time.Time) bool
}

var businesses = []business{
	{"Mon-Sun 00:00-24:00", "UTC", "", func(time.Time) bool { return true }},
	{"Mon-Fri 09:00-18:00", "Europe/Istanbul", "", func(t time.Time) bool {
		return t.Weekday() >= time.Monday && t.Weekday() <= time.Friday && t.Hour() >= 9 && t.Hour() < 18
	}},
	{"Mon-Fri 09:00-12:30,Mon-Fri 13:30-18:00,Sat 10:00-14:00", "Europe/Bucharest", "2000-01-06,12-25", func(t time.Time) bool {
		minute := t.Hour()*60 + t.Minute()
		switch {
		case t.Month() == time.December && t.Day() == 25, t.Month() == time.January && t.Day() == 6 && t.Year() == 2000, t.Weekday() == time.Sunday:
			return false
		case t.Weekday() == time.Saturday:
			return minute >= 600 && minute < 840
		}
		return minute >= 540 && minute < 750 || minute >= 810 && minute < 1080
	}},
	{"Mon-Sun 22:00-06:00", "America/New_York", "", func(t time.Time) bool { return t.Hour() >= 22 || t.Hour() < 6 }},
}

func (b business) isOpen(t time.Time) bool {
	zone, err := time.LoadLocation(b.zone)
	if err != nil {
		panic(err)
	}
	return b.open(t.In(zone))
}

// A plan is what happens in one case.
type plan struct {
	config   Config
	business business
	later    time.Duration // the day on which it begins
	facts    []fact        // in the order of arrival
	reviews  time.Duration // between two; 0: as usual
}

// A fact is an event, and when it is learned.
type fact struct {
	caller  int
	event   events.Event
	arrives time.Duration // after the beginning
	twice   bool
}

func aPlan(rt *rapid.T) plan {
	b := rapid.SampledFrom(businesses).Draw(rt, "business")
	p := plan{business: b, later: time.Duration(rapid.IntRange(0, 366*24).Draw(rt, "hours later")) * time.Hour}
	p.config = Config{
		After: rapid.SampledFrom([]Durations{{15 * time.Minute, time.Hour, 4 * time.Hour}, {0}, {time.Minute, 30 * time.Hour}}).Draw(rt, "after"),
		Hours: b.hours, Timezone: b.zone, Holidays: b.holidays,
		Grace:  rapid.SampledFrom([]time.Duration{0, time.Minute, 10 * time.Minute}).Draw(rt, "grace"),
		MaxAge: rapid.SampledFrom([]time.Duration{2 * time.Hour, 72 * time.Hour}).Draw(rt, "max age"),
		Scope:  rapid.SampledFrom([]Scope{PerNumber, PerQueue}).Draw(rt, "scope"),
	}
	if p.config.MaxAge <= p.config.Grace {
		p.config.MaxAge = 72 * time.Hour
	}
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(p.later)
	for i := range rapid.IntRange(1, 10).Draw(rt, "calls") {
		p.facts = append(p.facts, someFacts(rt, i, epoch)...)
	}
	slices.SortStableFunc(p.facts, func(a, b fact) int { return int(a.arrives - b.arrives) })
	return p
}

// someFacts draws one call, and what becomes known of it.
func someFacts(rt *rapid.T, i int, epoch time.Time) (all []fact) {
	caller := rapid.IntRange(0, 1).Draw(rt, "caller")
	began := time.Duration(rapid.IntRange(0, 600).Draw(rt, "began")) * time.Minute
	id := fmt.Sprint("c", i)
	kind := rapid.SampledFrom([]string{"missed", "missed", "missed", "returned", "reached", "tried", "amended", "marked"}).Draw(rt, "kind")
	late := func() time.Duration {
		return time.Duration(rapid.SampledFrom([]int{1, 5, 90, 4000, 20000}).Draw(rt, "late")) * time.Second
	}
	e := map[string]func(string, time.Time) events.Event{"returned": returned, "reached": reached, "tried": tried}[kind]
	if e == nil {
		e = missedAt
	}
	first := fact{caller: caller, event: from(e(id, epoch.Add(began)), caller, rapid.SampledFrom([]string{"", "q1", "q2"}).Draw(rt, "queue")), twice: rapid.Bool().Draw(rt, "twice")}
	first.arrives = began + 30*time.Second + late()
	all = append(all, first)
	var change func(*events.Call)
	switch kind {
	case "amended":
		change = toAnswered
	case "marked":
		change = func(c *events.Call) { c.Returned = &events.Returned{} }
	default:
		return all
	}
	second := first
	second.event, second.arrives = amend(first.event, change), first.arrives+late()
	second.event.RecordedTime = epoch.Add(second.arrives)
	return append(all, second)
}

// from returns e as of another caller, in a queue.
func from(e events.Event, caller int, queue string) events.Event {
	c, _ := e.Call()
	n := numberOf(caller)
	c.ExternalNumber = &n
	if queue != "" {
		c.Queue = &events.Queue{Name: &queue}
	}
	e.Data = c
	return e
}

func numberOf(caller int) string { return fmt.Sprintf("+90532111%04d", caller) }

// A world is a diary, and sinks on it one after another.
type world struct {
	testing.TB
	plan  plan
	diary *sinktest.Diary
	sink  *Sink
	began time.Time
	past  []events.Event // delivered
}

func newWorld(t testing.TB, p plan) *world {
	w := &world{TB: t, plan: p, diary: sinktest.NewDiary()}
	time.Sleep(p.later)
	w.began = time.Now()
	w.open()
	return w
}

func (w *world) open() {
	s, err := New("calls", w.plan.config, Options{Diary: w.diary, reviewEvery: w.plan.reviews, Past: func(_ context.Context, since time.Time) iter.Seq2[events.Event, error] {
		return func(yield func(events.Event, error) bool) {
			for _, e := range w.past {
				if e.RecordedTime.After(since) && !yield(e, nil) {
					return
				}
			}
		}
	}})
	if err != nil {
		w.Fatal(err)
	}
	s.CaughtUp()
	w.sink = s
}

// reopen is another process, after this one was killed.
func (w *world) reopen() {
	w.diary.Kill()
	w.close()
	w.diary = w.diary.Reopen()
	w.diary.Faulty(nil)
	w.open()
}

func (w *world) close() {
	if err := w.sink.Close(); err != nil {
		w.Error(err)
	}
}

// muchLater all is over, by any plan.
const muchLater = 5 * 24 * time.Hour

// run lets the plan happen, and then much time pass.
func (w *world) run() {
	for _, f := range w.plan.facts {
		w.until(f.arrives)
		w.deliver(f.event)
		if f.twice {
			w.deliver(f.event)
		}
	}
	w.until(muchLater)
}

// until lets time pass. A process that is killed meanwhile is followed by another, at once.
func (w *world) until(d time.Duration) {
	for {
		select {
		case <-w.diary.Killed():
			w.reopen()
			continue
		case <-time.After(time.Until(w.began.Add(d))):
		}
		synctest.Wait()
		return
	}
}

// deliver is what a pump does: it tries until the event is taken, in another process if this one is killed.
func (w *world) deliver(e events.Event) {
	for attempt := 1; ; attempt++ {
		err := w.sink.Deliver(context.Background(), sinks.Delivery{Event: e, Attempt: attempt})
		synctest.Wait()
		if err == nil {
			w.past = append(w.past, e)
			return
		}
		if errors.Is(err, sinktest.ErrKilled) {
			w.reopen()
		}
		if attempt > 20 {
			w.Fatalf("%s of %s is not taken: %v", e.Type, e.Subject, err)
		}
	}
}

// told returns what was told, as type, id and step.
func (w *world) told() (lines []string) {
	for _, e := range w.diary.Published() {
		d, _ := e.Callback()
		lines = append(lines, fmt.Sprintf("%s %s %d", e.ID, e.Type, d.Step))
	}
	slices.Sort(lines)
	return lines
}

// owed returns the missed calls of open cases.
func owed(t testing.TB, d sinks.Diary) (calls []string) {
	all, err := Open(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		for _, m := range k.MissedCalls {
			calls = append(calls, m.CallID)
		}
	}
	slices.Sort(calls)
	return calls
}

// inWorlds holds f in random worlds, each in a bubble of virtual time.
func inWorlds(t *testing.T, f func(w *world)) {
	t.Helper()
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := aPlan(rt)
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(sinktest.Reporter{TB: t, Rapid: rt}, p)
			f(w)
			w.close()
		})
	})
}
