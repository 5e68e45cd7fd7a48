package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/callbacks"
)

// embedded returns a server that the test stops.
func embedded(t *testing.T) *stream.Server {
	t.Helper()
	server, err := stream.StartServer(t.Context(), stream.ServerConfig{DataDir: t.TempDir(), Listen: "off"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	return server
}

// callbacksProcess is a process with a sink of callbacks, but for the pump.
func callbacksProcess(t *testing.T, server *stream.Server, after ...time.Duration) (*nats.Conn, *stream.Bus, sinks.Sink) {
	t.Helper()
	nc, err := server.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	bus, err := stream.Open(t.Context(), nc, stream.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	c := callbacks.Config{After: after, Hours: always, MaxAge: 72 * time.Hour, Scope: callbacks.PerNumber}
	s, err := openCallbacks(t.Context(), sinkPlace{"calls", bus, slog.New(slog.DiscardHandler)}, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.(sinks.Starter).CaughtUp()
	return nc, bus, s
}

// Two processes run one sink of callbacks: both hear of every call, and of every alarm.
func TestTwoProcessesRemindOnce(t *testing.T) {
	t.Parallel()
	server := embedded(t)
	_, _, one := callbacksProcess(t, server, time.Second) // one step: of several that a busy machine is late for, the last is told
	_, bus, two := callbacksProcess(t, server, time.Second)
	const callers = 40
	began := time.Now()
	var all sync.WaitGroup
	for _, s := range []sinks.Sink{one, two} {
		for n := range callers {
			all.Go(func() { deliverTo(t, s, missedCallOf(n, "m", began)) })
		}
	}
	all.Wait()
	awaitCallbacks(t, bus, began, map[events.Type]int{events.CallbackOpened: callers, events.CallbackDue: callers})
}

// What is kept of a caller was damaged: it is put aside, and worked out anew from the stream.
func TestACallerWhosePageIsDamagedIsNotForgotten(t *testing.T) {
	t.Parallel()
	nc, bus, s := callbacksProcess(t, embedded(t), time.Hour)
	began := time.Now()
	take := func(e events.Event) (number string) {
		if err := bus.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		deliverTo(t, s, e)
		return *e.Data.(events.Call).ExternalNumber
	}
	number := take(missedCallOf(7, "first", began))
	if _, err := nc.Request("callbacks.page.calls."+callbacks.Key("acme", number), []byte(`{"version":`), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	take(missedCallOf(7, "second", began.Add(time.Second)))
	open, err := openCallbacksOfOne(t.Context(), bus, "calls")
	if err != nil || len(open) != 1 || open[0].Count != 2 {
		t.Fatalf("owed are %+v, %v; want one call, for two that were missed", open, err)
	}
	awaitCallbacks(t, bus, began, map[events.Type]int{events.CallMissed: 2, events.CallbackOpened: 1})
}

// awaitCallbacks waits until so many callback events are stored, and a while longer for some that should not come.
func awaitCallbacks(t *testing.T, bus *stream.Bus, since time.Time, want map[events.Type]int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := map[events.Type]int{}
	for e, err := range bus.Follow(ctx, stream.Filter{Since: since}) {
		if err != nil {
			t.Fatal(err)
		}
		got[e.Type]++
		if fmt.Sprint(got) == fmt.Sprint(want) {
			time.AfterFunc(time.Second, cancel)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("stored are %v, want %v", got, want)
	}
}
