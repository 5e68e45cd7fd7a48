package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/ingest/vendorhttp"
)

// gateCollector shows how many requests to vendors are under way, and how many wait because they are too many.
type gateCollector struct{ gate *vendorhttp.Gate }

var (
	requestsDesc = prometheus.NewDesc("callbus_vendor_requests", "Requests to vendors that are under way.", nil, nil)
	waitingDesc  = prometheus.NewDesc("callbus_vendor_requests_waiting", "Requests to vendors that wait because too many are under way, to their host or in all.", nil, nil)
)

func (c gateCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- requestsDesc
	ch <- waitingDesc
}

func (c gateCollector) Collect(ch chan<- prometheus.Metric) {
	requests, waiting := c.gate.UnderWay()
	ch <- prometheus.MustNewConstMetric(requestsDesc, prometheus.GaugeValue, float64(requests))
	ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(waiting))
}
