package stream_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

// An outside is a server that clients reach over TCP, and that can be restarted at its address.
type outside struct {
	t      testing.TB
	config stream.ServerConfig
	*stream.Server
}

func startOutside(t testing.TB) *outside {
	o := &outside{t: t, config: stream.ServerConfig{DataDir: t.TempDir(), Listen: "127.0.0.1:0", SyncAlways: true}}
	o.start()
	u, err := url.Parse(o.URL())
	if err != nil {
		t.Fatal(err)
	}
	o.config.Listen = u.Host
	t.Cleanup(func() { o.Shutdown() })
	return o
}

func (o *outside) start() {
	s, err := stream.StartServer(context.Background(), o.config)
	if err != nil {
		o.t.Fatal(err)
	}
	o.Server = s
}

func (o *outside) restart() {
	o.Shutdown()
	o.start()
}

func TestRestartWhilePublishing(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	b := openBus(t, dial(t, s.URL()))
	var wg sync.WaitGroup
	for a := range 4 {
		wg.Go(func() {
			for n := range 3 {
				if err := b.Publish(testContext(t), calls(fmt.Sprintf("a%d-%d", a, n), 70)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		s.restart()
	}
	wg.Wait()
	place := make(map[string]int)
	for i, e := range storedEvents(t, b, stream.Filter{}) {
		if _, twice := place[e.ID]; twice {
			t.Fatalf("%s is there twice", stream.Subject(e))
		}
		place[e.ID] = i
	}
	for a := range 4 {
		for n := range 3 {
			checkAscending(t, place, calls(fmt.Sprintf("a%d-%d", a, n), 70))
		}
	}
}

func checkAscending(t testing.TB, place map[string]int, evs []events.Event) {
	t.Helper()
	last := -1
	for i, e := range evs {
		at, there := place[e.ID]
		if !there || at < last {
			t.Fatalf("event %d, %s, is missing or before the one it follows", i, stream.Subject(e))
		}
		last = at
	}
}

// A relay stands between a client and a server, and can keep back what the server says.
type relay struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	deaf  bool
	conns []net.Conn
	wg    sync.WaitGroup
}

func startRelay(t *testing.T, server string) *relay {
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: u.Host}
	r.wg.Go(r.accept)
	t.Cleanup(func() {
		l.Close()
		r.cut()
		r.wg.Wait()
	})
	return r
}

func (r *relay) URL() string { return "nats://" + r.listener.Addr().String() }

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.to)
		if err != nil {
			client.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, client, server)
		r.mu.Unlock()
		r.wg.Go(func() { _, _ = io.Copy(server, client); server.Close() })
		r.wg.Go(func() { _, _ = io.Copy(r.answers(client), server); client.Close() })
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// answers writes to client unless the relay is deaf.
func (r *relay) answers(client net.Conn) io.Writer {
	return writer(func(b []byte) (int, error) {
		r.mu.Lock()
		deaf := r.deaf
		r.mu.Unlock()
		if deaf {
			return len(b), nil
		}
		return client.Write(b)
	})
}

func (r *relay) setDeaf(deaf bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deaf = deaf
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
}

// The server stores, its acknowledgement is lost, and the connection with it, or nothing but it. Publish finds out that all is
// stored, goes on with what is not, and stores nothing twice.
func TestLostAcknowledgement(t *testing.T) {
	for _, n := range []int{1, 200} {
		for _, cut := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d calls, cut %v", n, cut), func(t *testing.T) {
				t.Parallel()
				s := startOutside(t)
				inside := openBus(t, connect(t, s.Server))
				relay := startRelay(t, s.URL())
				b := openBus(t, dial(t, relay.URL()))
				evs := calls("acme", n)
				arrivals := inside.Follow(testContext(t), stream.Filter{})

				relay.setDeaf(true)
				done := make(chan error)
				go func() { done <- b.Publish(testContext(t), evs...) }()
				for _, err := range arrivals {
					if err != nil {
						t.Error(err)
					}
					break // the first event, or batch, is stored: its acknowledgement is lost
				}
				if cut {
					relay.cut()
				}
				relay.setDeaf(false)
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				checkStored(t, inside, evs)
			})
		}
	}
}

