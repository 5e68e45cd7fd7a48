package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
)

// A pump is a plain one: it takes what the backlog gives, and notes what it has done, in its order.
type pump struct {
	backlog sinks.Backlog
	lanes   int

	mu   sync.Mutex
	done []string // subjects
}

func (p *pump) run(ctx context.Context) {
	for {
		ms, err := p.backlog.Fetch(ctx, p.lanes)
		if err != nil {
			return
		}
		for _, m := range ms {
			p.mu.Lock()
			p.done = append(p.done, m.Subject())
			p.mu.Unlock()
			_ = m.Done(ctx)
		}
	}
}

func (p *pump) finished() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.done)
}

// await waits until n events are done.
func (p *pump) await(t *testing.T, n int) {
	t.Helper()
	for ctx := testContext(t); len(p.finished()) < n; {
		if ctx.Err() != nil {
			t.Fatalf("%d of %d events done", len(p.finished()), n)
		}
		time.Sleep(time.Millisecond)
	}
}

// startPump runs a pump until the test ends.
func startPump(t *testing.T, l sinks.Backlog) *pump {
	p := &pump{backlog: l, lanes: 8}
	p.start(t)
	return p
}

func (p *pump) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { p.run(ctx) })
	stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// checkDone fails unless each of evs was done once, and in their order.
func (p *pump) checkDone(t *testing.T, evs []events.Event) {
	t.Helper()
	if got, want := p.finished(), subjectsOfEvents(evs); !slices.Equal(got, want) {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		t.Errorf("%d events were done, want %d; the first difference is at %d: %v", len(got), len(want), i, got[i:min(i+5, len(got))])
	}
}

// The server goes and comes back, several times, while events are published and taken. Each is done once, and in order.
func TestBacklogWhileTheServerRestarts(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	b := openBus(t, dial(t, s.URL()))
	p := startPump(t, openBacklog(t, b))
	var all []events.Event
	for i := range 4 {
		evs := calls(fmt.Sprint("a", i), 40)
		all = append(all, evs...)
		publish(t, b, evs...)
		p.await(t, i*120+10)
		s.restart()
	}
	p.await(t, len(all))
	p.checkDone(t, all)
}

// A server that is away for long is waited for.
func TestBacklogWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	b := openBus(t, dial(t, s.URL()))
	evs := calls("acme", 10)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	got := fetch(t, l, 5)
	finish(t, got[:3]...)
	s.Shutdown()
	_ = got[3].Done(t.Context()) // the server does not hear of it
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if ms, err := l.Fetch(ctx, 8); err == nil {
		t.Fatalf("fetched %v from a server that is away", subjectsOf(ms))
	}
	if _, _, err := l.Size(ctx); err == nil {
		t.Error("the size of a backlog of a server that is away is known")
	}
	_ = got[4].Back(t.Context(), 0)
	s.start()
	checkFetched(t, fetch(t, l, len(evs)-4), evs[4:])
}

// The connection is cut again and again, in the middle of what the server sends. Each event is done once, and in order.
func TestBacklogOnAFlappingConnection(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	inside := openBus(t, connect(t, s.Server))
	relay := startRelay(t, s.URL())
	b := openBus(t, dial(t, relay.URL()))
	p := startPump(t, openBacklog(t, b))
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(200*time.Millisecond + rand.N(500*time.Millisecond))
			relay.cut()
		}
	})
	var all []events.Event
	for i := range 40 {
		evs := calls(fmt.Sprint("a", i), 20)
		all = append(all, evs...)
		publish(t, inside, evs...)
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	wg.Wait()
	p.await(t, len(all))
	p.checkDone(t, all)
}

// What the server sends is lost though the connection holds, for a moment: what was lost comes before what follows it.
func TestLostDelivery(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	inside := openBus(t, connect(t, s.Server))
	relay := startRelay(t, s.URL())
	b := openBus(t, dial(t, relay.URL()))
	l := openBacklog(t, b)
	evs := calls("acme", 4)
	publish(t, inside, evs[:3]...)
	got := fetch(t, l, 3)
	nothing(t, l) // a request waits with the server
	relay.setDeaf(true)
	publish(t, inside, evs[3:6]...)
	for ctx := testContext(t); sizeOf(t, inside, ctx).Pending < 4; {
		time.Sleep(time.Millisecond)
	}
	relay.cut()
	relay.setDeaf(false)
	publish(t, inside, evs[6:]...)
	checkFetched(t, append(got, fetch(t, l, len(evs)-3)...), evs)
}

