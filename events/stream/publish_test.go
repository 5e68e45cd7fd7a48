package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

func newBus(t testing.TB) (*stream.Bus, *nats.Conn) {
	nc := connect(t, startServer(t, stream.ServerConfig{SyncAlways: true}))
	return openBus(t, nc), nc
}

func TestPublishKeepsTheOrder(t *testing.T) {
	for _, n := range []int{1, 5, 33, 700} {
		b, _ := newBus(t)
		evs := calls("acme", n)
		if err := b.Publish(testContext(t), evs...); err != nil {
			t.Fatalf("Publish of %d calls: %v", n, err)
		}
		checkStored(t, b, evs)
	}
}

func TestPublishNothing(t *testing.T) {
	b, _ := newBus(t)
	if err := b.Publish(testContext(t)); err != nil {
		t.Fatal(err)
	}
	checkStored(t, b, nil)
}

func TestMessage(t *testing.T) {
	b, nc := newBus(t)
	for _, evs := range [][]events.Event{{event("acme", "alone", events.CallMissed)}, calls("acme", 100)} {
		if err := b.Publish(testContext(t), evs...); err != nil {
			t.Fatal(err)
		}
		e := evs[len(evs)-1]
		m, err := eventStream(t, nc).GetLastMsgForSubject(testContext(t), "call.missed.acme."+e.Subject)
		if err != nil {
			t.Fatal(err)
		}
		want, err := e.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Data) != string(want) || m.Header.Get("Nats-Msg-Id") != e.ID || m.Header.Get("Content-Type") != "application/cloudevents+json" {
			t.Errorf("stored as %v\n%s\nwant %s", m.Header, m.Data, want)
		}
	}
}

func eventStream(t testing.TB, nc *nats.Conn) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(testContext(t), "CALLBUS")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Events that are there already are success: one or many, in a group of new ones, a whole group, before and after the server
// has forgotten their message ids, and after a restart.
func TestPublishAgain(t *testing.T) {
	dir := t.TempDir()
	evs := calls("acme", 150)
	again := func(b *stream.Bus) {
		t.Helper()
		for _, part := range [][]events.Event{evs[:1], evs[:40], evs[3:9], evs[:200], evs} {
			if err := b.Publish(testContext(t), part...); err != nil {
				t.Fatalf("Publish %d events: %v", len(part), err)
			}
		}
		checkStored(t, b, evs)
	}
	s := startServer(t, stream.ServerConfig{DataDir: dir, SyncAlways: true})
	nc := connect(t, s)
	b := openBus(t, nc)
	again(b)
	again(b)
	forgetMessageIDs(t, nc)
	again(b)
	b.Close()
	s.Shutdown()
	s = startServer(t, stream.ServerConfig{DataDir: dir, SyncAlways: true})
	again(openBus(t, connect(t, s)))
}

// forgetMessageIDs makes the server's window for message ids so short that it has passed when this returns.
func forgetMessageIDs(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c := eventStream(t, nc).CachedInfo().Config
	c.Duplicates = 100 * time.Millisecond
	if _, err := js.UpdateStream(testContext(t), c); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // the server tells nobody when it forgets
}

