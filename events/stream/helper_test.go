package stream_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/schemas"
)

// TestMain also serves as another process, for tests that need one.
func TestMain(m *testing.M) {
	dir := os.Getenv("STREAM_TEST_DIR")
	switch os.Getenv("STREAM_TEST_ROLE") {
	case "lock":
		fmt.Println(tryLock(dir))
	case "publisher":
		publishUntilKilled(dir)
	default:
		_ = flag.Set("test.parallel", "5") // most tests wait for a server
		goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { removeBinaries(); os.Exit(code) }),
			// nats-server 2.15 leaves this behind for a batch that it could not begin, on a full disk.
			goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*msgBlock).flushLoop"),
			// And, seldom, these for a stream whose server is stopped while it comes to it.
			goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
			goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
		)
	}
}

// ctx is the context of a test: done when the test would hang.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func startServer(t testing.TB, c stream.ServerConfig) *stream.Server {
	t.Helper()
	if c.DataDir == "" {
		c.DataDir = t.TempDir()
	}
	if c.Listen == "" {
		c.Listen = "off"
	}
	s, err := stream.StartServer(testContext(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t testing.TB, s *stream.Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func openBus(t testing.TB, nc *nats.Conn) *stream.Bus {
	t.Helper()
	b, err := stream.Open(testContext(t), nc, stream.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

var at = time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// event returns an event of a call, as a provider of a usual kind would give it.
func event(account, call string, t events.Type) events.Event {
	data := callData(account, call, 1)
	if t == events.CallStarted || t == events.CallAnswered {
		data.EndedAt, data.Outcome, data.Missed, data.MissedReason = nil, nil, nil, nil
	}
	if t == events.CallAnswered {
		data.AnsweredAt = ptr(at.Add(10 * time.Second))
	}
	return wellFormed(events.Event{
		ID: events.ID(account, call, t, 1), Type: t, Account: account, Provider: "telsam", Subject: call,
		Time: at, RecordedTime: at.Add(2 * time.Second), CorrelationID: call, Data: data,
	})
}

// checked remembers which types were found to hold their schema: the tests make the same events by the thousand, that
// differ in their ids alone.
var checked sync.Map

// wellFormed returns e, and panics when it does not hold its schema: no test may publish what nobody may receive.
func wellFormed(e events.Event) events.Event {
	if _, known := checked.LoadOrStore(e.Type, true); known {
		return e
	}
	b, err := e.AppendJSON(nil)
	if err == nil {
		err = schemas.Validate(b)
	}
	if err != nil {
		panic(err)
	}
	return e
}

func callData(account, call string, revision int) events.Call {
	return events.Call{
		CallID: call, Account: account, Provider: "telsam", VendorIDs: map[string]string{"uuid": call},
		Revision: revision, State: events.Final, Direction: events.Inbound, Media: events.Voice,
		From: events.Party{Number: ptr("+905000000101"), Raw: ptr("05000000101")}, To: events.Party{Raw: ptr("100"), Extension: ptr("100")},
		ExternalNumber: ptr("+905000000101"), StartedAt: ptr(at), EndedAt: ptr(at.Add(20 * time.Second)), RingSeconds: ptr(20.0),
		Outcome: ptr(events.NoAnswer), Missed: ptr(true), MissedReason: ptr(events.MissedNoAnswer),
		Hangup: events.Hangup{By: events.ByCaller}, Recording: events.RecordingNone, Evidence: []events.Evidence{events.FromCDR}, Estimated: []string{},
	}
}

// amended returns call.amended of the revision, 2 or later.
func amended(account, call string, revision int) events.Event {
	e := event(account, call, events.CallEnded)
	e.Type, e.ID = events.CallAmended, events.ID(account, call, events.CallAmended, revision)
	e.Data = events.Amendment{Call: callData(account, call, revision), Changed: []string{"outcome"}, Supersedes: events.ID(account, call, events.CallEnded, 1)}
	return wellFormed(e)
}

// reminder returns callback.due of the step.
func reminder(account, callback string, step int) events.Event {
	c := owed(account, callback)
	c.Step, c.Status, c.DueAt = step, events.StatusNotified, ptr(at.Add(time.Duration(step)*time.Hour))
	return callbackEvent(events.CallbackDue, step, c)
}

// attempt returns the nth callback.attempted.
func attempt(account, callback string, n int) events.Event {
	c := owed(account, callback)
	c.Attempts, c.Status = n, events.StatusAttempted
	return callbackEvent(events.CallbackAttempted, n, c)
}

func owed(account, callback string) events.Callback {
	missed := events.MissedCall{CallID: "call-1", EventID: events.ID(account, "call-1", events.CallMissed, 1), At: at}
	return events.Callback{
		CallbackID: callback, Account: account, ExternalNumber: "+905000000101", MissedCalls: []events.MissedCall{missed}, Count: 1,
		FirstMissedAt: at, LastMissedAt: at, Steps: 9, Status: events.StatusWatching,
	}
}

func callbackEvent(t events.Type, n int, c events.Callback) events.Event {
	return wellFormed(events.Event{
		ID: events.ID(c.Account, c.CallbackID, t, n), Type: t, Account: c.Account, Provider: "telsam", Subject: c.CallbackID,
		Time: at, RecordedTime: at, CorrelationID: c.MissedCalls[0].CallID, ExpiryTime: at.Add(72 * time.Hour), Data: c,
	})
}

// calls returns the events started, ended and missed of n calls.
func calls(account string, n int) []events.Event {
	var out []events.Event
	for i := range n {
		call := fmt.Sprintf("call-%06d", i)
		out = append(out, event(account, call, events.CallStarted), event(account, call, events.CallEnded), event(account, call, events.CallMissed))
	}
	return out
}

func ids(evs []events.Event) []string {
	out := make([]string, len(evs))
	for i, e := range evs {
		out[i] = e.ID
	}
	return out
}

// storedEvents returns what the stream holds.
func storedEvents(t testing.TB, b *stream.Bus, f stream.Filter) []events.Event {
	t.Helper()
	var out []events.Event
	for e, err := range b.Events(testContext(t), f) {
		if err != nil {
			t.Fatalf("Events: %v", err)
		}
		out = append(out, e)
	}
	return out
}

// checkStored fails unless the stream holds exactly evs, in their order.
func checkStored(t testing.TB, b *stream.Bus, evs []events.Event) {
	t.Helper()
	got := ids(storedEvents(t, b, stream.Filter{}))
	want := ids(evs)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("the stream holds %d events, want %d; the first difference is at %d", len(got), len(want), i)
		}
	}
}

// logText is a log that may be read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// long leaves a test to make test-long: CI has ten minutes on two cores. why says what of it make test does, or why it does not.
func long(t *testing.T, why string) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to make test-long: " + why)
	}
}
