package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// meteredBus measures what is published through it, as the workers see it.
type meteredBus struct {
	ingest.Bus
	*busMeter
}

// Publish publishes, and measures what is stored.
func (b meteredBus) Publish(ctx context.Context, evs ...events.Event) error {
	began := time.Now()
	defer b.wait(began)()
	if err := b.Bus.Publish(ctx, evs...); err != nil {
		return err
	}
	b.took.Observe(time.Since(began).Seconds())
	for i := range evs {
		b.measure(&evs[i])
	}
	return nil
}

// busMeter is what all that is published in this process is measured by.
type busMeter struct {
	lag  *prometheus.HistogramVec
	took prometheus.Histogram

	mu      sync.Mutex
	count   uint64
	waiting map[uint64]time.Time // since when, of what is not stored yet
}

// Buckets in seconds: polls take seconds to see what happened, outages make that an hour; a commit takes milliseconds.
var (
	lagBuckets     = []float64{0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 900, 1800, 3600}
	publishBuckets = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
)

func newBusMeter() *busMeter {
	return &busMeter{
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "callbus_source_lag_seconds", Buckets: lagBuckets,
			Help: "How long after it happened at the PBX an event of a call was made; not of backfill, and not of amendments.",
		}, []string{"provider", "type"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "callbus_publish_duration_seconds", Buckets: publishBuckets,
			Help: "How long it took until what one poll brought was stored, all of it.",
		}),
		waiting: map[uint64]time.Time{},
	}
}

// measure takes in how late an event is, if it tells of a call as it happens. An amendment happens when it is made. The PBX's
// clock may be ahead of ours.
func (b *busMeter) measure(e *events.Event) {
	c, ok := e.Data.(events.Call)
	if ok && !c.Backfill {
		b.lag.WithLabelValues(e.Provider, string(e.Type)).Observe(max(0, e.RecordedTime.Sub(e.Time).Seconds()))
	}
}

// wait notes that something waits to be stored, and returns what to call when it waits no longer.
func (b *busMeter) wait(since time.Time) (done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	n := b.count
	b.waiting[n] = since
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.waiting, n)
	}
}

// oldest returns how long that has been waiting which waits longest; 0 if nothing does.
func (b *busMeter) oldest(now time.Time) (longest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, since := range b.waiting {
		longest = max(longest, now.Sub(since))
	}
	return longest
}

// Describe makes b a prometheus.Collector.
func (b *busMeter) Describe(ch chan<- *prometheus.Desc) { b.lag.Describe(ch); b.took.Describe(ch) }

// Collect makes b a prometheus.Collector.
func (b *busMeter) Collect(ch chan<- prometheus.Metric) { b.lag.Collect(ch); b.took.Collect(ch) }
