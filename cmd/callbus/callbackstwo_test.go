package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/callbacks"
)

// Two processes run one sink of callbacks: both hear of every call, and of every alarm.
func TestTwoProcessesRemindOnce(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	server, err := stream.StartServer(t.Context(), stream.ServerConfig{DataDir: t.TempDir(), Listen: "off"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	c := callbacks.Config{
		After: callbacks.Durations{time.Second, 2 * time.Second}, Hours: "Mon-Sun 00:00-24:00", Timezone: "UTC", MaxAge: time.Hour, Scope: callbacks.PerNumber,
	}
	var bus *stream.Bus
	var both []sinks.Sink
	for range 2 {
		nc, err := server.Connect("test")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		if bus, err = stream.Open(t.Context(), nc, stream.Settings{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(bus.Close)
		s, err := openCallbacks(t.Context(), sinkPlace{"calls", bus, log}, c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		s.(sinks.Starter).CaughtUp() // there is no pump
		both = append(both, s)
	}
	const callers = 40
	began := time.Now()
	var all sync.WaitGroup
	for _, s := range both {
		for n := range callers {
			all.Go(func() {
				e := missedCallOf(n, "m", began)
				if err := s.Deliver(t.Context(), sinks.Delivery{Event: e, Attempt: 1}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	want := map[events.Type]int{events.CallbackOpened: callers, events.CallbackDue: 2 * callers}
	awaitCallbacks(t, bus, began, want)
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
