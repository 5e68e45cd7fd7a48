package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

var (
	memoryBacklog = flag.Int("memory-backlog", 50_000, "how many events BenchmarkMemory stores before a sink begins")
	memoryDead    = flag.Duration("memory-dead", 10*time.Second, "how long its endpoint is dead")
	memoryLive    = flag.Int("memory-live", 20_000, "how many of them it delivers then")
)

// TestMemoryDoesNotGrowWithTheBacklog holds a sink with 50,000 events before it to what one with 2,000 needs, while its endpoint
// is dead and while it delivers. Nothing may run beside it.
func TestMemoryDoesNotGrowWithTheBacklog(t *testing.T) {
	const most = 4 << 20
	few, many := memoryOf(t, 2000, time.Second, 1500), memoryOf(t, 50_000, time.Second, 1500)
	t.Logf("with 2,000 events to be delivered %s, with 50,000 %s", few, many)
	if many.dead > few.dead+most || many.live > few.live+most {
		t.Errorf("a sink needs %s with 2,000 events before it, and %s with 50,000", few, many)
	}
}

// BenchmarkMemory says what a sink needs that has a backlog: beyond what this process needs without it.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		m := memoryOf(b, *memoryBacklog, *memoryDead, *memoryLive)
		b.ReportMetric(mebibytes(m.dead), "MB-dead")
		b.ReportMetric(mebibytes(m.live), "MB-live")
		b.ReportMetric(mebibytes(m.resident), "MB-resident")
		b.ReportMetric(0, "ns/op")
	}
}

// memory is what a sink makes this process need, in bytes; the receiver of its deliveries is in it, and the server is not.
type memory struct {
	dead, live int64 // the most that is in use after a collection, while the endpoint is dead, and while it takes events
	resident   int64 // what the system gives it at the end, with all else that is in it
}

func (m memory) String() string {
	return fmt.Sprintf("%.1f MB while the endpoint is dead and %.1f MB while it takes events", mebibytes(m.dead), mebibytes(m.live))
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// memoryOf stores events on a server of its own process, and delivers some of them when their endpoint has been dead for a while.
func memoryOf(tb testing.TB, backlog int, dead time.Duration, live int) (m memory) {
	tb.Helper()
	url := busProcess(tb)
	store(tb, url, backlog)
	bus := dialed(tb, url)
	var got atomic.Int64
	endpoint := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		got.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	address := endpoint.Listener.Addr().String()
	endpoint.Listener.Close() // nobody listens there
	before := inUse()

	f := newSinkFleet(slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(tb.Context())
	defer f.wait()
	defer stop()
	if err := f.start(ctx, bus, loopbackSink("crm", "http://"+address, 15*time.Second)); err != nil {
		tb.Fatal(err)
	}
	for f.reporters()[0].State != sinks.Open {
		time.Sleep(time.Millisecond)
	}
	for until := time.Now().Add(dead); time.Now().Before(until); time.Sleep(dead / 10) {
		m.dead = max(m.dead, inUse()-before)
	}

	listener, err := net.Listen("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	endpoint.Listener = listener
	endpoint.Start()
	defer endpoint.Close()
	if err := f.ships["crm"].pump.Enable(tb.Context()); err != nil { // it would try by itself, but later
		tb.Fatal(err)
	}
	for got.Load() < int64(live) {
		m.live = max(m.live, inUse()-before)
		time.Sleep(20 * time.Millisecond)
	}
	m.live = max(m.live, inUse()-before)
	debug.FreeOSMemory()
	m.resident = resident()
	return m
}

// busProcess runs a bus in a process of its own, and returns where it listens.
func busProcess(tb testing.TB) (url string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // free a moment ago
	cmd := exec.Command("callbus", "run")
	cmd.Env = append(os.Environ(), "CALLBUS_ROLES=http", "CALLBUS_DATA_DIR="+tb.TempDir(), "CALLBUS_NATS_LISTEN="+address, "CALLBUS_HTTP_LISTEN=off")
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return "nats://" + address
}

// dialed returns the bus there, once it listens.
func dialed(tb testing.TB, url string) *stream.Bus {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		nc, err := stream.Dial(tb.Context(), stream.RemoteConfig{URL: url})
		if err == nil {
			bus, err := stream.Open(tb.Context(), nc, stream.Settings{})
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { bus.Close(); nc.Close() })
			return bus
		}
		if time.Now().After(deadline) {
			tb.Fatal(err)
		}
	}
}

// store stores one event of each of so many calls.
func store(tb testing.TB, url string, n int) {
	tb.Helper()
	bus := dialed(tb, url)
	for from := 0; from < n; from += 5000 {
		if err := bus.Publish(tb.Context(), startedCalls(from, min(from+5000, n))...); err != nil {
			tb.Fatal(err)
		}
	}
}

// loopbackSink is a webhook to this machine, of all calls that are stored.
func loopbackSink(name, url string, timeout time.Duration) SinkConfig {
	c := webhook.Config{URL: url, Secret: secret.New(demoSecret), Timeout: timeout, AllowCIDRs: webhook.CIDRs{netip.MustParsePrefix("127.0.0.0/8")}}
	return SinkConfig{Name: name, Kind: "webhook", Types: TypePatterns{"call.*"}, Start: Start{All: true}, Concurrency: 8,
		Config: &kindConfig[webhook.Config]{
			Config: c,
			open: func(_ context.Context, at sinkPlace, c webhook.Config) (sinks.Sink, error) {
				return webhook.New(at.name, c, webhook.Options{})
			},
			giveUp: func(webhook.Config) time.Duration { return 0 },
		}}
}

// startedCalls returns call.started of calls.
func startedCalls(from, to int) (all []events.Event) {
	for i := from; i < to; i++ {
		c := missedCall()
		c.CallID, c.Account, c.Provider, c.Revision, c.StartedAt = fmt.Sprintf("call-%07d", i), "acme", "telsam", 1, &noon
		all = append(all, events.Event{
			ID: events.ID("acme", c.CallID, events.CallStarted, 1), Type: events.CallStarted, Account: "acme", Provider: "telsam", Subject: c.CallID,
			Time: noon, RecordedTime: noon, CorrelationID: c.CallID, Data: c,
		})
	}
	return all
}

// inUse is what this process has in use.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// resident is what the system gives this process; 0 where it does not say.
func resident() (bytes int64) {
	text, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	fmt.Sscan(after, &bytes)
	return bytes << 10
}
