package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// slowBus stores nothing until it is let.
type slowBus struct {
	ingest.Bus
	stored chan error
}

func (b slowBus) Publish(context.Context, ...events.Event) error { return <-b.stored }

func TestWhatWaitsToBeStoredIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := slowBus{stored: make(chan error)}
		b := meteredBus{slow, newBusMeter()}
		publish := func() { _ = b.Publish(t.Context(), events.Event{}) } // that it failed is the caller's to see
		waits := func(when string, want time.Duration) {
			t.Helper()
			synctest.Wait()
			if got := b.oldest(time.Now()); got != want {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		waits("nothing waits", 0)
		go publish()
		time.Sleep(5 * time.Second)
		go publish()
		time.Sleep(4 * time.Second)
		waits("the older of two", 9*time.Second)
		if err := stored(b.oldest(time.Now())); err != nil {
			t.Errorf("a cluster may take so long to choose another leader, but it says %v", err)
		}
		time.Sleep(time.Second)
		want := "events wait to be stored, for 10s now; nothing is lost that the vendors still list"
		if err := stored(b.oldest(time.Now())); err == nil || err.Error() != want {
			t.Errorf("it says %v, want %s", err, want)
		}
		slow.stored <- nil
		slow.stored <- errors.New("refused")
		waits("both are through", 0)
		if n := histogramOf(t, b.took).GetSampleCount(); n != 1 {
			t.Errorf("%d durations are counted, want that of what was stored", n)
		}
	})
}

func TestHowLateEventsAre(t *testing.T) {
	t.Parallel()
	call := func(typ events.Type, late time.Duration, backfill bool) events.Event {
		return events.Event{Type: typ, Provider: "telsam", Time: noon, RecordedTime: noon.Add(late), Data: events.Call{Backfill: backfill}}
	}
	slow := slowBus{stored: make(chan error, 1)}
	b := meteredBus{slow, newBusMeter()}
	slow.stored <- nil
	err := b.Publish(t.Context(),
		call(events.CallStarted, time.Second, false), call(events.CallStarted, 3*time.Second, false), call(events.CallStarted, time.Hour, true),
		call(events.CallEnded, -time.Minute, false), // the PBX's clock is ahead
		events.Event{Type: events.CallAmended, Provider: "telsam", Time: noon, RecordedTime: noon, Data: events.Amendment{}},
		events.Event{Type: events.GapOpened, Provider: "telsam", Time: noon, RecordedTime: noon.Add(time.Minute), Data: events.Gap{}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if n := testutil.CollectAndCount(b.lag); n != 2 {
		t.Errorf("%d histograms, want those of started and ended calls", n)
	}
	started := histogramOf(t, b.lag.WithLabelValues("telsam", "call.started"))
	if started.GetSampleCount() != 2 || started.GetSampleSum() != 4 {
		t.Errorf("started calls: %v, want two, 4 s late together", started)
	}
	if ended := histogramOf(t, b.lag.WithLabelValues("telsam", "call.ended")); ended.GetSampleCount() != 1 || ended.GetSampleSum() != 0 {
		t.Errorf("ended calls: %v, want one that is not late", ended)
	}
	if problems, err := testutil.CollectAndLint(b); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if !strings.Contains(b.took.Desc().String(), "callbus_publish_duration_seconds") {
		t.Error(b.took.Desc())
	}
}
