package main

import (
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"github.com/callbus/callbus/events/stream"
)

// meters is all that /metrics shows.
//
// The accounts' metrics are gathered beside the registry, which takes several times as long to check and to sort what is right
// and sorted already: a process may have 10,000 accounts.
type meters struct {
	registry *prometheus.Registry
	fleet    atomic.Pointer[fleet] // nil while callbus starts
}

// newMeters returns the meters of a process that starts.
func newMeters(h *health) *meters {
	m := &meters{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(), readiness(h))
	return m
}

// show has the meters show what is at work.
func (m *meters) show(published *busMeter, f *fleet, s *sinkFleet) {
	m.registry.MustRegister(published, sinkCollector{s}, gateCollector{f.gate})
	m.fleet.Store(f)
}

// share has them show how the work is shared out.
func (m *meters) share(r *stream.Roster) { m.registry.MustRegister(rosterCollector{r}) }

// Gather makes it a prometheus.Gatherer.
func (m *meters) Gather() ([]*dto.MetricFamily, error) {
	all, err := m.registry.Gather()
	if f := m.fleet.Load(); f != nil {
		all = append(all, accountFamilies(f.status(), f.remaining())...)
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all, err
}

// buildInfo tells which callbus this is.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callbus_build_info", Help: "1, with the version of callbus and of the Go that built it.",
		ConstLabels: prometheus.Labels{"version": buildVersion(), "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}

// readiness tells what /readyz does.
func readiness(h *health) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "callbus_ready", Help: "1 while callbus does its work; /readyz says why not.",
	}, func() float64 { return oneIf(h.ready() == nil) })
}
