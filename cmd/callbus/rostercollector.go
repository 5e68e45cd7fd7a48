package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/events/stream"
)

// rosterCollector shows how the work is shared out among the processes, as this one sees it.
type rosterCollector struct{ roster *stream.Roster }

var (
	membersDesc   = prometheus.NewDesc("callbus_members", "Processes that share the work, this one among them.", nil, nil)
	heldDesc      = prometheus.NewDesc("callbus_leases_held", "What this process does of what is shared out: accounts that it watches, sinks that it delivers for.", []string{"kind"}, nil)
	wantedDesc    = prometheus.NewDesc("callbus_leases_wanted", "What is in the settings of this process, to be shared out.", []string{"kind"}, nil)
	takeoversDesc = prometheus.NewDesc("callbus_lease_takeovers_total", "Accounts and sinks that this process took over from one that had vanished.", []string{"kind"}, nil)
)

func (c rosterCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- membersDesc
	ch <- heldDesc
	ch <- wantedDesc
	ch <- takeoversDesc
}

func (c rosterCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.roster.Status()
	ch <- prometheus.MustNewConstMetric(membersDesc, prometheus.GaugeValue, float64(s.Members))
	for kind, n := range s.Held {
		ch <- prometheus.MustNewConstMetric(heldDesc, prometheus.GaugeValue, float64(n), string(kind))
		ch <- prometheus.MustNewConstMetric(wantedDesc, prometheus.GaugeValue, float64(s.Wanted[kind]), string(kind))
		ch <- prometheus.MustNewConstMetric(takeoversDesc, prometheus.CounterValue, float64(s.Takeovers[kind]), string(kind))
	}
}
