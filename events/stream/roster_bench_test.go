package stream_test

import (
	"context"
	"testing"
	"time"

	"github.com/callbus/callbus/events/stream"
)

// BenchmarkRosterStarts is how long one process takes until it does ten thousand duties that nobody did, and another life of it,
// that goes on where it was.
func BenchmarkRosterStarts(b *testing.B) {
	const duties = 10_000
	for b.Loop() {
		server := startServer(b, stream.ServerConfig{SyncAlways: true})
		bus := openBus(b, connect(b, server))
		for _, life := range []string{"first", "second"} {
			r, err := bus.Roster(b.Context(), stream.RosterConfig{
				ID: "embedded", Kinds: []stream.DutyKind{stream.AccountDuty},
				Take: func(context.Context, stream.Duty, stream.Term) error { return nil }, Drop: func(stream.Duty) {},
			})
			if err != nil {
				b.Fatal(err)
			}
			for d, w := range accounts(duties, "a", time.Now()) {
				r.Want(d, w)
			}
			ctx, stop := context.WithCancel(b.Context())
			began := time.Now()
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			r.Await(ctx, stream.AccountDuty)
			b.ReportMetric(time.Since(began).Seconds(), "s-"+life)
			stop()
			began = time.Now()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(began).Seconds(), "s-leave-"+life)
		}
	}
}