// Whatever many callers publish, in whatever groups, with repeats, while the server restarts and some callers give up: each event
// is stored exactly once, those of a call in their order and none without the earlier ones, and all that was acknowledged.
func TestPublishProperty(t *testing.T) {
	s := startOutside(t)
	nc := dial(t, s.URL())
	b := openBus(t, nc)
	round := 0
	deadline := time.Now().Add(5 * time.Second)
	rapid.Check(t, func(rt *rapid.T) {
		if time.Now().After(deadline) {
			return // enough for one run; each run draws others
		}
		round++
		m := drawModel(rt, fmt.Sprintf("r%d", round))
		restarts := rapid.IntRange(0, 1).Draw(rt, "restarts")
		var wg sync.WaitGroup
		for _, c := range m.callers {
			wg.Go(func() { m.publish(testContext(t), b, c) })
		}
		for range restarts {
			s.restart()
		}
		wg.Wait()
		m.check(t, rt, b)
	})
	t.Logf("%d rounds", round)
}

// A model is what some callers publish of the calls of one account, and what was acknowledged to them.
type model struct {
	account string
	callers [][]group

	mu    sync.Mutex
	acked map[string]int // how many events of the call
	tried map[string]int
}

// A group is published by one call of Publish: of each call its first so many events.
type group struct {
	calls     []string
	count     int
	impatient bool
}

const modelCalls, modelEvents = 24, 6

func drawModel(t *rapid.T, account string) *model {
	m := &model{account: account, acked: make(map[string]int), tried: make(map[string]int)}
	for range rapid.IntRange(1, 6).Draw(t, "callers") {
		var groups []group
		for range rapid.IntRange(1, 5).Draw(t, "groups") {
			first := rapid.IntRange(0, modelCalls-1).Draw(t, "first")
			g := group{count: rapid.IntRange(1, modelEvents).Draw(t, "events"), impatient: rapid.IntRange(0, 9).Draw(t, "impatient") == 0}
			for i := range rapid.IntRange(1, modelCalls).Draw(t, "calls") {
				g.calls = append(g.calls, fmt.Sprint((first+i)%modelCalls))
			}
			groups = append(groups, g)
		}
		m.callers = append(m.callers, groups)
	}
	return m
}

func (m *model) events(call string) []events.Event {
	return []events.Event{
		event(m.account, call, events.CallStarted), event(m.account, call, events.CallAnswered), event(m.account, call, events.CallEnded),
		amended(m.account, call, 2), amended(m.account, call, 3), amended(m.account, call, 4),
	}
}

func (m *model) publish(ctx context.Context, b *stream.Bus, groups []group) {
	for _, g := range groups {
		var evs []events.Event
		for _, c := range g.calls {
			evs = append(evs, m.events(c)[:g.count]...)
		}
		m.note(m.tried, g)
		if g.publish(ctx, b, evs) == nil {
			m.note(m.acked, g)
		}
	}
}

func (g group) publish(ctx context.Context, b *stream.Bus, evs []events.Event) error {
	if g.impatient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 2*time.Millisecond)
		defer cancel()
	}
	return b.Publish(ctx, evs...)
}

func (m *model) note(of map[string]int, g group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range g.calls {
		of[c] = max(of[c], g.count)
	}
}

func (m *model) check(t *testing.T, rt *rapid.T, b *stream.Bus) {
	stored := make(map[string][]events.Event)
	for _, e := range storedEvents(t, b, stream.Filter{Account: m.account}) {
		stored[e.Subject] = append(stored[e.Subject], e)
	}
	for call, tried := range m.tried {
		got := stored[call]
		if len(got) < m.acked[call] || len(got) > tried {
			rt.Fatalf("call %s: %d events stored, %d acknowledged, %d tried", call, len(got), m.acked[call], tried)
		}
		for i, e := range m.events(call)[:len(got)] {
			if got[i].ID != e.ID {
				rt.Fatalf("call %s: event %d is %s, want %s", call, i, got[i].Type, e.Type)
			}
		}
	}
}

// A server that answers, but is cut off from the stream, is left for another.
func TestServerCutOff(t *testing.T) {
	t.Parallel()
	long(t, "a cluster of three servers, and a quarter of a minute until one is left")
	s := startOutside(t)
	alone, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	alone.Start()
	defer alone.WaitForShutdown()
	defer alone.Shutdown()
	both := s.URL() + "," + alone.ClientURL()
	nc := dial(t, both)
	for nc.ConnectedUrl() != s.URL() { // one of them, at random
		nc.Close()
		nc = dial(t, both)
	}
	b := openBus(t, nc)
	for ctx := testContext(t); nc.ConnectedUrl() != alone.ClientURL(); time.Sleep(time.Millisecond) {
		if nc.ConnectedUrl() == s.URL() {
			s.restart()
		}
		must(t, ctx.Err())
	}
	publish(t, b, calls("acme", 3)...)
}
