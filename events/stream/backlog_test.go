package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
)

// openBacklog returns the backlog of a sink of all calls, from the beginning, or as the settings are changed by with.
func openBacklog(t testing.TB, b *stream.Bus, with ...func(*stream.BacklogConfig)) *stream.Backlog {
	t.Helper()
	c := stream.BacklogConfig{Sink: "crm", Types: []string{"call.*"}, Start: stream.Start{All: true}}
	for _, w := range with {
		w(&c)
	}
	l, err := b.Backlog(testContext(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func ofTypes(types ...string) func(*stream.BacklogConfig) {
	return func(c *stream.BacklogConfig) { c.Types = types }
}

func ofAccounts(accounts ...string) func(*stream.BacklogConfig) {
	return func(c *stream.BacklogConfig) { c.Accounts = accounts }
}

func startAt(s stream.Start) func(*stream.BacklogConfig) {
	return func(c *stream.BacklogConfig) { c.Start = s }
}

func named(sink string) func(*stream.BacklogConfig) {
	return func(c *stream.BacklogConfig) { c.Sink = sink }
}

func logTo(w *logText) func(*stream.BacklogConfig) {
	return func(c *stream.BacklogConfig) {
		c.Log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

func publish(t testing.TB, b *stream.Bus, evs ...events.Event) {
	t.Helper()
	if err := b.Publish(testContext(t), evs...); err != nil {
		t.Fatal(err)
	}
}

// fetch fetches n messages, in as many calls as it takes, and gives none back.
func fetch(t testing.TB, l sinks.Backlog, n int) []sinks.Message {
	t.Helper()
	var out []sinks.Message
	for len(out) < n {
		got, err := l.Fetch(testContext(t), n-len(out))
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(out), n, err)
		}
		if len(got) > n-len(out) {
			t.Fatalf("asked for %d messages, got %d", n-len(out), len(got))
		}
		out = append(out, got...)
	}
	return out
}

// nothing fails if there is something to fetch.
func nothing(t testing.TB, l sinks.Backlog) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
	defer cancel()
	if got, err := l.Fetch(ctx, 10); len(got) > 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("fetched %v, %v; want nothing", subjectsOf(got), err)
	}
}

func finish(t testing.TB, ms ...sinks.Message) {
	t.Helper()
	for _, m := range ms {
		if err := m.Done(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
}

func back(t testing.TB, after time.Duration, ms ...sinks.Message) {
	t.Helper()
	for _, m := range ms {
		if err := m.Back(testContext(t), after); err != nil {
			t.Fatal(err)
		}
	}
}

func subjectsOf(ms []sinks.Message) []string {
	out := make([]string, len(ms))
	for i, m := range ms {
		out[i] = m.Subject()
	}
	return out
}

func subjectsOfEvents(evs []events.Event) []string {
	out := make([]string, len(evs))
	for i, e := range evs {
		out[i] = stream.Subject(e)
	}
	return out
}

func seqs(ms []sinks.Message) []uint64 {
	out := make([]uint64, len(ms))
	for i, m := range ms {
		out[i] = m.Seq()
	}
	return out
}

// checkFetched fails unless ms are evs, in their order.
func checkFetched(t testing.TB, ms []sinks.Message, evs []events.Event) {
	t.Helper()
	if got, want := subjectsOf(ms), subjectsOfEvents(evs); !slices.Equal(got, want) {
		t.Fatalf("fetched %v\nwant    %v", got, want)
	}
}

// emptied waits until the server knows that nothing is left.
func emptied(t testing.TB, l *stream.Backlog) {
	t.Helper()
	for ctx := testContext(t); ; {
		n, oldest, err := l.Size(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 && oldest.IsZero() {
			return
		}
	}
}

func TestBacklogGivesEventsInOrder(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	evs := calls("acme", 20)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	got := fetch(t, l, 7)
	got = append(got, fetch(t, l, len(evs)-7)...)
	checkFetched(t, got, evs)
	for i, m := range got {
		want, err := evs[i].AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Body()) != string(want) || m.Seq() != uint64(i+1) || time.Since(m.Stored()) > time.Minute || time.Since(m.Stored()) < 0 {
			t.Fatalf("message %d: sequence %d, stored %v, %s", i, m.Seq(), m.Stored(), m.Body())
		}
	}
	finish(t, got...)
	emptied(t, l)
	nothing(t, l)
}

func TestFetchWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	l := openBacklog(t, b, startAt(stream.Start{}))
	type result struct {
		ms  []sinks.Message
		err error
	}
	done := make(chan result)
	evs := calls("acme", 1)
	for _, e := range evs {
		go func() {
			ms, err := l.Fetch(testContext(t), 8)
			done <- result{ms, err}
		}()
		publish(t, b, e)
		r := <-done
		if r.err != nil {
			t.Fatal(r.err)
		}
		checkFetched(t, r.ms, []events.Event{e})
		finish(t, r.ms...)
	}
}

// What a Fetch that gave up has asked for is not lost.
func TestFetchGivesUp(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	l := openBacklog(t, b)
	nothing(t, l)
	evs := calls("acme", 2)
	publish(t, b, evs...)
	done, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopping")
	cancel(cause)
	if ms, err := l.Fetch(done, 8); len(ms) > 0 || !errors.Is(err, cause) || !strings.Contains(err.Error(), "sink crm") {
		t.Fatalf("Fetch with a context that is done: %v, %v", ms, err)
	}
	begun := time.Now()
	checkFetched(t, fetch(t, l, len(evs)), evs)
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("they came after %v", d)
	}
}

func TestBackComesFirst(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	evs := calls("acme", 4)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	got := fetch(t, l, 4)
	finish(t, got[0])
	back(t, 0, got[1], got[2])
	back(t, 500*time.Millisecond, got[3])
	begun := time.Now()
	var again []sinks.Message
	for len(again) < 2 {
		again = append(again, fetch(t, l, 1)...)
	}
	checkFetched(t, again, evs[1:3])
	finish(t, again...)
	rest := fetch(t, l, len(evs)-4)
	checkFetched(t, rest, evs[4:])
	finish(t, rest...)
	last := fetch(t, l, 1)
	if d := time.Since(begun); d < 450*time.Millisecond || d > 10*time.Second {
		t.Errorf("what was given back for 500ms came after %v", d)
	}
	checkFetched(t, last, evs[3:4])
	finish(t, last...)
	emptied(t, l)
}

func TestWhatABacklogGives(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	evs := append(calls("acme", 2), calls("zeta", 1)...)
	publish(t, b, evs...)
	gap := events.Event{
		ID: "gap1", Type: events.GapOpened, Account: "acme", Provider: "telsam", Subject: "g1", Time: at, RecordedTime: at,
		Data: events.Gap{GapID: "g1", Account: "acme", Provider: "telsam", List: events.CDRs, From: at, Reason: events.GapUnreachable, Failures: 3},
	}
	reminders := []events.Event{reminder("acme", "1", 1), reminder("acme", "1", 3), attempt("zeta", "1", 1)}
	publish(t, b, append(reminders, gap)...)
	evs = append(append(evs, reminders...), gap)
	for i, c := range []struct {
		name            string
		types, accounts []string
		want            func(events.Event) bool
	}{
		{"one type", []string{"call.missed"}, nil, func(e events.Event) bool { return e.Type == events.CallMissed }},
		{"all of a root", []string{"call.*"}, nil, func(e events.Event) bool { return strings.HasPrefix(string(e.Type), "call.") }},
		{"everything", []string{"*"}, nil, func(events.Event) bool { return true }},
		{"one account", []string{"*"}, []string{"acme"}, func(e events.Event) bool { return e.Account == "acme" }},
		{"types of which one covers another", []string{"call.missed", "call.*", "callback.due", "source.*", "callback.*"}, []string{"acme", "zeta", "acme"}, func(events.Event) bool { return true }},
		{"gaps", []string{"source.gap.*"}, nil, func(e events.Event) bool { return e.Type == events.GapOpened }},
		{"reminders", []string{"callback.due"}, nil, func(e events.Event) bool { return e.Type == events.CallbackDue }},
		{"callbacks of one account", []string{"callback.*"}, []string{"zeta"}, func(e events.Event) bool { return e.Type == events.CallbackAttempted }},
		{"two types, one account", []string{"call.ended", "call.missed"}, []string{"zeta"}, func(e events.Event) bool {
			return e.Account == "zeta" && (e.Type == events.CallEnded || e.Type == events.CallMissed)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := slices.DeleteFunc(slices.Clone(evs), func(e events.Event) bool { return !c.want(e) })
			l := openBacklog(t, b, named(fmt.Sprint("s", i)), ofTypes(c.types...), ofAccounts(c.accounts...))
			checkFetched(t, fetch(t, l, len(want)), want)
			nothing(t, l)
		})
	}
}

func TestBacklogSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	for name, c := range map[string]stream.BacklogConfig{
		"no name":                          {Types: []string{"*"}},
		"a name of two tokens":             {Sink: "a.b", Types: []string{"*"}},
		"a name with a wildcard":           {Sink: "*", Types: []string{"*"}},
		"no types":                         {Sink: "crm"},
		"an unknown root":                  {Sink: "crm", Types: []string{"mail.*"}},
		"a part of a word":                 {Sink: "crm", Types: []string{"call.mis*"}},
		"a wildcard in the middle":         {Sink: "crm", Types: []string{"call.*.acme"}},
		"too long a type":                  {Sink: "crm", Types: []string{"call.missed.acme"}},
		"too short a type":                 {Sink: "crm", Types: []string{"call"}},
		"the server's own wildcard":        {Sink: "crm", Types: []string{"call.>"}},
		"an account of two tokens":         {Sink: "crm", Types: []string{"*"}, Accounts: []string{"a.b"}},
		"an account that is a wildcard":    {Sink: "crm", Types: []string{"*"}, Accounts: []string{">"}},
		"one good and one empty type name": {Sink: "crm", Types: []string{"call.*", ""}},
	} {
		if _, err := b.Backlog(testContext(t), c); !errors.Is(err, stream.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStartOfANewSink(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	nc := dial(t, s.URL())
	b := openBus(t, nc)
	old, newer, newest := calls("a", 1), calls("b", 1), calls("c", 1)
	publish(t, b, old...)
	m, err := eventStream(t, nc).GetMsg(testContext(t), uint64(len(old)))
	if err != nil {
		t.Fatal(err)
	}
	publish(t, b, newer...)
	fresh := openBacklog(t, b, named("fresh"), startAt(stream.Start{}))
	timed := openBacklog(t, b, named("timed"), startAt(stream.Start{From: m.Time.Add(1)}))
	all := openBacklog(t, b, named("all"))
	s.restart() // nothing was fetched yet: where they start is settled all the same
	publish(t, b, newest...)
	checkFetched(t, fetch(t, fresh, 3), newest)
	checkFetched(t, fetch(t, timed, 6), slices.Concat(newer, newest))
	checkFetched(t, fetch(t, all, 9), slices.Concat(old, newer, newest))
}

// A sink that is known goes on from where it was, whatever Start says.
func TestAKnownSinkGoesOn(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	evs := calls("acme", 3)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	finish(t, fetch(t, l, 4)...)
	l.Close()
	for _, s := range []stream.Start{{}, {All: true}, {From: time.Now().Add(time.Hour)}} {
		l := openBacklog(t, b, startAt(s))
		got := fetch(t, l, 1)
		checkFetched(t, got, evs[4:5])
		evs = append(evs[:4:4], evs[5:]...)
		finish(t, got...)
		l.Close()
	}
}

// A process is killed with messages under way: they come first to the next one, and at once.
func TestWhatWasUnderWayComesFirst(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	evs := calls("acme", 5)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	got := fetch(t, l, 6)
	finish(t, got[0], got[3])
	back(t, time.Hour, got[5])
	l.Close()
	begun := time.Now()
	again := openBacklog(t, b)
	checkFetched(t, fetch(t, again, 3), []events.Event{evs[1], evs[2], evs[4]})
	checkFetched(t, fetch(t, again, len(evs)-6), evs[6:])
	if d := time.Since(begun); d > 10*time.Second {
		t.Errorf("they came after %v", d)
	}
	nothing(t, again) // the hour is not over
}

// The server gives up what nobody spoke for in an order of its own, and brings no more than a part of it at once.
func TestHoweverMuchWasUnderWayItComesInOrder(t *testing.T) {
	t.Parallel()
	config := stream.ServerConfig{DataDir: t.TempDir(), Listen: "off"}
	server := startServer(t, config)
	b := openBus(t, connect(t, server))
	evs := calls("acme", 1000)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	got := fetch(t, l, 2500)
	for _, m := range got[1300:] { // they were spoken for later, and are later given up
		if err := m.Working(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range got[:1300] {
		back(t, time.Millisecond, m)
	}
	fetch(t, l, 1200)
	l.Close()
	b.Close()
	server.Shutdown()
	b = openBus(t, connect(t, startServer(t, config)))
	again := openBacklog(t, b)
	checkFetched(t, fetch(t, again, len(evs)), evs)
}

func TestSizeOfABacklog(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	l := openBacklog(t, b, ofTypes("call.ended", "call.missed"))
	size := func(want int, since uint64) {
		t.Helper()
		for ctx := testContext(t); ; { // the server takes note of what it is told after a while
			n, oldest, err := l.Size(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if n == want {
				checkStoredAt(t, nc, oldest, since)
				return
			}
		}
	}
	size(0, 0)
	publish(t, b, calls("acme", 3)...)
	size(6, 2)
	got := fetch(t, l, 2)
	size(6, 2)
	finish(t, got[1])
	size(5, 2)
	back(t, time.Hour, got[0])
	size(5, 2)
	finish(t, fetch(t, l, 2)...)
	size(3, 2)
	finish(t, got[0])
	size(2, 8)
}

func checkStoredAt(t *testing.T, nc *nats.Conn, got time.Time, seq uint64) {
	t.Helper()
	var want time.Time
	if seq > 0 {
		m, err := eventStream(t, nc).GetMsg(testContext(t), seq)
		if err != nil {
			t.Fatal(err)
		}
		want = m.Time
	}
	if !got.Equal(want) {
		t.Errorf("the oldest is of %v, want that of sequence %d, %v", got, seq, want)
	}
}

func sinkConsumer(t testing.TB, nc *nats.Conn, name, sink string) *jetstream.ConsumerInfo {
	t.Helper()
	c, err := jetStream(t, nc).Consumer(testContext(t), name, "sink-"+sink)
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo()
}

// A sink whose types change keeps its place: of the types that it had, nothing is lost or comes twice, and those that are new to
// it come from now on, not from weeks ago.
func TestFilterChange(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			t.Parallel()
			s := startOutside(t)
			b := openBus(t, dial(t, s.URL()))
			early := calls("early", 4)
			publish(t, b, early...)
			l := openBacklog(t, b, ofTypes("call.missed"))
			got := fetch(t, l, 2)
			checkFetched(t, got, []events.Event{early[2], early[5]})
			finish(t, got[0])
			l.Close()
			if restart {
				s.restart()
			}
			l = openBacklog(t, b, ofTypes("call.missed", "call.started"))
			late := calls("late", 1)
			publish(t, b, late...)
			got = fetch(t, l, 5)
			checkFetched(t, got, []events.Event{early[5], early[8], early[11], late[0], late[2]})
			finish(t, got[:3]...)
			back(t, 0, got[3:]...)
			l.Close()

			l = openBacklog(t, b, ofTypes("call.started", "call.ended")) // the missed one that was given back is wanted no more
			last := calls("last", 1)
			publish(t, b, last...)
			got = fetch(t, l, 3)
			checkFetched(t, got, []events.Event{late[0], last[0], last[1]})
			finish(t, got...)
			emptied(t, l)
			nothing(t, l)
		})
	}
}

// A newer process has changed the filters while this one still runs: it throws nothing away that the newer one wants.
func TestFilterChangeUnderARunningSink(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	l := openBacklog(t, b, ofTypes("call.missed"))
	nothing(t, l)
	c := sinkConsumer(t, nc, stream.Name, "crm").Config
	c.FilterSubjects = []string{"call.*.*.>"}
	if _, err := jetStream(t, nc).UpdateConsumer(testContext(t), stream.Name, c); err != nil {
		t.Fatal(err)
	}
	evs := calls("acme", 2)
	publish(t, b, evs...)
	checkFetched(t, fetch(t, l, len(evs)), evs)
}

func TestManySinks(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	evs := calls("acme", 30)
	publish(t, b, evs...)
	const n = 20
	done := make(chan error, n)
	for i := range n {
		l := openBacklog(t, b, named(fmt.Sprint("s", i)))
		go func() {
			defer l.Close()
			var got []sinks.Message
			for len(got) < len(evs) {
				ms, err := l.Fetch(testContext(t), 1+i)
				if err != nil {
					done <- err
					return
				}
				for _, m := range ms {
					_ = m.Done(t.Context())
				}
				got = append(got, ms...)
			}
			if !slices.Equal(subjectsOf(got), subjectsOfEvents(evs)) {
				done <- fmt.Errorf("sink %d got %v", i, subjectsOf(got))
				return
			}
			done <- nil
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestFetchAfterTheEnd(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	l := openBacklog(t, b)
	done := make(chan error)
	go func() {
		_, err := l.Fetch(testContext(t), 1)
		done <- err
	}()
	b.Close()
	if err := <-done; !errors.Is(err, stream.ErrClosed) {
		t.Errorf("Fetch of a closed bus: %v", err)
	}
	other := openBus(t, nc)
	l = openBacklog(t, other)
	go func() {
		_, err := l.Fetch(testContext(t), 1)
		done <- err
	}()
	nc.Close()
	if err := <-done; !errors.Is(err, stream.ErrClosed) {
		t.Errorf("Fetch on a closed connection: %v", err)
	}
}
