package ingest

import (
	"testing"
	"time"

	"github.com/callbus/callbus/events"
)

// The process after one that was lost closes the gap that the loss opened, beside one that the vendor's silence had opened before.
func TestTheNextProcessClosesTheGapOfALostOne(t *testing.T) {
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	tracker := NewTracker(TrackerConfig{Account: "acme", Provider: "telsam", Settings: Settings{PollActive: time.Second}, Since: begin})
	silent := tracker.Observe(Failure{List: events.ActiveCalls, At: begin.Add(10 * time.Second), Reason: events.GapUnreachable})
	lost := Lapsed("acme", "telsam", "term", begin.Add(20*time.Second), begin.Add(28*time.Second))
	if again := Lapsed("acme", "telsam", "term", begin, begin); again.ID != lost.ID || again.Subject != lost.Subject {
		t.Error("the event that ends a term does not depend on the term alone")
	}

	next := NewTracker(TrackerConfig{Account: "acme", Provider: "telsam", Settings: Settings{PollActive: time.Second}, Since: begin.Add(30 * time.Second)})
	for _, e := range append(silent, lost) {
		next.Restore(e)
	}
	if out := next.Observe(Failure{List: events.ActiveCalls, At: begin.Add(40 * time.Second)}); len(out) != 0 {
		t.Errorf("a third gap is opened while two are: %v", out)
	}
	read := Snapshot{At: begin.Add(50 * time.Second), Asked: begin.Add(50 * time.Second)}
	out := next.Observe(read)
	if len(out) != 2 || out[0].Subject != silent[0].Subject || out[1].Subject != lost.Subject {
		t.Fatalf("closed: %+v", out)
	}
	for _, e := range out {
		if g := e.Data.(events.Gap); e.Type != events.GapClosed || !g.To.Equal(read.At) {
			t.Errorf("closed as %s: %+v", e.Type, g)
		}
	}
	after := NewTracker(TrackerConfig{Account: "acme", Provider: "telsam", Settings: Settings{PollActive: time.Second}, Since: begin.Add(time.Minute)})
	for _, e := range append(append(silent, lost), out...) {
		after.Restore(e)
	}
	if out := after.Observe(Snapshot{At: begin.Add(2 * time.Minute), Asked: begin.Add(2 * time.Minute)}); len(out) != 0 {
		t.Errorf("closed twice: %+v", out)
	}
}
