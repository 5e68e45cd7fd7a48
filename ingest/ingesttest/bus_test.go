package ingesttest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var then = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

// event is one about call A of account, recorded some minutes after noon.
func event(account string, typ events.Type, revision, minutes int) events.Event {
	f := events.Call{
		CallID: "A", Account: account, Provider: "telsam", VendorIDs: map[string]string{}, Revision: revision, State: events.Provisional,
		Direction: events.Inbound, Media: events.Voice, StartedAt: &then, Hangup: events.Hangup{By: events.ByUnknown},
		Recording: events.RecordingUnknown, Evidence: []events.Evidence{events.FromSnapshot}, Estimated: []string{},
	}
	if typ != events.CallStarted {
		f.EndedAt, f.Outcome, f.Missed = new(then), new(events.UnknownOutcome), new(false)
	}
	e := events.Event{
		ID: events.ID(account, "A", typ, revision), Type: typ, Account: account, Provider: "telsam", Subject: "A",
		Time: then, RecordedTime: then.Add(time.Duration(minutes) * time.Minute), CorrelationID: "A", Data: f,
	}
	if typ == events.CallAmended {
		e.Data = events.Amendment{Call: f, Changed: []string{"missed"}, Supersedes: events.ID(account, "A", events.CallEnded, 1)}
	}
	return e
}

func publish(t *testing.T, b *ingesttest.Bus, evs ...events.Event) {
	t.Helper()
	if err := b.Publish(t.Context(), evs...); err != nil {
		t.Fatal(err)
	}
}

func stored(b *ingesttest.Bus) []string {
	var all []string
	for _, e := range b.Stored() {
		all = append(all, e.ID)
	}
	return all
}

func TestAnEventIsStoredOnceAndInItsPlace(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	started, ended := event("acme", events.CallStarted, 1, 0), event("acme", events.CallEnded, 1, 1)
	publish(t, b, started)
	publish(t, b, started, ended)
	publish(t, b, ended, started)
	if got, want := stored(b), []string{started.ID, ended.ID}; !slices.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
}

func TestACallIsAmendedAgainAndAgain(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	second, third := event("acme", events.CallAmended, 2, 0), event("acme", events.CallAmended, 3, 1)
	publish(t, b, second, third)
	publish(t, b, third)
	if got, want := stored(b), []string{second.ID, third.ID}; !slices.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
}

func TestAnotherEventOfASubjectIsAnothersWord(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	publish(t, b, event("acme", events.CallEnded, 1, 0))
	err := b.Publish(t.Context(), event("acme", events.CallEnded, 2, 1))
	if !errors.Is(err, ingest.ErrOvertaken) {
		t.Errorf("another end of one call: %v, want %v", err, ingest.ErrOvertaken)
	}
	if n := len(b.Stored()); n != 1 {
		t.Errorf("%d events are stored, want 1", n)
	}
}

func TestWhatIsStoredIsWhatComesBackFromTheWire(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	e := event("acme", events.CallStarted, 1, 0)
	publish(t, b, e)
	f := e.Data.(events.Call)
	f.VendorIDs["id"] = "changed afterwards"
	got, _ := b.Stored()[0].Call()
	if len(got.VendorIDs) > 0 {
		t.Errorf("what is stored changes with what was published: %v", got.VendorIDs)
	}
}

func TestWhatBreaksItsSchemaIsRefused(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	e := event("acme", events.CallStarted, 1, 0)
	f := e.Data.(events.Call)
	f.Direction = "sideways"
	e.Data = f
	if err := b.Publish(t.Context(), e); err == nil || ingesttest.IsCut(err) || errors.Is(err, ingest.ErrOvertaken) {
		t.Errorf("an event that breaks its schema: %v, want an error that says so", err)
	}
	if n := len(b.Stored()); n > 0 {
		t.Errorf("%d events are stored, want none", n)
	}
}

func TestNothingIsStoredForOneWhoHasGone(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Publish(ctx, event("acme", events.CallStarted, 1, 0)); !errors.Is(err, context.Canceled) || len(b.Stored()) > 0 {
		t.Errorf("%v, and %d events stored, want %v and none", err, len(b.Stored()), context.Canceled)
	}
}

func TestABusIsCutOffInTheMiddleAndMended(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	b.CutAfter(1)
	started, ended := event("acme", events.CallStarted, 1, 0), event("acme", events.CallEnded, 1, 1)
	err := b.Publish(t.Context(), started, ended)
	if !ingesttest.IsCut(err) || !errors.Is(err, ingest.ErrBusClosed) || len(b.Stored()) != 1 {
		t.Errorf("%v, and %d events stored, want that it was cut off after one", err, len(b.Stored()))
	}
	if err := b.Publish(t.Context(), ended); !ingesttest.IsCut(err) {
		t.Errorf("it stays cut off: %v", err)
	}
	b.Mend()
	publish(t, b, started, ended)
	if got, want := stored(b), []string{started.ID, ended.ID}; !slices.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
	if ingesttest.IsCut(ingest.ErrBusClosed) {
		t.Error("a bus that was closed was not cut off")
	}
}

func TestEventsOfAnAccountSinceAMoment(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	old, other, fresh := event("acme", events.CallStarted, 1, 0), event("other", events.CallStarted, 1, 5), event("acme", events.CallEnded, 1, 5)
	publish(t, b, old, other, fresh)
	read := func(since time.Time) []string {
		var all []string
		for e, err := range b.Events(t.Context(), "acme", since) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e.ID)
		}
		return all
	}
	if got, want := read(then), []string{old.ID, fresh.ID}; !slices.Equal(got, want) {
		t.Errorf("since the first: %v, want %v", got, want)
	}
	if got, want := read(then.Add(time.Second)), []string{fresh.ID}; !slices.Equal(got, want) {
		t.Errorf("since after the first: %v, want %v", got, want)
	}
	for range b.Events(t.Context(), "acme", then) {
		break // which must not go on, nor hang
	}
}

func TestAnAccountIsFirstSeenOnce(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	for i, account := range []string{"acme", "other", "acme"} {
		got, err := b.FirstSeen(t.Context(), account, then.Add(time.Duration(i)*time.Hour))
		want := then.Add(time.Duration(i%2) * time.Hour)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s was first seen %v (%v), want %v", account, got, err, want)
		}
	}
}

func TestARowIsKeptOnceForEachAccount(t *testing.T) {
	t.Parallel()
	b := &ingesttest.Bus{}
	row := ingest.Rejected{Row: []byte(`{"src":null}`), Reason: "src: missing"}
	for _, account := range []string{"acme", "acme", "other"} {
		if err := b.Quarantine(t.Context(), account, "telsam", row, then); err != nil {
			t.Fatal(err)
		}
	}
	if rows := b.Rejected(); len(rows) != 2 || rows[0].Reason != row.Reason {
		t.Errorf("kept %v, want the row twice, for two accounts", rows)
	}
}
