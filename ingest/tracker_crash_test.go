package ingest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// TestACrashAtAnyInstantLosesNothingAndRepeatsNothing cuts every case of the table off after every event, also in the
// middle of what one observation made, and lets a new tracker continue from what is stored.
func TestACrashAtAnyInstantLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range trackerCases() {
		if tc.forgetful {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			whole := liveToTheEnd(t, tc, crash{step: -1})
			for i, evs := range observeAll(tc) {
				if late(tc, i) {
					continue // a new tracker is not shown what its predecessor asked for
				}
				for stored := range len(evs) + 1 {
					got := liveToTheEnd(t, tc, crash{step: i, stored: stored})
					when := fmt.Sprintf("cut off at step %d after %d of %d events", i, stored, len(evs))
					compareFacts(t, when, whole, got)
					// What is decided later is decided with what is known by then: a call whose record came before
					// its end is not first ended without one.
					if !forgivable(tc.steps[i].see, evs[stored:]) {
						compareTypes(t, when, whole, got)
					}
				}
			}
		})
	}
}

// late tells whether what step i of tc sees is older than what was seen before.
func late(tc trackerCase, i int) bool {
	return slices.ContainsFunc(tc.steps[:i], func(s step) bool { return seenAt(s.see).After(seenAt(tc.steps[i].see)) })
}

// crash is when a tracker is cut off: at a step, when so many of its events were stored.
type crash struct{ step, stored int }

func observeAll(tc trackerCase) [][]events.Event {
	tracker := ingest.NewTracker(trackerFor(tc))
	var all [][]events.Event
	for _, s := range tc.steps {
		all = append(all, tracker.Observe(s.see))
	}
	return all
}

// liveToTheEnd returns what is stored when tc was lived through, with a crash, and everything in it is long over.
func liveToTheEnd(t *testing.T, tc trackerCase, at crash) []events.Event {
	t.Helper()
	tracker := ingest.NewTracker(trackerFor(tc))
	var stream []events.Event
	for i, s := range tc.steps {
		evs := tracker.Observe(s.see)
		if i != at.step {
			stream = append(stream, evs...)
			continue
		}
		stream = append(stream, evs[:at.stored]...)
		tracker = reborn(t, tc, s.see, stream)
		again := tracker.Observe(s.see)
		if missing := evs[at.stored:]; !forgivable(s.see, missing) && !slices.Equal(ids(again), ids(missing)) {
			t.Errorf("step %d, cut off after %d of its %d events and seen again, says %v, want %v", i, at.stored, len(evs), brief(again), brief(missing))
		}
		stream = append(stream, again...)
	}
	for _, o := range afterwards(tc) {
		stream = append(stream, tracker.Observe(o)...)
	}
	return stream
}

// reborn is a tracker that knows what is stored, as it comes back from the wire.
func reborn(t *testing.T, tc trackerCase, last ingest.Observation, stream []events.Event) *ingest.Tracker {
	t.Helper()
	cfg := trackerFor(tc)
	cfg.Since = seenAt(last).Add(-10 * time.Millisecond)
	tracker := ingest.NewTracker(cfg)
	for _, e := range stream {
		tracker.Restore(overTheWire(t, e))
	}
	return tracker
}

// forgivable tells whether a new tracker need not say at once what the old one was about to say: that a call has been
// gone for SETTLE, that a record was waited with for as long, or an account unread for three polls, it has to find out anew.
func forgivable(o ingest.Observation, missing []events.Event) bool {
	switch o := o.(type) {
	case ingest.Failure, ingest.Detail:
		return true
	case ingest.Page:
		return slices.ContainsFunc(o.Records, func(r ingest.CDR) bool { return r.Rows > 0 || r.Undecided })
	}
	_, ok := o.(ingest.Snapshot)
	return ok && slices.ContainsFunc(missing, func(e events.Event) bool {
		return e.Type == events.CallEnded || e.Type == events.CallAmended
	})
}

// afterwards is what is seen when all calls of tc are over: nothing is active, and the records are as listed last.
func afterwards(tc trackerCase) []ingest.Observation {
	var records []ingest.CDR
	var ahead *time.Duration
	var details []ingest.Detail
	for _, s := range tc.steps {
		if d, ok := s.see.(ingest.Detail); ok {
			details = append(details, d)
		}
		if p, ok := s.see.(ingest.Page); ok && len(p.Records) > 0 {
			records, ahead = p.Records, p.Ahead
		}
	}
	end := seenAt(tc.steps[len(tc.steps)-1].see).Sub(epoch).Seconds()
	var all []ingest.Observation
	for _, later := range []float64{2, 14, 26, 38} {
		all = append(all, shows(end+later))
	}
	for _, later := range []float64{40, 300} {
		p := lists(end+later, records...)
		p.Ahead = ahead
		all = append(all, p)
		for _, d := range details {
			d.Asked, d.At = p.Asked, p.At
			all = append(all, d)
		}
	}
	return all
}

// compareFacts holds a life with a crash against one without: the same calls, with the same facts in the end.
func compareFacts(t *testing.T, when string, want, got []events.Event) {
	t.Helper()
	_, wantFacts := byCall(t, want)
	_, gotFacts := byCall(t, got)
	for id, f := range gotFacts {
		w, ok := wantFacts[id]
		if !ok {
			t.Errorf("%s, there is one more call: %.5s", when, id)
		} else if w, g := essence(w), essence(f); w != g {
			t.Errorf("%s, call %.5s is in the end\n\t%s\nwant\n\t%s", when, id, g, w)
		}
	}
	for id := range wantFacts {
		if _, ok := gotFacts[id]; !ok {
			t.Errorf("%s, call %.5s is not told", when, id)
		}
	}
}

