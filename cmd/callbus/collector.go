package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// fleetCollector shows how the workers are doing as metrics, read when they are asked for. Labels are account names and
// words of callbus: never a number of a caller.
type fleetCollector struct{ fleet *fleet }

var (
	perList = []string{"account", "list"}

	pollsDesc    = prometheus.NewDesc("callbus_polls_total", "Attempts to read a list of the vendor.", perList, nil)
	failuresDesc = prometheus.NewDesc("callbus_poll_failures_total", "Attempts that gave nothing.", perList, nil)
	readDesc     = prometheus.NewDesc("callbus_last_read_timestamp_seconds", "When the list was last read.", perList, nil)
	liveDesc     = prometheus.NewDesc("callbus_live_calls", "Calls going on, as far as is known.", []string{"account"}, nil)
	joinsDesc    = prometheus.NewDesc("callbus_records_total",
		"New records, by whether a snapshot had shown their call. Where joined stays 0 and calls are long, the join does not work.", []string{"account", "call"}, nil)
	provisionalDesc = prometheus.NewDesc("callbus_provisional_ends_total", "Calls that ended without a record in time.", []string{"account"}, nil)
	amendedDesc     = prometheus.NewDesc("callbus_amendments_total", "Amendments published.", []string{"account"}, nil)
	quarantineDesc  = prometheus.NewDesc("callbus_quarantined_rows_total", "Rows that could not be understood and were put aside.", []string{"account"}, nil)
)

func (c fleetCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c fleetCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.fleet.status() {
		collectStatus(ch, s)
	}
}

func collectStatus(ch chan<- prometheus.Metric, s ingest.Status) {
	show := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{s.Account}, labels...)...)
	}
	for _, list := range []events.List{events.ActiveCalls, events.CDRs} {
		show(pollsDesc, prometheus.CounterValue, float64(s.Polls[list]), string(list))
		show(failuresDesc, prometheus.CounterValue, float64(s.Failures[list]), string(list))
		if at, ok := s.Read[list]; ok {
			show(readDesc, prometheus.GaugeValue, float64(at.UnixMilli())/1000, string(list))
		}
	}
	show(liveDesc, prometheus.GaugeValue, float64(s.Live))
	show(joinsDesc, prometheus.CounterValue, float64(s.Tally.Joined), "joined")
	show(joinsDesc, prometheus.CounterValue, float64(s.Tally.RecordOnly), "unseen")
	show(provisionalDesc, prometheus.CounterValue, float64(s.Tally.Provisional))
	show(amendedDesc, prometheus.CounterValue, float64(s.Tally.Amended))
	show(quarantineDesc, prometheus.CounterValue, float64(s.Quarantined))
}
