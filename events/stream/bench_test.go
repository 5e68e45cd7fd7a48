//go:build unix

package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/events/stream/natstest"
)

const benchEvents = 9_000 // of one call of Publish

// BenchmarkPublish compares one call of Publish with a bare publisher of atomic batches, which does nothing but send bytes that
// are ready and wait for each commit. Both write the same bytes to the same kind of stream, each its own, on one server that
// syncs always, in turn.
func BenchmarkPublish(b *testing.B) {
	for _, where := range []string{"in-process", "TCP"} {
		b.Run(where, func(b *testing.B) { benchPublish(b, where) })
	}
}

func benchPublish(b *testing.B, where string) {
	s := startServer(b, stream.ServerConfig{SyncAlways: true, Listen: "127.0.0.1:0"})
	nc := benchConnect(b, s, where)
	benchBeside(b, openBus(b, nc), bareStream(b, nc, 1))
}

// BenchmarkPublishOnACluster does the same with three replicas on three servers, which are processes of their own.
func BenchmarkPublishOnACluster(b *testing.B) {
	nc := dial(b, startCluster(b, plainServer, natstest.Config{SyncAlways: true}).URL())
	benchBeside(b, openOn(b, nc), bareStream(b, nc, 3))
}

func benchBeside(b *testing.B, bus *stream.Bus, bare func([][]byte)) {
	var ours, bares cost
	for n := 0; b.Loop(); n++ {
		evs := calls("acme"+strconv.Itoa(n), benchEvents/3)
		bytes := encoded(b, evs)
		bares.add(func() { bare(bytes) })
		ours.add(func() {
			if err := bus.Publish(b.Context(), evs...); err != nil {
				b.Fatal(err)
			}
		})
	}
	all := float64(b.N * benchEvents)
	b.ReportMetric(all/ours.wall.Seconds(), "events/s")
	b.ReportMetric(all/bares.wall.Seconds(), "bare-events/s")
	b.ReportMetric(bares.wall.Seconds()/ours.wall.Seconds(), "ratio")
	b.ReportMetric(ours.cpu.Seconds()*1e6/all, "cpu-us/event")
	b.ReportMetric(bares.cpu.Seconds()*1e6/all, "bare-cpu-us/event")
	b.ReportMetric(0, "ns/op")
}

// A cost is the time that something took, and the processor time of the whole process, server included, meanwhile: on a machine that
// is busy with other things the second says more.
type cost struct{ wall, cpu time.Duration }

