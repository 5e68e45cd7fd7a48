package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// sinkCollector shows how the sinks are doing as metrics, read when they are asked for. Labels are names of sinks and words
// of callbus.
type sinkCollector struct{ fleet *sinkFleet }

// sinkReporter is what there is to tell of one sink.
type sinkReporter struct {
	sinks.Status
	took      prometheus.Histogram
	callbacks callbackKeeper // nil of other kinds
}

// callbackKeeper is a sink of kind callbacks.
type callbackKeeper interface {
	Ignored() map[callbacksIgnored]uint64
	Open() map[events.CallbackStatus]int
	Returns() prometheus.Histogram
}

var (
	perSink = []string{"sink"}

	backlogDesc   = prometheus.NewDesc("callbus_sink_backlog_events", "Events that are to be delivered.", perSink, nil)
	oldestDesc    = prometheus.NewDesc("callbus_sink_oldest_timestamp_seconds", "When the oldest of them was stored.", perSink, nil)
	deliveredDesc = prometheus.NewDesc("callbus_sink_delivered_total", "Events that were delivered.", perSink, nil)
	failedDesc    = prometheus.NewDesc("callbus_sink_failures_total", "Attempts that failed, by what that means: passing, event, endpoint, pause, gone.", []string{"sink", "fault"}, nil)
	buriedDesc    = prometheus.NewDesc("callbus_sink_dead_letters_total", "Events that were put into the dead letters.", perSink, nil)
	lostDesc      = prometheus.NewDesc("callbus_sink_expired_total", "Events that aged out of the stream before they were delivered.", perSink, nil)
	retryingDesc  = prometheus.NewDesc("callbus_sink_retrying_calls", "Calls of which an event waits for its next attempt.", perSink, nil)
	ignoredDesc   = prometheus.NewDesc("callbus_callbacks_ignored_total", "Missed calls that oblige nobody to call back: withheld, internal, backfilled.", []string{"sink", "reason"}, nil)
	circuitDesc   = prometheus.NewDesc("callbus_sink_circuit", "1 for the state that the sink is in: closed (it sends), open, half-open, disabled.", []string{"sink", "state"}, nil)
	owedDesc      = prometheus.NewDesc("callbus_callbacks_open", "Callers who are owed a call back: watching, held, notified, attempted, snoozed.", []string{"sink", "state"}, nil)
)

// Buckets in seconds: an endpoint is asked for half a minute at most; people call back within minutes, or days.
var (
	attemptBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	returnBuckets  = []float64{30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 259200}
)

func attemptDuration(sink string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "callbus_sink_delivery_duration_seconds", Help: "How long one attempt to deliver an event took, whatever came of it.",
		ConstLabels: prometheus.Labels{"sink": sink}, Buckets: attemptBuckets,
	})
}

func returnDuration(sink string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "callbus_callbacks_return_seconds", Help: "How long it took from the first missed call until the obligation to call back was met.",
		ConstLabels: prometheus.Labels{"sink": sink}, Buckets: returnBuckets,
	})
}

// measureReturn returns what takes in, of what is told of callbacks, how long they took.
func measureReturn(h prometheus.Histogram) func(events.Event) {
	return func(e events.Event) {
		if c, ok := e.Callback(); ok && c.SecondsToReturn != nil {
			h.Observe(*c.SecondsToReturn)
		}
	}
}

func (c sinkCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c sinkCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.fleet.reporters() {
		collectSink(ch, s.Status)
		s.took.Collect(ch)
		if s.callbacks != nil {
			collectCallbacks(ch, s.Name, s.callbacks)
		}
	}
}

func collectCallbacks(ch chan<- prometheus.Metric, sink string, k callbackKeeper) {
	for reason, n := range k.Ignored() {
		ch <- prometheus.MustNewConstMetric(ignoredDesc, prometheus.CounterValue, float64(n), sink, string(reason))
	}
	for state, n := range k.Open() {
		ch <- prometheus.MustNewConstMetric(owedDesc, prometheus.GaugeValue, float64(n), sink, string(state))
	}
	k.Returns().Collect(ch)
}

func collectSink(ch chan<- prometheus.Metric, s sinks.Status) {
	show := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{s.Name}, labels...)...)
	}
	show(backlogDesc, prometheus.GaugeValue, float64(s.Backlog))
	if !s.Oldest.IsZero() {
		show(oldestDesc, prometheus.GaugeValue, float64(s.Oldest.UnixMilli())/1000)
	}
	show(deliveredDesc, prometheus.CounterValue, float64(s.Delivered))
	for _, fault := range []sinks.Fault{sinks.Passing, sinks.OfEvent, sinks.OfEndpoint, sinks.Pause, sinks.Gone} {
		show(failedDesc, prometheus.CounterValue, float64(s.Failed[fault]), string(fault))
	}
	show(buriedDesc, prometheus.CounterValue, float64(s.Buried))
	show(lostDesc, prometheus.CounterValue, float64(s.Lost))
	show(retryingDesc, prometheus.GaugeValue, float64(s.Retrying))
	for _, state := range []sinks.CircuitState{sinks.Closed, sinks.Open, sinks.Half, sinks.Disabled} {
		show(circuitDesc, prometheus.GaugeValue, oneIf(s.State == state), string(state))
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