// The server knows the message ids, but the events are gone: deleted by somebody, within the window. They count as stored.
func TestPublishWhatWasDeleted(t *testing.T) {
	b, nc := newBus(t)
	evs := calls("acme", 50)
	if err := b.Publish(testContext(t), evs...); err != nil {
		t.Fatal(err)
	}
	if err := eventStream(t, nc).Purge(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(testContext(t), evs...); err != nil {
		t.Fatal(err)
	}
}

func TestRevisions(t *testing.T) {
	b, _ := newBus(t)
	evs := []events.Event{event("acme", "1", events.CallStarted)}
	for r := 2; r < 40; r++ {
		evs = append(evs, amended("acme", "1", r))
	}
	for _, part := range [][]events.Event{evs[:4], evs[2:3], evs, evs[3:5], evs} {
		if err := b.Publish(testContext(t), part...); err != nil {
			t.Fatalf("Publish %d revisions: %v", len(part), err)
		}
	}
	checkStored(t, b, evs)
}

// A later revision is stored also when the earlier ones are gone with age.
func TestRevisionAfterAge(t *testing.T) {
	b, nc := newBus(t)
	if err := b.Publish(testContext(t), amended("acme", "1", 2), amended("acme", "1", 3)); err != nil {
		t.Fatal(err)
	}
	if err := eventStream(t, nc).Purge(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(testContext(t), amended("acme", "1", 4), amended("acme", "1", 5)); err != nil {
		t.Fatal(err)
	}
	checkStored(t, b, []events.Event{amended("acme", "1", 4), amended("acme", "1", 5)})
}

// other is e as another writer would have it: in the same place, with another id.
func other(e events.Event) events.Event {
	e.ID = "other-" + e.ID
	return e
}

func TestConflict(t *testing.T) {
	for _, n := range []int{1, 2, 100} { // of the calls published at once
		for _, at := range []int{0, 3*n - 1} {
			t.Run(fmt.Sprintf("%d of %d", at, 3*n), func(t *testing.T) {
				b, _ := newBus(t)
				evs := calls("acme", n)
				if err := b.Publish(testContext(t), other(evs[at])); err != nil {
					t.Fatal(err)
				}
				err := b.Publish(testContext(t), evs...)
				var conflict *stream.ConflictError
				if !errors.Is(err, stream.ErrConflict) || !errors.As(err, &conflict) || conflict.Event.ID != evs[at].ID || conflict.Stored != other(evs[at]).ID {
					t.Fatalf("Publish: %v", err)
				}
				checkStored(t, b, append([]events.Event{other(evs[at])}, evs[:at]...))
			})
		}
	}
}

func TestConflictOfRevisions(t *testing.T) {
	b, _ := newBus(t)
	if err := b.Publish(testContext(t), amended("acme", "1", 2), other(amended("acme", "1", 3)), other(amended("acme", "2", 2))); err != nil {
		t.Fatal(err)
	}
	for _, e := range []events.Event{amended("acme", "1", 3), amended("acme", "1", 4), amended("acme", "2", 2), amended("acme", "2", 3)} {
		before, after := calls("before-"+e.ID, 5), calls("after-"+e.ID, 5)
		if err := b.Publish(testContext(t), append(append(before, e), after...)...); !errors.Is(err, stream.ErrConflict) {
			t.Errorf("Publish of %s after another writer's revision: %v", stream.Subject(e), err)
		}
		if got := len(storedEvents(t, b, stream.Filter{Account: before[0].Account})); got != len(before) {
			t.Errorf("%d of %d events before it are stored", got, len(before))
		}
		if got := len(storedEvents(t, b, stream.Filter{Account: after[0].Account})); got != 0 {
			t.Errorf("%d events after it are stored", got)
		}
	}
}

// A message that somebody else put in an event's place, without an id.
func TestConflictWithForeignMessage(t *testing.T) {
	b, nc := newBus(t)
	e := event("acme", "1", events.CallStarted)
	if _, err := nc.Request(stream.Subject(e), []byte("hello"), time.Second); err != nil {
		t.Fatal(err)
	}
	for _, evs := range [][]events.Event{{e}, append([]events.Event{e}, calls("acme", 50)...)} {
		if err := b.Publish(testContext(t), evs...); !errors.Is(err, stream.ErrConflict) {
			t.Fatalf("Publish of %d: %v", len(evs), err)
		}
	}
}

// One caller's conflict, too large event or repeat is nothing to the others who publish at the same time.
func TestMixedCallers(t *testing.T) {
	b, _ := newBus(t)
	const callers = 40
	if err := b.Publish(testContext(t), other(calls("a3", 5)[7])); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(testContext(t), calls("a4", 5)[2:9]...); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			evs := calls(fmt.Sprintf("a%d", i), 5)
			if i == 5 {
				evs[4] = large(evs[4])
			}
			errs[i] = b.Publish(testContext(t), evs...)
		})
	}
	wg.Wait()
	stored := make(map[string][]events.Event)
	for _, e := range storedEvents(t, b, stream.Filter{}) {
		stored[e.Account] = append(stored[e.Account], e)
	}
	for i, err := range errs {
		account := fmt.Sprintf("a%d", i)
		switch {
		case i == 3:
			if !errors.Is(err, stream.ErrConflict) || len(stored[account]) != 1+7 {
				t.Errorf("with a conflict: %v, and %d events", err, len(stored[account]))
			}
		case i == 5:
			if !errors.Is(err, stream.ErrTooLarge) || len(stored[account]) != 4 {
				t.Errorf("with too large an event: %v, and %d events", err, len(stored[account]))
			}
		case err != nil || len(stored[account]) != 15:
			t.Errorf("%s: %v, and %d events", account, err, len(stored[account]))
		}
	}
}

