package stream_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

func TestEventsFilter(t *testing.T) {
	b, nc := newBus(t)
	gap := events.Event{
		ID: "gap1", Type: events.GapOpened, Account: "acme", Provider: "telsam", Subject: "g1", Time: at, RecordedTime: at,
		Data: events.Gap{GapID: "g1", Account: "acme", Provider: "telsam", List: events.CDRs, From: at, Reason: events.GapUnreachable, Failures: 3},
	}
	early := append(calls("acme", 2), calls("acme-2", 1)...)
	late := append([]events.Event{gap, amended("acme", "call-000000", 2), reminder("acme", "1", 1), reminder("acme", "1", 3)}, calls("zeta", 1)...)
	for _, part := range [][]events.Event{early, late} {
		if err := b.Publish(testContext(t), part...); err != nil {
			t.Fatal(err)
		}
	}
	m, err := eventStream(t, nc).GetMsg(testContext(t), uint64(len(early)+1))
	if err != nil {
		t.Fatal(err)
	}
	all := append(early, late...)
	for name, c := range map[string]struct {
		filter stream.Filter
		want   func(events.Event) bool
	}{
		"all":     {stream.Filter{}, func(events.Event) bool { return true }},
		"account": {stream.Filter{Account: "acme"}, func(e events.Event) bool { return e.Account == "acme" }},
		"type":    {stream.Filter{Types: []events.Type{events.CallMissed}}, func(e events.Event) bool { return e.Type == events.CallMissed }},
		"types, account": {stream.Filter{Account: "acme", Types: []events.Type{events.CallStarted, events.GapOpened, events.CallStarted}}, func(e events.Event) bool {
			return e.Account == "acme" && (e.Type == events.CallStarted || e.Type == events.GapOpened)
		}},
		"type of callbacks": {stream.Filter{Account: "acme", Types: []events.Type{events.CallbackDue}}, func(e events.Event) bool { return e.Type == events.CallbackDue }},
		"unknown":           {stream.Filter{Account: "nobody"}, func(events.Event) bool { return false }},
		"since":             {stream.Filter{Since: m.Time}, func(e events.Event) bool { return slices.Contains(ids(late), e.ID) }},
		"since, account":    {stream.Filter{Since: m.Time, Account: "acme"}, func(e events.Event) bool { return e.Account == "acme" && slices.Contains(ids(late), e.ID) }},
		"future":            {stream.Filter{Since: time.Now().Add(time.Hour)}, func(events.Event) bool { return false }},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(e events.Event) bool { return !c.want(e) })
		if got := storedEvents(t, b, c.filter); !slices.Equal(ids(got), ids(want)) {
			t.Errorf("%s: read %d events, want %d", name, len(got), len(want))
		}
	}
}

func TestEventsOfAnEmptyStream(t *testing.T) {
	b, _ := newBus(t)
	checkStored(t, b, nil)
}

// Events ends with what was stored when it began, however fast more comes.
func TestEventsEndsWhileOthersPublish(t *testing.T) {
	b, _ := newBus(t)
	if err := b.Publish(testContext(t), calls("acme", 100)...); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil; n++ {
			_ = b.Publish(ctx, calls("busy-"+strconv.Itoa(n), 5)...)
		}
	}()
	for range 3 {
		storedEvents(t, b, stream.Filter{})
	}
	stop()
	<-done
}

// A loop that is left early leaves no consumer behind.
func TestEventsLeftEarly(t *testing.T) {
	b, nc := newBus(t)
	if err := b.Publish(testContext(t), calls("acme", 10)...); err != nil {
		t.Fatal(err)
	}
	for range b.Events(testContext(t), stream.Filter{}) {
		break
	}
	for name := range eventStream(t, nc).ConsumerNames(testContext(t)).Name() {
		t.Errorf("consumer %s is left behind", name)
	}
}

func TestEventsGivesUp(t *testing.T) {
	s := startServer(t, stream.ServerConfig{Listen: "127.0.0.1:0"})
	b := openBus(t, dial(t, s.URL()))
	s.Shutdown()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for _, err := range b.Events(ctx, stream.Filter{}) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Events while the server is away: %v", err)
		}
		return
	}
	t.Fatal("Events while the server is away: no error")
}

