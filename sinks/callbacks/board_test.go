package callbacks

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/sinktest"
)

// TestTheBoardOfOpenCases: what was written since a review began is newer than what it finds, and what a whole review does not
// find is gone.
func TestTheBoardOfOpenCases(t *testing.T) {
	t.Parallel()
	waits := Caller{Cases: []Case{{Status: events.StatusWatching}}}.standing()
	both := Caller{Cases: []Case{{Status: events.StatusWatching}, {Status: events.StatusSnoozed}}}.standing()
	var none standing
	for name, tc := range map[string]struct {
		do                func(*board)
		watching, snoozed int
	}{
		"written":                     {func(b *board) { b.set("a", waits); b.set("b", both) }, 2, 1},
		"written again":               {func(b *board) { b.set("a", both); b.set("a", waits) }, 1, 0},
		"written to be over":          {func(b *board) { b.set("a", both); b.set("a", none) }, 0, 0},
		"found":                       {func(b *board) { b.begin(); b.found("a", both); b.end(true) }, 1, 1},
		"found as it was written":     {func(b *board) { b.set("a", waits); b.begin(); b.found("a", waits); b.end(true) }, 1, 0},
		"written by somebody else":    {func(b *board) { b.set("a", waits); b.begin(); b.found("a", both); b.end(true) }, 1, 1},
		"over since it was read":      {func(b *board) { b.set("a", waits); b.begin(); b.set("a", none); b.found("a", waits); b.end(true) }, 0, 0},
		"opened since it was read":    {func(b *board) { b.begin(); b.set("a", waits); b.found("a", none); b.end(true) }, 1, 0},
		"not there any more":          {func(b *board) { b.set("a", waits); b.begin(); b.end(true) }, 0, 0},
		"not reached by the review":   {func(b *board) { b.set("a", waits); b.begin(); b.end(false) }, 1, 0},
		"of a status that is unknown": {func(b *board) { b.set("a", Caller{Cases: []Case{{Status: "x"}}}.standing()) }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Sink{board: newBoard()}
			tc.do(s.board)
			got := s.Open()
			if len(got) != len(openStatuses) || got[events.StatusWatching] != tc.watching || got[events.StatusSnoozed] != tc.snoozed {
				t.Errorf("open are %v, want %d that wait and %d that are put off", got, tc.watching, tc.snoozed)
			}
		})
	}
}

// TestASinkKnowsWhatIsOpenAndTellsWhatItStored: also the next one, of what the one before it has left.
func TestASinkKnowsWhatIsOpenAndTellsWhatItStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		diary := sinktest.NewDiary()
		told := make(chan events.Event, 10)
		open := func() *Sink {
			c := Config{After: Durations{time.Hour}, Hours: "Mon-Sun 00:00-24:00", Grace: time.Minute, MaxAge: 72 * time.Hour, Scope: PerNumber}
			s, err := New("calls", c, Options{Diary: diary, Told: func(e events.Event) { told <- e }})
			if err != nil {
				t.Fatal(err)
			}
			s.CaughtUp()
			synctest.Wait()
			return s
		}
		deliver := func(s *Sink, e events.Event) {
			t.Helper()
			if err := s.Deliver(t.Context(), sinks.Delivery{Event: e, Attempt: 1}); err != nil {
				t.Fatal(err)
			}
		}
		wants := func(s *Sink, typ events.Type, status events.CallbackStatus, n int) events.Callback {
			t.Helper()
			synctest.Wait()
			if got := s.Open()[status]; got != n {
				t.Errorf("%d are %s, want %d; %v", got, status, n, s.Open())
			}
			select {
			case e := <-told:
				if c, _ := e.Callback(); e.Type == typ {
					return c
				}
				t.Errorf("told %s, want %s", e.Type, typ)
			default:
				t.Errorf("nothing is told, want %s", typ)
			}
			return events.Callback{}
		}
		s := open()
		deliver(s, missedAt("m1", time.Now()))
		time.Sleep(2 * time.Minute)
		wants(s, events.CallbackOpened, events.StatusWatching, 1)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open()
		if got := s.Open()[events.StatusWatching]; got != 1 {
			t.Errorf("the next sink finds %d that wait, want 1", got)
		}
		time.Sleep(time.Hour)
		wants(s, events.CallbackDue, events.StatusNotified, 1)
		deliver(s, returned("r1", time.Now()))
		c := wants(s, events.CallbackCompleted, events.StatusNotified, 0)
		if c.SecondsToReturn == nil || *c.SecondsToReturn < 3600 {
			t.Errorf("it took %v, want an hour", c.SecondsToReturn)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