// large makes e larger than any server of ours takes.
func large(e events.Event) events.Event {
	c, _ := e.Call()
	c.VendorResult = ptr(strings.Repeat("x", 4<<20))
	e.Data = c
	return e
}

// The same new events from many callers at once are stored once.
func TestSameEventsAtOnce(t *testing.T) {
	b, _ := newBus(t)
	evs := calls("acme", 30)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := b.Publish(testContext(t), evs...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkStored(t, b, evs)
}

func TestRefusedEvents(t *testing.T) {
	b, nc := newBus(t)
	good := calls("acme", 1)
	tooLargeForStream := event("acme", "large", events.CallMissed)
	tooLargeForStream.TraceParent = strings.Repeat("x", 100_000)
	limitMessageSize(t, nc, 50_000)
	noID, noType, dots, stars := good[0], good[0], good[0], good[0]
	noID.ID, noType.Type, dots.Subject, stars.Account = "", "", "a.b", "*"
	unencodable := good[0]
	unencodable.Data = func() {}
	for name, c := range map[string]struct {
		bad  events.Event
		want error
	}{
		"no id": {noID, stream.ErrInvalid}, "no type": {noType, stream.ErrInvalid}, "two tokens": {dots, stream.ErrInvalid},
		"wildcard": {stars, stream.ErrInvalid}, "not JSON": {unencodable, stream.ErrInvalid},
		"larger than the connection takes": {large(good[0]), stream.ErrTooLarge},
		"larger than the stream takes":     {tooLargeForStream, stream.ErrTooLarge},
	} {
		for _, n := range []int{1, 40} {
			before, after := calls("before-"+strings.ReplaceAll(name, " ", "-"), n), calls("after-"+strings.ReplaceAll(name, " ", "-"), n)
			err := b.Publish(testContext(t), append(append(before, c.bad), after...)...)
			var refused *stream.RefusedError
			if !errors.Is(err, c.want) || !errors.As(err, &refused) || refused.Event.ID != c.bad.ID {
				t.Errorf("%s: Publish: %v, want %v", name, err, c.want)
			}
			if got := len(storedEvents(t, b, stream.Filter{Account: before[0].Account})); got != 3*n {
				t.Errorf("%s: %d of %d events before it are stored", name, got, 3*n)
			}
			if got := len(storedEvents(t, b, stream.Filter{Account: after[0].Account})); got != 0 {
				t.Errorf("%s: %d events after it are stored", name, got)
			}
		}
	}
}

func limitMessageSize(t *testing.T, nc *nats.Conn, n int32) {
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c := eventStream(t, nc).CachedInfo().Config
	c.MaxMsgSize = n
	if _, err := js.UpdateStream(testContext(t), c); err != nil {
		t.Fatal(err)
	}
}

// A stream of which somebody has switched off batches still takes events, only slower.
func TestBatchesSwitchedOff(t *testing.T) {
	b, nc := newBus(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c := eventStream(t, nc).CachedInfo().Config
	c.AllowAtomicPublish = false
	if _, err := js.UpdateStream(testContext(t), c); err != nil {
		t.Fatal(err)
	}
	evs := calls("acme", 100)
	if err := b.Publish(testContext(t), evs...); err != nil {
		t.Fatal(err)
	}
	checkStored(t, b, evs)
}

func TestPublishGivesUp(t *testing.T) {
	s := startServer(t, stream.ServerConfig{Listen: "127.0.0.1:0"})
	nc := dial(t, s.URL())
	b := openBus(t, nc)
	lost := nc.StatusChanged(nats.RECONNECTING)
	defer nc.RemoveStatusListener(lost)
	s.Shutdown()
	<-lost
	cause := errors.New("we are stopping")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { done <- b.Publish(ctx, calls("acme", 100)...) }()
	select {
	case err := <-done:
		t.Fatalf("Publish while the server is away: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	cancel(cause)
	if err := <-done; !errors.Is(err, cause) || !strings.Contains(err.Error(), "not connected") {
		t.Fatalf("Publish given up: %v", err)
	}
}

func dial(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := stream.Dial(testContext(t), stream.RemoteConfig{URL: url, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestClose(t *testing.T) {
	s := startServer(t, stream.ServerConfig{Listen: "127.0.0.1:0"})
	b := openBus(t, dial(t, s.URL()))
	if err := b.Publish(testContext(t), calls("acme", 10)...); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	done := make(chan error)
	go func() { done <- b.Publish(testContext(t), calls("other", 10)...) }()
	select {
	case err := <-done:
		t.Fatalf("Publish while the server is away: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	b.Close()
	b.Close()
	if err := <-done; !errors.Is(err, stream.ErrClosed) {
		t.Fatalf("Publish during Close: %v", err)
	}
	if err := b.Publish(testContext(t), calls("late", 1)...); !errors.Is(err, stream.ErrClosed) {
		t.Fatalf("Publish after Close: %v", err)
	}
}

func TestPublishWithAContextThatIsDone(t *testing.T) {
	b, _ := newBus(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("we are stopping")
	cancel(cause)
	if err := b.Publish(ctx, calls("acme", 1)...); !errors.Is(err, cause) {
		t.Errorf("Publish: %v", err)
	}
	checkStored(t, b, nil)
}

// Two processes that both believe they own the account publish the same, each over its own connection.
func TestTwoBuses(t *testing.T) {
	s := startOutside(t)
	evs := append(calls("acme", 60), amended("acme", "call-000000", 2), amended("acme", "call-000000", 3))
	var wg sync.WaitGroup
	var b *stream.Bus
	for range 3 {
		bus := openBus(t, dial(t, s.URL()))
		b = bus
		wg.Go(func() {
			for _, n := range []int{1, 7, 100, len(evs)} {
				if err := bus.Publish(testContext(t), evs[:n]...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	checkStored(t, b, evs)
}

// A worker that publishes again what it published in another trace publishes the same.
func TestAnotherTraceIsNoOtherEvent(t *testing.T) {
	b, _ := newBus(t)
	for _, n := range []int{1, 40} { // one by one, and as a batch
		evs := calls(fmt.Sprintf("acme%d", n), n)
		for i := range evs {
			evs[i].TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		}
		again := slices.Clone(evs)
		for i := range again {
			again[i].TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		}
		for _, evs := range [][]events.Event{evs, again} {
			if err := b.Publish(testContext(t), evs...); err != nil {
				t.Fatal(err)
			}
		}
		seen := 0
		for e, err := range b.Events(testContext(t), stream.Filter{Account: evs[0].Account}) {
			if err != nil || e.TraceParent != evs[0].TraceParent {
				t.Fatalf("stored with traceparent %s, %v", e.TraceParent, err)
			}
			seen++
		}
		if seen != len(evs) {
			t.Errorf("%d events are stored, want %d", seen, len(evs))
		}
	}
}