func (c *cost) add(f func()) {
	start, used := time.Now(), processorTime()
	f()
	c.wall += time.Since(start)
	c.cpu += processorTime() - used
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchConnect(b *testing.B, s *stream.Server, where string) *nats.Conn {
	if where == "in-process" {
		return connect(b, s)
	}
	nc, err := stream.Dial(b.Context(), stream.RemoteConfig{URL: s.URL()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

func encoded(b *testing.B, evs []events.Event) [][]byte {
	out := make([][]byte, len(evs))
	for i, e := range evs {
		var err error
		if out[i], err = e.AppendJSON(nil); err != nil {
			b.Fatal(err)
		}
	}
	return out
}

// bareStream makes a stream and returns what publishes to it in atomic batches of 1000.
func bareStream(b *testing.B, nc *nats.Conn, replicas int) func([][]byte) {
	request := func(subject, body string) *nats.Msg {
		m, err := nc.Request(subject, []byte(body), 5*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	request("$JS.API.STREAM.CREATE.BARE", fmt.Sprintf(`{"name":"BARE","subjects":["bare.>"],"storage":"file","num_replicas":%d,"retention":"limits","allow_atomic":true,"allow_direct":true,"max_age":1209600000000000}`, replicas))
	subject := 0
	return func(all [][]byte) {
		for batch := range slices.Chunk(all, 1000) {
			id := nuid.Next()
			for i, data := range batch {
				m := nats.NewMsg("bare.call.started.acme." + strconv.Itoa(subject))
				subject++
				m.Data = data
				m.Header["Nats-Batch-Id"] = []string{id}
				m.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
				if i < len(batch)-1 {
					if err := nc.PublishMsg(m); err != nil {
						b.Fatal(err)
					}
					continue
				}
				m.Header["Nats-Batch-Commit"] = []string{"1"}
				answer, err := nc.RequestMsg(m, 10*time.Second)
				if err != nil {
					b.Fatal(err)
				}
				var ack struct{ Count int }
				if err := json.Unmarshal(answer.Data, &ack); err != nil || ack.Count != len(batch) {
					b.Fatalf("the bare batch was answered %s", answer.Data)
				}
			}
		}
	}
}

// BenchmarkManyAccounts has many accounts publish what one poll of each found: 1 to 5 events, one call after another.
func BenchmarkManyAccounts(b *testing.B) {
	for _, accounts := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprintf("%d", accounts), func(b *testing.B) { benchAccounts(b, accounts) })
	}
}

func benchAccounts(b *testing.B, accounts int) {
	bus := openBus(b, connect(b, startServer(b, stream.ServerConfig{SyncAlways: true})))
	var mu sync.Mutex
	var took []time.Duration
	total := 0
	start := time.Now()
	for round := 0; b.Loop(); round++ {
		var wg sync.WaitGroup
		for a := range accounts {
			wg.Go(func() {
				for poll := range 4 {
					evs := pollOf(fmt.Sprintf("a%d", a), fmt.Sprintf("%d-%d", round, poll))
					begin := time.Now()
					if err := bus.Publish(context.Background(), evs...); err != nil {
						b.Error(err)
					}
					d := time.Since(begin)
					mu.Lock()
					took = append(took, d)
					total += len(evs)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(total)/time.Since(start).Seconds(), "events/s")
	reportLatency(b, took)
}

func pollOf(account, poll string) []events.Event {
	types := []events.Type{events.CallStarted, events.CallAnswered, events.CallEnded, events.CallMissed, events.CallAmended}
	var out []events.Event
	for _, t := range types[:1+rand.IntN(5)] {
		out = append(out, event(account, poll, t))
	}
	return out
}

func reportLatency(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkGroupSize measures one caller's n events, from which the choice between single messages and a batch is to be judged.
func BenchmarkGroupSize(b *testing.B) {
	for _, n := range []int{1, 2, 5, 10, 15, 20, 50, 100} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			bus := openBus(b, connect(b, startServer(b, stream.ServerConfig{SyncAlways: true})))
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				evs := calls(fmt.Sprintf("a%d", i), n)[:n]
				start := time.Now()
				if err := bus.Publish(b.Context(), evs...); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			reportLatency(b, took)
		})
	}
}

// BenchmarkEvents reads 100,000 events.
func BenchmarkEvents(b *testing.B) {
	bus := openBus(b, connect(b, startServer(b, stream.ServerConfig{})))
	const n = 100_000
	for a := range 10 {
		if err := bus.Publish(b.Context(), calls(fmt.Sprintf("a%d", a), n/30+1)[:n/10]...); err != nil {
			b.Fatal(err)
		}
	}
	read := func(f stream.Filter, want int) func(*testing.B) {
		return func(b *testing.B) {
			var c cost
			for b.Loop() {
				c.add(func() {
					if got := readAll(b, bus, f); got != want {
						b.Fatalf("read %d events, want %d", got, want)
					}
				})
			}
			all := float64(b.N * want)
			b.ReportMetric(all/c.wall.Seconds(), "events/s")
			b.ReportMetric(c.cpu.Seconds()*1e6/all, "cpu-us/event")
		}
	}
	b.Run("all", read(stream.Filter{}, n))
	b.Run("one-account-of-ten", read(stream.Filter{Account: "a3"}, n/10))
}

func readAll(b *testing.B, bus *stream.Bus, f stream.Filter) int {
	n := 0
	for _, err := range bus.Events(b.Context(), f) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	return n
}