// compareTypes holds a life with a crash against one without: the same events of each call, in the same order. How many
// amendments it takes may differ.
func compareTypes(t *testing.T, when string, want, got []events.Event) {
	t.Helper()
	wantTypes, _ := byCall(t, want)
	gotTypes, _ := byCall(t, got)
	for id, types := range wantTypes {
		if !slices.Equal(types, gotTypes[id]) {
			t.Errorf("%s, call %.5s is told as %v, want %v", when, id, gotTypes[id], types)
		}
	}
}

// byCall returns the types of the events of each call but for amendments, and its last facts.
func byCall(t *testing.T, stream []events.Event) (map[string][]events.Type, map[string]events.Call) {
	t.Helper()
	types, facts, seen := map[string][]events.Type{}, map[string]events.Call{}, map[string]bool{}
	for _, e := range stream {
		if seen[e.ID] {
			t.Errorf("%s of %.5s is told twice", e.Type, e.Subject)
		}
		seen[e.ID] = true
		f, ok := e.Call()
		if !ok {
			continue
		}
		facts[e.Subject] = f
		if e.Type != events.CallAmended {
			types[e.Subject] = append(types[e.Subject], e.Type)
		}
	}
	return types, facts
}

// essence is what must not depend on when a tracker was cut off. When a call ended without a record, and when it was
// seen to be answered, does.
func essence(f events.Call) string {
	s := fmt.Sprint(f.State, f.Direction, orEmpty(f.From.Raw), orEmpty(f.To.Raw), *f.StartedAt, verdict(f.Missed), f.Recording, f.VendorIDs, f.Backfill)
	if f.Outcome != nil {
		s += string(*f.Outcome)
	}
	if f.State == events.Final {
		s += fmt.Sprint(*f.EndedAt)
	}
	if f.Queue != nil {
		s += orEmpty(f.Queue.ID)
	}
	return s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func ids(evs []events.Event) []string {
	var all []string
	for _, e := range evs {
		if _, ok := e.Call(); ok {
			all = append(all, e.ID)
		}
	}
	return all
}

func brief(evs []events.Event) []string {
	var all []string
	for _, e := range evs {
		all = append(all, fmt.Sprintf("%s of %.5s", e.Type, e.Subject))
	}
	return all
}

func TestAGapIsClosedByATrackerThatDidNotOpenIt(t *testing.T) {
	t.Parallel()
	tc := trackerCase{}
	first := ingest.NewTracker(testConfig())
	stream := slices.Concat(
		first.Observe(fails(events.ActiveCalls, 20)),
		first.Observe(fails(events.CDRs, 20)),
	)
	second := reborn(t, tc, shows(30), stream)
	for _, o := range []ingest.Observation{
		fails(events.ActiveCalls, 40), // it is open already
		shows(29),                     // asked for by the former life
	} {
		if evs := second.Observe(o); len(evs) > 0 {
			t.Fatalf("%v at %v says %v, want nothing", o, seenAt(o).Sub(epoch), brief(evs))
		}
	}
	closed := second.Observe(shows(42))
	if len(closed) != 1 {
		t.Fatalf("reading again says %v, want the end of one gap", brief(closed))
	}
	valid(t, closed[0])
	want := stream[0].Data.(events.Gap)
	got := closed[0].Data.(events.Gap)
	if got.GapID != want.GapID || got.List != events.ActiveCalls || !got.From.Equal(epoch) || !got.To.Equal(sec(42)) {
		t.Errorf("closed %+v, want the gap that was opened as %+v, until %v", got, want, sec(42))
	}
	if closed[0].CausationID != stream[0].ID {
		t.Errorf("the end of the gap is caused by %s, want the event that opened it, %s", closed[0].CausationID, stream[0].ID)
	}
}

func TestAClosedGapIsNotClosedAgain(t *testing.T) {
	t.Parallel()
	first := ingest.NewTracker(testConfig())
	stream := slices.Concat(first.Observe(fails(events.ActiveCalls, 20)), first.Observe(shows(22)))
	second := reborn(t, trackerCase{}, shows(30), stream)
	if evs := second.Observe(shows(32)); len(evs) > 0 {
		t.Errorf("reading on says %v, want nothing", brief(evs))
	}
}

// TestARestoredTrackerPassesOverWhatNoTrackerWrote: the stream may hold events of another version.
func TestARestoredTrackerPassesOverWhatNoTrackerWrote(t *testing.T) {
	t.Parallel()
	tracker := ingest.NewTracker(testConfig())
	tracker.Restore(events.Event{Type: events.CallStarted, Data: events.Call{CallID: "x"}})
	tracker.Restore(events.Event{Type: events.CallEnded, Data: events.Call{CallID: "x", StartedAt: new(sec(3))}})
	tracker.Restore(events.Event{Type: "callback.opened", Data: "of another kind"})
	if n := tracker.Live(); n != 0 {
		t.Errorf("%d calls are going on, want none", n)
	}
	if got := newTeller(t).tell(tracker.Observe(shows(4, ringing("SIP/1", 3)))); !slices.Equal(got, []string{"A started"}) {
		t.Errorf("a call not seen before says %v", got)
	}
}
