package stream_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
)

// A load is some accounts that publish without end, a group of events after the other, and remember what was acknowledged.
type load struct {
	nc     *nats.Conn
	bus    *stream.Bus
	cancel context.CancelFunc // ends it once what is being published is acknowledged
	abort  context.CancelFunc // ends it now
	wg     sync.WaitGroup

	mu    sync.Mutex
	acked []int        // the last group of each caller that was acknowledged
	done  []publishing // in the order of their ends
}

// A publishing is the time that one group of events took.
type publishing struct{ begun, acked time.Time }

const (
	loadCallers = 6
	loadEvery   = 50 * time.Millisecond // at least, between two groups of a caller
)

func startLoad(t *testing.T, nc *nats.Conn, b *stream.Bus) *load {
	ctx, cancel := context.WithCancel(context.Background())
	now, abort := context.WithCancel(context.Background())
	l := &load{nc: nc, bus: b, cancel: cancel, abort: abort, acked: make([]int, loadCallers)}
	for caller := range loadCallers {
		l.acked[caller] = -1
		l.wg.Go(func() { l.publish(t, ctx, now, caller) })
	}
	t.Cleanup(l.giveUp)
	return l
}

// giveUp ends the load. Whoever still waits in Publish says why.
func (l *load) giveUp() {
	l.abort()
	l.cancel()
	l.wg.Wait()
}

func (l *load) publish(t *testing.T, ctx, now context.Context, caller int) {
	pace := time.NewTicker(loadEvery)
	defer pace.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		begun := time.Now()
		if err := l.bus.Publish(now, groupOf(caller, n)...); err != nil {
			t.Errorf("caller %d, group %d: %v", caller, n, err)
			return
		}
		l.mu.Lock()
		l.acked[caller] = n
		l.done = append(l.done, publishing{begun, time.Now()})
		l.mu.Unlock()
		<-pace.C
	}
}

// goesOn waits until publishing has gone on for a while from now on.
func (l *load) goesOn(t *testing.T) {
	t.Helper()
	const while = 5 * loadCallers
	begun := time.Now()
	for ctx := testContext(t); l.since(begun) < while; time.Sleep(5 * time.Millisecond) {
		if ctx.Err() != nil {
			l.giveUp()
			t.Fatalf("publishing does not go on: %d groups of events acknowledged in %s", l.since(begun), time.Since(begun))
		}
	}
}

// standsStill fails if anything is acknowledged for a while; but what was on its way may yet arrive.
func (l *load) standsStill(t *testing.T) {
	t.Helper()
	time.Sleep(200 * time.Millisecond)
	begun := time.Now()
	time.Sleep(2 * time.Second)
	if n := l.since(begun); n > 0 {
		t.Fatalf("%d groups of events were acknowledged without a quorum", n)
	}
}

// since returns how many groups have been acknowledged since then.
func (l *load) since(then time.Time) int { return len(l.after(then)) }

// stood returns the longest time without an acknowledgement since then.
func (l *load) stood(then time.Time) time.Duration {
	var longest time.Duration
	for _, p := range l.after(then) {
		longest = max(longest, p.acked.Sub(then))
		then = p.acked
	}
	return longest
}

// quickest returns the shortest time that a group took that was begun since then.
func (l *load) quickest(then time.Time) time.Duration {
	shortest := time.Hour
	for _, p := range l.after(then) {
		if p.begun.After(then) {
			shortest = min(shortest, p.acked.Sub(p.begun))
		}
	}
	return shortest
}

// after returns the groups that were acknowledged since then.
func (l *load) after(then time.Time) []publishing {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.done)
	for n > 0 && l.done[n-1].acked.After(then) {
		n--
	}
	return slices.Clone(l.done[n:])
}

// finish lets each caller end what it has begun, and fails unless the stream holds all that was acknowledged, once and in
// order, and nothing else. It returns how many events that are.
func (l *load) finish(t *testing.T) (stored int) {
	t.Helper()
	l.cancel()
	done := make(chan struct{})
	go func() { l.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-testContext(t).Done():
		l.giveUp()
		t.Fatal("what was begun to be published is not acknowledged in a minute")
	}
	place := placesOf(t, l.nc)
	for caller, last := range l.acked {
		for n := range last + 1 {
			checkGroup(t, place, caller, n, true)
			stored += len(groupOf(caller, n))
		}
	}
	if stored != len(place) || stored == 0 {
		t.Errorf("the stream holds %d events, and %d were acknowledged", len(place), stored)
	}
	t.Logf("%d events acknowledged, all of them stored once and in order", stored)
	return stored
}

// placesOf returns where in the stream each event is, and fails if one is there twice. It reads the ids alone: under the race
// detector a hundred thousand events would take a minute.
func placesOf(t *testing.T, nc *nats.Conn) map[string]int {
	t.Helper()
	ctx := testContext(t)
	s, err := jetStream(t, nc).Stream(ctx, stream.Name)
	must(t, err)
	place := make(map[string]int)
	for next, last := uint64(1), s.CachedInfo().State.LastSeq; next <= last; {
		if next, err = readPlaces(ctx, s, next, last, place); err != nil {
			t.Logf("read on, from %d: %v", next, err)
		}
		must(t, ctx.Err())
	}
	if uint64(len(place)) != s.CachedInfo().State.Msgs {
		t.Fatalf("of %d events that the stream holds %d are different", s.CachedInfo().State.Msgs, len(place))
	}
	return place
}

const readPatience = 5 * time.Second

// readPlaces reads as far as it can: the server may put the consumer on a node that was killed a moment ago.
func readPlaces(ctx context.Context, s jetstream.Stream, next, last uint64, place map[string]int) (uint64, error) {
	soon, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	reader, err := s.OrderedConsumer(soon, jetstream.OrderedConsumerConfig{HeadersOnly: true, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: next})
	if err != nil {
		return next, err
	}
	messages, err := reader.Messages()
	if err != nil {
		return next, err
	}
	defer messages.Stop()
	for next <= last {
		m, err := messages.Next(jetstream.NextMaxWait(readPatience))
		if err != nil {
			return next, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return next, err
		}
		place[m.Headers().Get(jetstream.MsgIDHeader)] = int(meta.Sequence.Stream)
		next = meta.Sequence.Stream + 1
	}
	return next, nil
}
