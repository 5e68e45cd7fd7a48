package main

import (
	"context"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/events"
)

func TestMissedCallsThatObligeNobodyAreCounted(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	c, err := loadConfig(map[string]string{
		"CALLBUS_ROLES": "sinks", "CALLBUS_SINKS": "calls", "CALLBUS_SINK_CALLS_KIND": "callbacks", "CALLBUS_SINK_CALLS_START": "all",
	}, vendors())
	if err != nil {
		t.Fatal(err)
	}
	f := newSinkFleet(quiet())
	ctx, stop := context.WithCancel(t.Context())
	if err := f.start(ctx, r.bus, c.Sinks[0]); err != nil {
		t.Fatal(err)
	}
	defer f.wait()
	defer stop()
	withheld := missedCall()
	withheld.CallID, withheld.Account, withheld.Provider, withheld.Revision, withheld.Missed = "one", "acme", "telsam", 1, new(true)
	withheld.ExternalNumber = nil
	e := events.Event{
		ID: events.ID("acme", "one", events.CallMissed, 1), Type: events.CallMissed, Account: "acme", Provider: "telsam", Subject: "one",
		Time: noon, RecordedTime: noon, CorrelationID: "one", Data: withheld,
	}
	if err := r.bus.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(sinkCollector{f})
	eventually(t, "it is counted", func() bool {
		_, _, body := get(t, httpHandler(probes{}, registry), "/metrics")
		return strings.Contains(body, `callbus_callbacks_ignored_total{reason="withheld",sink="calls"} 1`) &&
			strings.Contains(body, `callbus_callbacks_ignored_total{reason="internal",sink="calls"} 0`)
	})
}
