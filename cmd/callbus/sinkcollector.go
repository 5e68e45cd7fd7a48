package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/sinks"
)

// sinkCollector shows how the sinks are doing as metrics, read when they are asked for. Labels are names of sinks and words
// of callbus.
type sinkCollector struct{ fleet *sinkFleet }

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
)

func (c sinkCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c sinkCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.fleet.status() {
		collectSink(ch, s)
	}
	for sink, ignored := range c.fleet.ignored() {
		for reason, n := range ignored {
			ch <- prometheus.MustNewConstMetric(ignoredDesc, prometheus.CounterValue, float64(n), sink, string(reason))
		}
	}
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
		v := 0.0
		if s.State == state {
			v = 1
		}
		show(circuitDesc, prometheus.GaugeValue, v, string(state))
	}
}
