package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/callbacks"
)

// openCases is how many obligations are open in BenchmarkOpenCallbacks, and dueAtOnce how many fall due together in
// BenchmarkDueAtOnce.
const (
	openCases = 100_000
	dueAtOnce = 10_000
)

// BenchmarkOpenCallbacks handles events one after another while 100,000 obligations are open, on the embedded server that syncs
// always; then it restarts.
func BenchmarkOpenCallbacks(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		c := reminders(4 * time.Hour)
		bus, s := callbacksOn(b, dir, c)
		began := time.Now()
		missedBy(b, s, 0, openCases, began.Add(-2*time.Minute))
		b.ReportMetric(float64(openCases)/time.Since(began).Seconds(), "opened/s")
		var took []time.Duration
		for n := range 1000 {
			e := missedCallOf(n*97, "again", time.Now().Add(-time.Minute))
			at := time.Now()
			deliverTo(b, s, e)
			took = append(took, time.Since(at))
		}
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms/event-p50")
		b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "ms/event-p99")
		closeAll(b, bus, s)

		before := heapInUse()
		began = time.Now()
		bus, s = callbacksOn(b, dir, c)
		b.ReportMetric(time.Since(began).Seconds(), "s/restart")
		deliverTo(b, s, missedCallOf(1, "after", time.Now().Add(-time.Minute)))
		b.ReportMetric(time.Since(began).Seconds(), "s/first-event")
		time.Sleep(5 * time.Second) // the review
		b.ReportMetric(heapInUse()-before, "MB-with-server")
		began = time.Now()
		if all, err := openCallbacksOfOne(b.Context(), bus.Bus, "calls"); err != nil || len(all) < openCases {
			b.Errorf("%d are listed, %v", len(all), err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/list")
		closeAll(b, bus, s)
	}
}

// heapInUse returns megabytes, after all is collected that can be.
func heapInUse() float64 {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse) / (1 << 20)
}

// BenchmarkDueAtOnce lets 10,000 reminders fall due at one instant, and measures until the last is in the stream of events.
func BenchmarkDueAtOnce(b *testing.B) {
	for b.Loop() {
		bus, s := callbacksOn(b, b.TempDir(), reminders(30*time.Second))
		at := time.Now()
		missedBy(b, s, 0, dueAtOnce, at)
		due := at.Add(30 * time.Second)
		if late := time.Since(due); late > 0 {
			b.Fatalf("opening took %s too long", late)
		}
		n := 0
		for e, err := range bus.Follow(b.Context(), stream.Filter{Types: []events.Type{events.CallbackDue}, Since: at}) {
			if err != nil {
				b.Fatal(err)
			}
			_ = e
			if n++; n == dueAtOnce {
				break
			}
		}
		b.ReportMetric(time.Since(due).Seconds(), "s/10000-due")
		closeAll(b, bus, s)
	}
}

func reminders(after time.Duration) callbacks.Config {
	return callbacks.Config{
		After: callbacks.Durations{after}, Hours: always, MaxAge: 72 * time.Hour, Scope: callbacks.PerNumber,
	}
}

func callbacksOn(b *testing.B, dir string, c callbacks.Config) (*openedBus, sinks.Sink) {
	b.Helper()
	bus, err := openBus(b.Context(), Bus{DataDir: dir, Listen: "off", Sync: Sync{Always: true}, Replicas: 1, MaxAge: 24 * time.Hour}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	s, err := openCallbacks(b.Context(), sinkPlace{"calls", bus.Bus, slog.New(slog.DiscardHandler)}, c)
	if err != nil {
		b.Fatal(err)
	}
	s.(sinks.Starter).CaughtUp() // there is no pump
	return bus, s
}

func closeAll(b *testing.B, bus *openedBus, s sinks.Sink) {
	if err := s.Close(); err != nil {
		b.Error(err)
	}
	bus.close()
}

// missedBy has so many callers be missed, 64 at a time.
func missedBy(b *testing.B, s sinks.Sink, from, to int, at time.Time) {
	b.Helper()
	next := make(chan int)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for n := range next {
				deliverTo(b, s, missedCallOf(n, "first", at))
			}
		})
	}
	for n := from; n < to; n++ {
		next <- n
	}
	close(next)
	all.Wait()
}

func deliverTo(b testing.TB, s sinks.Sink, e events.Event) {
	if err := s.Deliver(context.Background(), sinks.Delivery{Event: e, Attempt: 1}); err != nil {
		b.Error(err)
	}
}

// missedCallOf is a call that was missed at a time, of the n-th caller.
func missedCallOf(n int, id string, at time.Time) events.Event {
	c, number, yes := missedCall(), fmt.Sprintf("+9053%08d", n), true
	began := at.Add(-20 * time.Second)
	c.CallID, c.Account, c.Provider, c.Revision, c.ExternalNumber = fmt.Sprintf("%s-%d", id, n), "acme", "telsam", 1, &number
	c.Direction, c.StartedAt, c.EndedAt, c.Missed = events.Inbound, &began, &at, &yes
	return events.Event{
		ID: events.ID("acme", c.CallID, events.CallMissed, 1), Type: events.CallMissed, Account: "acme", Provider: "telsam", Subject: c.CallID,
		Time: at, RecordedTime: at, CorrelationID: c.CallID, Data: c,
	}
}
