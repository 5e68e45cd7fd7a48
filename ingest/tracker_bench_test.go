package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// BenchmarkSnapshot is one poll of a PBX where 1 % of the calls ended and as many began since the last.
func BenchmarkSnapshot(b *testing.B) {
	for _, calls := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("calls=%d", calls), func(b *testing.B) { benchmarkSnapshot(b, calls) })
	}
}

func benchmarkSnapshot(b *testing.B, calls int) {
	cfg := testConfig()
	cfg.Settings.Settle = 4 * time.Second // so that ends are published while it runs
	t := ingest.NewTracker(cfg)
	s := ingest.Snapshot{Asked: epoch, At: epoch.Add(50 * time.Millisecond)}
	for i := range calls {
		s.Calls = append(s.Calls, benchmarkCall(i, s.At))
	}
	t.Observe(s)
	next, published := calls, 0
	for b.Loop() {
		b.StopTimer()
		s.Asked, s.At = s.Asked.Add(2*time.Second), s.At.Add(2*time.Second)
		for range calls / 100 {
			s.Calls[next%calls] = benchmarkCall(next, s.At)
			next++
		}
		b.StartTimer()
		published += len(t.Observe(s))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(calls), "ns/call")
	b.ReportMetric(float64(published)/float64(b.N), "events/op")
}

func benchmarkCall(i int, at time.Time) ingest.ActiveCall {
	caller := numbers.Party(fmt.Sprintf("90500%07d", i%10_000))
	return ingest.ActiveCall{
		Channel: fmt.Sprintf("SIP/trunk-%08x", i), Direction: events.Inbound,
		Began: ingest.Window{From: at.Add(-time.Second), To: at},
		From:  caller, To: numbers.Party(fmt.Sprint(100 + i%500)), ExternalNumber: caller.Number, Talking: i%2 == 0,
	}
}
