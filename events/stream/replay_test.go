package stream_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/schemas"
	"github.com/callbus/callbus/sinks"
)

func replay(t testing.TB, b *stream.Bus, r stream.ReplayRequest) stream.Replayed {
	t.Helper()
	did, err := b.Replay(testContext(t), r)
	if err != nil {
		t.Fatal(err)
	}
	return did
}

// A replay delivers to its sink what that had already, as it was, and the sink keeps its own place.
func TestReplay(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	evs := calls("acme", 4)
	publish(t, b, evs...)
	l, other := openBacklog(t, b), openBacklog(t, b, named("other"))
	first := fetch(t, l, 9)
	finish(t, first...)
	finish(t, fetch(t, other, len(evs))...)
	if did := replay(t, b, stream.ReplayRequest{Sink: "crm"}); did != (stream.Replayed{Copied: 9, Ahead: true}) {
		t.Errorf("replayed %+v, want 9 events, and more ahead", did)
	}
	got := fetch(t, l, 12)
	rest, copies := parted(got, 9)
	checkFetched(t, rest, evs[9:])
	checkFetched(t, copies, evs[:9])
	for i, m := range copies {
		was := first[i]
		if m.Subject() != was.Subject() || m.Seq() != was.Seq() || !m.Stored().Equal(was.Stored()) || string(m.Body()) != string(was.Body()) {
			t.Fatalf("copy %d is %s, %d, %v; the event was %s, %d, %v", i, m.Subject(), m.Seq(), m.Stored(), was.Subject(), was.Seq(), was.Stored())
		}
	}
	if n, oldest, err := l.Size(testContext(t)); err != nil || n != 12 || oldest.IsZero() {
		t.Errorf("the size is %d, %v, %v", n, oldest, err)
	}
	finish(t, got...)
	emptied(t, l)
	nothing(t, other)

	m, err := eventStream(t, nc).GetMsg(testContext(t), 5)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		request stream.ReplayRequest
		want    []events.Event
	}{
		"since":             {stream.ReplayRequest{Since: m.Time}, evs[4:]},
		"until":             {stream.ReplayRequest{Until: m.Time}, evs[:4]},
		"one type":          {stream.ReplayRequest{Types: []string{"call.missed"}}, []events.Event{evs[2], evs[5], evs[8], evs[11]}},
		"a type it has not": {stream.ReplayRequest{Types: []string{"source.*"}}, nil},
		"twice":             {stream.ReplayRequest{Since: m.Time, Types: []string{"call.ended"}}, []events.Event{evs[4], evs[7], evs[10]}},
	} {
		t.Run(name, func(t *testing.T) {
			c.request.Sink = "crm"
			if did := replay(t, b, c.request); did != (stream.Replayed{Copied: len(c.want)}) {
				t.Errorf("replayed %+v, want %d", did, len(c.want))
			}
			times := 1
			if name == "twice" {
				times++
				replay(t, b, c.request)
			}
			for range times {
				got := fetch(t, l, len(c.want))
				checkFetched(t, got, c.want)
				nothing(t, l)
				finish(t, got...)
			}
			nothing(t, l)
		})
	}
}

func TestReplayOfReminders(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	evs := append(calls("acme", 1), reminder("acme", "1", 1), reminder("acme", "1", 3), attempt("acme", "1", 1))
	publish(t, b, evs...)
	l := openBacklog(t, b, ofTypes("*"))
	finish(t, fetch(t, l, len(evs))...)
	for pattern, want := range map[string][]events.Event{"callback.due": evs[3:5], "callback.*": evs[3:]} {
		if did := replay(t, b, stream.ReplayRequest{Sink: "crm", Types: []string{pattern}}); did != (stream.Replayed{Copied: len(want)}) {
			t.Errorf("replayed %+v of %s, want %d", did, pattern, len(want))
		}
		got := fetch(t, l, len(want))
		checkFetched(t, got, want)
		finish(t, got...)
	}
	emptied(t, l)
}

// parted returns the messages after a sequence, and those up to it.
func parted(ms []sinks.Message, seq uint64) (after, upTo []sinks.Message) {
	for _, m := range ms {
		if m.Seq() > seq {
			after = append(after, m)
		} else {
			upTo = append(upTo, m)
		}
	}
	return after, upTo
}