func sizeOf(t *testing.T, b *stream.Bus, ctx context.Context) stream.SinkInfo {
	t.Helper()
	all, err := b.Sinks(ctx)
	if err != nil || len(all) == 0 {
		t.Fatalf("sinks: %v, %v", all, err)
	}
	return all[0]
}

// Somebody deletes the consumer while the sink runs: it goes on where it was.
func TestConsumerDeletedUnderTheSink(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	p := startPump(t, openBacklog(t, b, startAt(stream.Start{})))
	var all []events.Event
	for i := range 2 {
		evs := calls(fmt.Sprint("a", i), 30)
		all = append(all, evs...)
		publish(t, b, evs...)
		p.await(t, i*90+7)
		if err := jetStream(t, nc).DeleteConsumer(testContext(t), stream.Name, "sink-crm"); err != nil {
			t.Fatal(err)
		}
	}
	p.await(t, len(all))
	p.checkDone(t, all)
}

// ... or while none runs: the next one goes on where the last is known to have been, with the filters of both.
func TestConsumerDeletedBetweenTwoRuns(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	evs := calls("acme", 4)
	publish(t, b, evs...)
	l := openBacklog(t, b, ofTypes("call.missed"))
	got := fetch(t, l, 2)
	finish(t, got...)
	l.Close()
	l = openBacklog(t, b, ofTypes("call.missed")) // notes where it is
	finish(t, fetch(t, l, 1)...)
	l.Close()
	if err := jetStream(t, nc).DeleteConsumer(testContext(t), stream.Name, "sink-crm"); err != nil {
		t.Fatal(err)
	}
	var log logText
	l = openBacklog(t, b, ofTypes("call.*"), startAt(stream.Start{}), logTo(&log))
	late := calls("late", 1)
	publish(t, b, late...)
	checkFetched(t, fetch(t, l, 5), append([]events.Event{evs[8], evs[11]}, late...))
	if !strings.Contains(log.String(), "was deleted") {
		t.Errorf("the log says nothing of it:\n%s", log.String())
	}
}

// The stream is deleted: the sink waits and says so, and delivers all that a new one holds.
func TestStreamDeletedUnderTheSink(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	var log logText
	publish(t, b, calls("acme", 2)...)
	p := startPump(t, openBacklog(t, b, startAt(stream.Start{}), logTo(&log)))
	first := calls("a", 2)
	publish(t, b, first...)
	p.await(t, len(first))
	if err := jetStream(t, nc).DeleteStream(testContext(t), stream.Name); err != nil {
		t.Fatal(err)
	}
	for ctx := testContext(t); !strings.Contains(log.String(), "is not there"); {
		if ctx.Err() != nil {
			t.Fatalf("the log does not say that the stream is missing:\n%s", log.String())
		}
		time.Sleep(time.Millisecond)
	}
	other := openBus(t, nc) // makes it anew
	second := calls("b", 2)
	publish(t, other, second...)
	p.await(t, len(first)+len(second))
	p.checkDone(t, append(first, second...))
}

