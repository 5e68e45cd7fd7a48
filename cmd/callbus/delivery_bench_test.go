package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
)

// BenchmarkDeliver is a backlog of events, one for each call, from the stream to a receiver that takes a while: consumer,
// pump, signature, HTTP, acknowledgement; 64 lanes. Beside it a bare loop of net/http with as many goroutines sends the same
// bytes, header and body, to the same receiver; and so does one that is given each event by the bus, with nats.go alone, and
// acknowledges it: no sink of this process can be faster.
func BenchmarkDeliver(b *testing.B) {
	for _, takes := range []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond} {
		b.Run(fmt.Sprintf("receiver=%s", takes), func(b *testing.B) { benchmarkDeliver(b, takes) })
	}
}

const benchLanes = 64

func benchmarkDeliver(b *testing.B, takes time.Duration) {
	n := 50_000
	if takes > 0 {
		// Of 200 answers one after another, a sink that begins with one lane and has twice as many after each loses five.
		n = int(max(15*time.Second, 200*takes) / takes * benchLanes)
	}
	ctx := b.Context()
	bus, err := openBus(ctx, Bus{DataDir: b.TempDir(), Listen: "off", Sync: Sync{Always: true}, Replicas: 1, MaxAge: 24 * time.Hour}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer bus.close()
	var got atomic.Int64
	var sent atomic.Pointer[http.Header] // by a sink
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		sent.CompareAndSwap(nil, &r.Header)
		if takes > 0 {
			time.Sleep(takes)
		}
		w.WriteHeader(http.StatusNoContent)
		got.Add(1)
	}))
	defer server.Close()
	evs := startedCalls(0, n)
	if err := bus.Publish(ctx, evs...); err != nil {
		b.Fatal(err)
	}
	body, err := evs[0].AppendJSON(nil)
	if err != nil {
		b.Fatal(err)
	}
	var ours, bare, withBus cost
	for run := 0; b.Loop(); run++ {
		got.Store(0)
		ours.add(func() {
			deliverAll(b, bus.Bus, server.URL, fmt.Sprintf("s%d", run), func() bool { return got.Load() >= int64(n) })
		})
		bare.add(func() {
			bareLoop(server.URL, *sent.Load(), func() ([]byte, func() error) { return body, func() error { return nil } }, n)
		})
		withBus.add(func() { bareLoop(server.URL, *sent.Load(), fromBus(b, bus.nc), n) })
	}
	each := float64(n * b.N)
	b.ReportMetric(each/ours.time.Seconds(), "deliveries/s")
	b.ReportMetric(each/bare.time.Seconds(), "bare/s")
	b.ReportMetric(each/withBus.time.Seconds(), "with-bus/s")
	b.ReportMetric(bare.time.Seconds()/ours.time.Seconds(), "ratio")
	b.ReportMetric(withBus.time.Seconds()/ours.time.Seconds(), "ratio-with-bus")
	b.ReportMetric(ours.cpu.Seconds()/each*100_000, "cpu-s/100k")
	b.ReportMetric(bare.cpu.Seconds()/each*100_000, "bare-cpu-s/100k")
	b.ReportMetric(withBus.cpu.Seconds()/each*100_000, "with-bus-cpu-s/100k")
}

// A cost is the time that something took, and the CPU of this process meanwhile: that of the receiver is in it, and of the bus.
type cost struct{ time, cpu time.Duration }

func (c *cost) add(f func()) {
	began, used := time.Now(), cpuUsed()
	f()
	c.time += time.Since(began)
	c.cpu += cpuUsed() - used
}

func cpuUsed() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // of oneself it cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// deliverAll lets a new sink deliver all that is stored.
func deliverAll(b *testing.B, bus *stream.Bus, url, name string, done func() bool) {
	b.Helper()
	f := newSinkFleet(slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	c := loopbackSink(name, url, 15*time.Second)
	c.Concurrency = benchLanes
	if err := f.start(ctx, bus, c); err != nil {
		b.Fatal(err)
	}
	for !done() {
		time.Sleep(time.Millisecond)
	}
	stop()
	f.wait()
}

// bareLoop sends n times what next returns, and says each time that it is sent.
func bareLoop(url string, header http.Header, next func() (body []byte, done func() error), n int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchLanes, DisableCompression: true}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range benchLanes {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				body, done := next()
				req, _ := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
				req.Header = header
				if resp, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				_ = done()
			}
		})
	}
	all.Wait()
}

// fromBus returns what gives one event after another, as nats.go has them from a consumer that is new.
func fromBus(b *testing.B, nc *nats.Conn) func() ([]byte, func() error) {
	b.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	c, err := js.CreateConsumer(b.Context(), stream.Name, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 20_000})
	if err != nil {
		b.Fatal(err)
	}
	messages, err := c.Messages(jetstream.PullMaxMessages(2 * benchLanes))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(messages.Stop)
	return func() ([]byte, func() error) {
		m, err := messages.Next()
		if err != nil {
			b.Error(err)
			return nil, func() error { return err }
		}
		return m.Data(), m.Ack
	}
}
