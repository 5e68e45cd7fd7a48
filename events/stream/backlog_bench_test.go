//go:build unix

package stream_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/callbus/callbus/events/stream"
)

// BenchmarkBacklog fetches and acknowledges 100,000 events, by one sink or by ten at a time, with as many lanes as a pump has
// and with more.
func BenchmarkBacklog(b *testing.B) {
	for _, c := range []struct{ sinks, lanes int }{{1, 8}, {1, 64}, {1, 512}, {10, 8}} {
		b.Run(fmt.Sprintf("%d sinks, %d lanes", c.sinks, c.lanes), func(b *testing.B) { benchBacklog(b, c.sinks, c.lanes) })
	}
}

const benchBacklogEvents = 99_999

func benchBacklog(b *testing.B, n, lanes int) {
	s := startServer(b, stream.ServerConfig{})
	bus := openBus(b, connect(b, s))
	publish(b, bus, calls("acme", benchBacklogEvents/3)...)
	var spent cost
	for i := 0; b.Loop(); i++ {
		spent.add(func() {
			var wg sync.WaitGroup
			for k := range n {
				wg.Go(func() { drainAll(b, openBacklog(b, bus, named(fmt.Sprintf("s%d-%d", i, k))), lanes) })
			}
			wg.Wait()
		})
	}
	all := float64(b.N * n * benchBacklogEvents)
	b.ReportMetric(all/spent.wall.Seconds(), "events/s")
	b.ReportMetric(spent.cpu.Seconds()*1e6/all, "cpu-us/event")
	b.ReportMetric(0, "ns/op")
}

func drainAll(b *testing.B, l *stream.Backlog, lanes int) {
	for got := 0; got < benchBacklogEvents; {
		ms, err := l.Fetch(b.Context(), lanes)
		if err != nil {
			b.Error(err)
			return
		}
		got += len(ms)
		for _, m := range ms {
			_ = m.Done(b.Context())
		}
	}
}