// A message that is no event of ours is told, and passed by.
func TestForeignMessages(t *testing.T) {
	b, nc := newBus(t)
	evs := calls("acme", 2)
	if err := b.Publish(testContext(t), evs[:3]...); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request("call.started.acme.x", []byte("hello"), time.Second); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(testContext(t), evs[3:]...); err != nil {
		t.Fatal(err)
	}
	var got []events.Event
	var unreadable *stream.UnreadableError
	for e, err := range b.Events(testContext(t), stream.Filter{}) {
		switch {
		case err == nil:
			got = append(got, e)
		case !errors.As(err, &unreadable):
			t.Fatal(err)
		}
	}
	if unreadable == nil || unreadable.Seq != 4 || unreadable.Subject != "call.started.acme.x" || !slices.Equal(ids(got), ids(evs)) {
		t.Errorf("read %d events, and %v", len(got), unreadable)
	}
}

// take reads n events.
func take(t *testing.T, next func() (events.Event, error, bool), n int) []events.Event {
	t.Helper()
	var out []events.Event
	for range n {
		e, err, ok := next()
		if err != nil || !ok {
			t.Fatalf("after %d events: %v, %v", len(out), err, ok)
		}
		out = append(out, e)
	}
	return out
}

// Follow goes on over restarts of the server, and misses and repeats nothing.
func TestFollow(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	b := openBus(t, dial(t, s.URL()))
	evs := calls("acme", 12)
	if err := b.Publish(testContext(t), evs[:6]...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	newOnes, stopNew := iter.Pull2(b.Follow(ctx, stream.Filter{}))
	defer stopNew()
	all, stopAll := iter.Pull2(b.Follow(ctx, stream.Filter{Since: at, Account: "acme"}))
	defer stopAll()
	got := take(t, all, 6)
	s.restart() // before the first new one
	if err := b.Publish(testContext(t), evs[6:20]...); err != nil {
		t.Fatal(err)
	}
	got = append(got, take(t, all, 14)...)
	after := take(t, newOnes, 3)
	s.restart()
	if err := b.Publish(testContext(t), evs[20:]...); err != nil {
		t.Fatal(err)
	}
	got = append(got, take(t, all, len(evs)-20)...)
	after = append(after, take(t, newOnes, len(evs)-9)...)
	if !slices.Equal(ids(got), ids(evs)) || !slices.Equal(ids(after), ids(evs[6:])) {
		t.Errorf("followed %d of %d events, and %d new ones", len(got), len(evs), len(after))
	}
	cancel()
	if e, err, ok := all(); ok {
		t.Errorf("after the context is done: %v, %v", e.ID, err)
	}
}

func TestFollowWaits(t *testing.T) {
	b, _ := newBus(t)
	follow := b.Follow(testContext(t), stream.Filter{})
	done := make(chan []string)
	go func() {
		var got []string
		for e, err := range follow {
			if err != nil {
				t.Error(err)
			}
			if got = append(got, e.ID); len(got) == 3 {
				break
			}
		}
		done <- got
	}()
	evs := calls("acme", 1)
	if err := b.Publish(testContext(t), evs...); err != nil {
		t.Fatal(err)
	}
	if got := <-done; !slices.Equal(got, ids(evs)) {
		t.Errorf("followed %v, want %v", got, ids(evs))
	}
}

// The consumer is deleted under the reader's hands.
func TestFollowWithoutItsConsumer(t *testing.T) {
	b, nc := newBus(t)
	next, stop := iter.Pull2(b.Follow(testContext(t), stream.Filter{Since: at}))
	defer stop()
	evs := calls("acme", 2)
	for i, e := range evs {
		if err := b.Publish(testContext(t), e); err != nil {
			t.Fatal(err)
		}
		if got := take(t, next, 1); got[0].ID != e.ID {
			t.Fatalf("event %d is %s, want %s", i, got[0].ID, e.ID)
		}
		if i == 2 {
			deleteConsumers(t, eventStream(t, nc))
		}
	}
}

func deleteConsumers(t *testing.T, s jetstream.Stream) {
	for name := range s.ConsumerNames(testContext(t)).Name() {
		if err := s.DeleteConsumer(testContext(t), name); err != nil {
			t.Fatal(err)
		}
	}
}
