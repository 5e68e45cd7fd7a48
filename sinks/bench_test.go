package sinks_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/sinktest"
)

// counter is an endpoint that takes all at once, and tells when it has n.
type counter struct {
	left chan struct{}
}

func (c counter) Deliver(context.Context, sinks.Delivery) error { c.left <- struct{}{}; return nil }
func (c counter) Close() error                                  { return nil }

// BenchmarkPump delivers events to an endpoint that answers at once; reading the event is most of it.
func BenchmarkPump(b *testing.B) {
	for _, lanes := range []int{8, 64} {
		b.Run(fmt.Sprint(lanes, " lanes"), func(b *testing.B) {
			backlog, sink := sinktest.NewBacklog(), counter{make(chan struct{}, 1024)}
			for i := range b.N {
				call := fmt.Sprint("c", i/3)
				body, err := event(call, i%3+1).MarshalJSON()
				if err != nil {
					b.Fatal(err)
				}
				backlog.Store("source.gap.opened.acme."+call, body)
			}
			ctx, stop := context.WithCancel(b.Context())
			over := make(chan error, 1)
			p := sinks.NewPump(sinks.PumpConfig{Name: "bench", Sink: sink, Backlog: backlog, Lanes: lanes})
			b.ReportAllocs()
			b.ResetTimer()
			go func() { over <- p.Run(ctx) }()
			for range b.N {
				<-sink.left
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			stop()
			<-over
		})
	}
}