func TestReplayErrors(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	if _, err := b.Replay(testContext(t), stream.ReplayRequest{Sink: "crm"}); !errors.Is(err, stream.ErrNotFound) || !strings.Contains(err.Error(), "callbus sinks list") {
		t.Errorf("a sink that is not there: %v", err)
	}
	openBacklog(t, b)
	for _, r := range []stream.ReplayRequest{{Sink: "a.b"}, {Sink: "*"}, {}, {Sink: "crm", Types: []string{"call"}}} {
		if _, err := b.Replay(testContext(t), r); !errors.Is(err, stream.ErrInvalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// While there are events, one message of ten is a copy; and the same event is not under way twice at a time.
func TestReplayDoesNotHoldUpWhatIsNew(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	publish(t, b, calls("old", 100)...)
	l := openBacklog(t, b)
	finish(t, fetch(t, l, 300)...)
	replay(t, b, stream.ReplayRequest{Sink: "crm"})
	publish(t, b, calls("new", 100)...)
	copies, all := 0, 0
	for all-copies < 300 {
		for _, m := range fetch(t, l, 8) {
			if strings.Contains(m.Subject(), ".old.") {
				copies++
			}
			all++
			finish(t, m)
		}
	}
	if copies < 15 || copies > 45 {
		t.Errorf("%d of %d messages were copies while there were events, want about a tenth", copies, all)
	}
	finish(t, fetch(t, l, 300-copies)...)
	nothing(t, l)
}

func TestACopyWaitsForItsEvent(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	publish(t, b, calls("acme", 1)...)
	l := openBacklog(t, b)
	got := fetch(t, l, 3)
	replay(t, b, stream.ReplayRequest{Sink: "crm"})
	nothing(t, l)
	finish(t, got...)
	if again := fetch(t, l, 3); !slices.Equal(seqs(again), seqs(got)) {
		t.Errorf("the copies are of %v", seqs(again))
	}
}

// What is to be delivered again outlasts the process, the server and the consumer.
func TestReplayOutlastsARestart(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	nc := dial(t, s.URL())
	b := openBus(t, nc)
	evs := calls("acme", 2)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	finish(t, fetch(t, l, 6)...)
	replay(t, b, stream.ReplayRequest{Sink: "crm"})
	got := fetch(t, l, 4)
	finish(t, got[:2]...)
	l.Close()
	s.restart()
	l = openBacklog(t, b)
	got = fetch(t, l, 2)
	checkFetched(t, got, evs[2:4])
	finish(t, got...)
	l.Close()
	if err := jetStream(t, nc).DeleteConsumer(testContext(t), stream.ReplayName, "sink-crm"); err != nil {
		t.Fatal(err)
	}
	l = openBacklog(t, b)
	checkFetched(t, fetch(t, l, 2), evs[4:])
}

// The stream of copies is deleted: that is no reason to hold up events.
func TestWithoutTheStreamOfCopies(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	l := openBacklog(t, b)
	nothing(t, l)
	if err := jetStream(t, nc).DeleteStream(testContext(t), stream.ReplayName); err != nil {
		t.Fatal(err)
	}
	evs := calls("acme", 3)
	publish(t, b, evs...)
	got := fetch(t, l, len(evs))
	checkFetched(t, got, evs)
	finish(t, got...)
	replay(t, b, stream.ReplayRequest{Sink: "crm", Types: []string{"call.missed"}}) // makes it anew
	checkFetched(t, fetch(t, l, 3), []events.Event{evs[2], evs[5], evs[8]})
}

func sinkLetters(t testing.TB, b *stream.Bus, sink string) []stream.SinkDeadLetter {
	t.Helper()
	var out []stream.SinkDeadLetter
	for d, err := range b.SinkDeadLetters(testContext(t), sink) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

func deadOf(m sinks.Message) sinks.Dead {
	return sinks.Dead{
		Subject: m.Subject(), Seq: m.Seq(), Body: m.Body(), Reason: "400 Bad Request: no such field", Status: http.StatusBadRequest,
		Snippet: "<b>no</b>", Attempts: 2, First: at, Last: at.Add(10 * time.Second),
	}
}

func bury(t testing.TB, l sinks.Backlog, d sinks.Dead) {
	t.Helper()
	if err := l.Bury(testContext(t), d); err != nil {
		t.Fatal(err)
	}
}

func TestDeadLettersOfSinks(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	evs := calls("acme", 1)
	publish(t, b, evs...)
	l, other := openBacklog(t, b), openBacklog(t, b, named("crm-2"))
	got := fetch(t, l, 3)
	for range 2 {
		bury(t, l, deadOf(got[2]))
		bury(t, l, deadOf(got[0]))
		bury(t, other, deadOf(got[0]))
		again := deadOf(got[2])
		again.Reason = "another reason"
		bury(t, l, again)
		forgetDeadIDs(t, nc)
	}
	bury(t, other, sinks.Dead{Subject: "call.missed.acme.x", Seq: 99, Body: []byte{0xff, 'x'}, Reason: "not an event", Attempts: 0})

	letters := sinkLetters(t, b, "crm")
	if len(letters) != 2 || len(sinkLetters(t, b, "")) != 4 {
		t.Fatalf("%d letters of the sink, %d of all; want 2 of 4", len(letters), len(sinkLetters(t, b, "")))
	}
	want := deadOf(got[2])
	want.Sink = "crm"
	d := letters[0]
	if fmt.Sprint(d.Dead) != fmt.Sprint(want) || d.ID != events.Hash(got[2].Subject(), "3") || time.Since(d.Kept) > time.Minute {
		t.Errorf("read  %+v\nwant %+v", d, want)
	}
	if err := schemas.Validate(d.Body); err != nil {
		t.Errorf("the event of a dead letter: %v", err)
	}
	if binary := sinkLetters(t, b, "crm-2")[1]; string(binary.Body) != "\xffx" || !binary.First.IsZero() {
		t.Errorf("what is no event was read as %+v", binary)
	}
	raw, err := jetStreamLast(t, nc, stream.DeadName, "dead.sink.crm."+d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(raw); !strings.HasPrefix(text, `{"sink":"crm","subject":"call.missed.acme.call-000000","seq":3,"reason":"400 Bad Request: no such field","status":400,`) ||
		!strings.Contains(text, `"attempts":2,"first":"2026-07-01T09:00:00Z","last":"2026-07-01T09:00:10Z","event":{"specversion":"1.0",`) {
		t.Errorf("stored as %s", text)
	}
	for _, id := range []string{d.ID, "3"} {
		if one, err := b.SinkDeadLetter(testContext(t), "crm", id); err != nil || one.ID != d.ID {
			t.Errorf("letter %s: %v, %v", id, one.ID, err)
		}
	}
	for range 2 {
		if err := b.DropDeadLetter(testContext(t), d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.SinkDeadLetter(testContext(t), "crm", d.ID); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a letter that was dropped: %v", err)
	}
	if left := sinkLetters(t, b, ""); len(left) != 3 {
		t.Errorf("%d letters are left, want 3", len(left))
	}
}

func TestADeadLetterIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	evs := calls("acme", 1)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	got := fetch(t, l, 3)
	bury(t, l, deadOf(got[1]))
	finish(t, got...)
	for range 2 { // the sink gives it up once more
		letters := sinkLetters(t, b, "crm")
		if len(letters) != 1 {
			t.Fatalf("%d letters, want 1", len(letters))
		}
		if err := b.RetryDeadLetter(testContext(t), letters[0]); err != nil {
			t.Fatal(err)
		}
		if n := len(sinkLetters(t, b, "crm")); n != 0 {
			t.Fatalf("%d letters are left", n)
		}
		again := fetch(t, l, 1)
		if m := again[0]; m.Subject() != got[1].Subject() || m.Seq() != 2 || string(m.Body()) != string(got[1].Body()) {
			t.Fatalf("%s, %d, %s came", m.Subject(), m.Seq(), m.Body())
		}
		bury(t, l, deadOf(again[0]))
		finish(t, again...)
	}
	d := sinkLetters(t, b, "crm")[0]
	d.Body = nil
	if err := b.RetryDeadLetter(testContext(t), d); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("a letter without its event: %v", err)
	}
	d.Sink = "nobody"
	if err := b.RetryDeadLetter(testContext(t), d); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a letter of a sink that is not there: %v", err)
	}
}

// An event that is too large to be kept with its reason is buried without it: a sink must get rid of it.
func TestBuryWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	l := openBacklog(t, b)
	bury(t, l, sinks.Dead{Subject: "call.missed.acme.x", Seq: 1, Body: []byte(`"` + strings.Repeat("x", 5<<20) + `"`), Reason: "413"})
	d, err := b.SinkDeadLetter(testContext(t), "crm", "1")
	if err != nil || len(d.Body) > 0 || !strings.Contains(d.Reason, "too large") {
		t.Errorf("%v: %q, %d bytes", err, d.Reason, len(d.Body))
	}
}

func TestSinksAreListed(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	evs := calls("acme", 3)
	publish(t, b, evs...)
	l := openBacklog(t, b, named("crm"), ofTypes("call.ended", "call.missed"), ofAccounts("acme"))
	openBacklog(t, b, named("audit"), ofTypes("*"), startAt(stream.Start{}))
	got := fetch(t, l, 3)
	finish(t, got[0])
	back(t, 0, got[2])
	if err := l.SetState(testContext(t), "circuit", []byte(`"open"`)); err != nil {
		t.Fatal(err)
	}
	replay(t, b, stream.ReplayRequest{Sink: "crm", Types: []string{"call.missed"}})
	var crm stream.SinkInfo
	for ctx := testContext(t); crm.Position == 0; { // the server takes note of what it is told after a while
		all, err := b.Sinks(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 2 || all[0].Name != "audit" || all[0].Backlog != 0 || !all[0].Oldest.IsZero() || len(all[0].State) != 0 {
			t.Fatalf("the sinks are %+v", all)
		}
		crm = all[1]
	}
	checkStoredAt(t, nc, crm.Oldest, 3)
	if crm.Name != "crm" || crm.Position != 2 || crm.Backlog != 5 || crm.Pending != 2 || crm.Copies != 1 || string(crm.State["circuit"]) != `"open"` ||
		!slices.Equal(crm.Filters, []string{"call.ended.acme.>", "call.missed.acme.>"}) || time.Since(crm.Created) > time.Minute {
		t.Errorf("the sink is %+v", crm)
	}
}

func TestRemoveSink(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	publish(t, b, calls("acme", 1)...)
	l := openBacklog(t, b)
	other := openBacklog(t, b, named("crm-2"))
	got := fetch(t, l, 3)
	bury(t, l, deadOf(got[0]))
	finish(t, got...)
	for _, s := range []*stream.Backlog{l, other} {
		if err := s.SetState(testContext(t), "circuit", []byte("open")); err != nil {
			t.Fatal(err)
		}
	}
	replay(t, b, stream.ReplayRequest{Sink: "crm"})
	l.Close()
	if err := b.RemoveSink(testContext(t), "crm"); err != nil {
		t.Fatal(err)
	}
	if err := b.RemoveSink(testContext(t), "crm"); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a sink that is not there is removed: %v", err)
	}
	all, err := b.Sinks(testContext(t))
	if err != nil || len(all) != 1 || all[0].Name != "crm-2" || len(all[0].State) != 1 {
		t.Errorf("the sinks that are left: %+v, %v", all, err)
	}
	l = openBacklog(t, b, startAt(stream.Start{})) // it is a new one
	nothing(t, l)
	if s, err := l.State(testContext(t)); err != nil || len(s) != 0 {
		t.Errorf("its state is %v, %v", s, err)
	}
	if n := len(sinkLetters(t, b, "crm")); n != 1 {
		t.Errorf("%d dead letters are left, want 1", n)
	}
}

// The commands wait for a server that is away, as long as they may.
func TestCommandsOnSinksGiveUp(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	b := openBus(t, dial(t, s.URL()))
	l := openBacklog(t, b)
	s.Shutdown()
	for name, f := range map[string]func(context.Context) error{
		"list": func(ctx context.Context) error { _, err := b.Sinks(ctx); return err },
		"replay": func(ctx context.Context) error {
			_, err := b.Replay(ctx, stream.ReplayRequest{Sink: "crm"})
			return err
		},
		"remove": func(ctx context.Context) error { return b.RemoveSink(ctx, "crm") },
		"bury":   func(ctx context.Context) error { return l.Bury(ctx, sinks.Dead{Subject: "x"}) },
		"state":  func(ctx context.Context) error { _, err := l.State(ctx); return err },
		"keep":   func(ctx context.Context) error { return l.SetState(ctx, "a", []byte("x")) },
		"open": func(ctx context.Context) error {
			_, err := b.Backlog(ctx, stream.BacklogConfig{Sink: "x", Types: []string{"*"}})
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := f(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
	s.start()
}