// An event that comes again though it is under way, or done, is handed over once.
func TestRepeatsAreNotHandedOver(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	evs := calls("acme", 2)
	publish(t, b, evs...)
	l := openBacklog(t, b)
	got := fetch(t, l, 4)
	finish(t, got[0])
	c := sinkConsumer(t, nc, stream.Name, "crm").Config
	for _, wait := range []time.Duration{20 * time.Millisecond, sinks.MessageWait} { // all of it comes again
		c.AckWait = wait
		if _, err := jetStream(t, nc).UpdateConsumer(testContext(t), stream.Name, c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
	}
	checkFetched(t, fetch(t, l, 2), evs[4:])
	nothing(t, l)
	back(t, 0, got[1])
	checkFetched(t, fetch(t, l, 1), evs[1:2])
}

// Whatever a pump gives back, and whenever it ends and another begins: all events are done, once each, and those of a call in
// order.
func TestBacklogProperty(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	round := 0
	deadline := time.Now().Add(3 * time.Second)
	rapid.Check(t, func(rt *rapid.T) {
		if time.Now().After(deadline) {
			return
		}
		round++
		account := fmt.Sprint("r", round)
		evs := calls(account, rapid.IntRange(1, 20).Draw(rt, "calls"))
		publish(t, b, evs...)
		var done []string
		for len(done) < len(evs) {
			l := openBacklog(t, b, named(account), ofAccounts(account))
			for range rapid.IntRange(1, 6).Draw(rt, "fetches") {
				if len(done) == len(evs) {
					break
				}
				ms, err := l.Fetch(testContext(t), rapid.IntRange(1, 12).Draw(rt, "lanes"))
				if err != nil {
					rt.Fatal(err)
				}
				keep := rapid.IntRange(0, len(ms)).Draw(rt, "done")
				for _, m := range ms[:keep] {
					done = append(done, m.Subject())
					_ = m.Done(t.Context())
				}
				for _, m := range ms[keep:] {
					_ = m.Back(t.Context(), 0)
				}
			}
			l.Close()
		}
		if !slices.Equal(done, subjectsOfEvents(evs)) {
			rt.Fatalf("done %v", done)
		}
	})
	t.Logf("%d rounds", round)
}

func TestStateOfASink(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	l := openBacklog(t, b)
	other := openBacklog(t, b, named("crm-2"))
	if s, err := l.State(testContext(t)); err != nil || len(s) > 0 {
		t.Fatalf("the state of a new sink: %v, %v", s, err)
	}
	want := map[string][]byte{}
	for i := range 500 {
		key := fmt.Sprintf("try.%d.x_Y-z", i)
		want[key] = []byte(fmt.Sprint("value ", i))
		if err := l.SetState(testContext(t), key, want[key]); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"try.7.x_Y-z", "try.8.x_Y-z", "never"} {
		if err := l.SetState(testContext(t), key, nil); err != nil {
			t.Fatal(err)
		}
		delete(want, key)
	}
	want["circuit"] = []byte{}
	for _, v := range []string{"closed", ""} {
		if err := l.SetState(testContext(t), "circuit", []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.SetState(testContext(t), "circuit", []byte("open")); err != nil {
		t.Fatal(err)
	}
	got, err := l.State(testContext(t))
	if err != nil || !sameJSON(t, got, want) {
		t.Errorf("the state is %d keys, want %d; %v", len(got), len(want), err)
	}
	for _, key := range []string{"", "a b", "a..b", "*", ">", "a.", "ğ"} {
		if err := l.SetState(testContext(t), key, []byte("x")); err == nil {
			t.Errorf("the key %q is taken", key)
		}
	}
}

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// Two processes run one sink, against the rule: all events are delivered, hardly any of them twice, and the log says so.
func TestTwoProcessesOfOneSink(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	other := openBus(t, nc)
	var log logText
	pumps := []*pump{startPump(t, openBacklog(t, b, logTo(&log))), startPump(t, openBacklog(t, other, logTo(&log)))}
	evs := calls("acme", 400)
	done := func() map[string]int {
		times := make(map[string]int)
		for _, p := range pumps {
			for _, s := range p.finished() {
				times[s]++
			}
		}
		return times
	}
	for part := range slices.Chunk(evs, 60) {
		publish(t, b, part...)
		time.Sleep(20 * time.Millisecond)
	}
	for ctx := testContext(t); len(done()) < len(evs); time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("%d of %d events done", len(done()), len(evs))
		}
	}
	twice := 0
	for _, n := range done() {
		if n > 1 {
			twice++
		}
	}
	if twice > len(evs)/10 {
		t.Errorf("%d of %d events were done twice", twice, len(evs))
	}
	if !strings.Contains(log.String(), "another process") {
		t.Errorf("the log says nothing of it:\n%s", log.String())
	}
}

// While it is worked on a message does not come again.
func TestWorking(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	publish(t, b, calls("acme", 1)...)
	l := openBacklog(t, b)
	got := fetch(t, l, 3)
	c := sinkConsumer(t, nc, stream.Name, "crm").Config
	c.AckWait = time.Second
	if _, err := jetStream(t, nc).UpdateConsumer(testContext(t), stream.Name, c); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		time.Sleep(250 * time.Millisecond)
		for _, m := range got {
			if err := m.Working(testContext(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if i := sinkConsumer(t, nc, stream.Name, "crm"); i.NumRedelivered != 0 || i.NumAckPending != 3 {
		t.Errorf("%d are under way, %d came again", i.NumAckPending, i.NumRedelivered)
	}
	nothing(t, l)
}
