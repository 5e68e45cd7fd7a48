package stream_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/events/stream"
)

// A load is some accounts that publish without end, a group of events after the other, and remember what was acknowledged.
type load struct {
	bus    *stream.Bus
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	acked []int       // the last group of each caller that was acknowledged
	at    []time.Time // of each acknowledgement
}

const (
	loadCallers = 6
	loadEvery   = 5 * time.Millisecond // at least, between two groups of a caller
)

func startLoad(t *testing.T, b *stream.Bus) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{bus: b, cancel: cancel, acked: make([]int, loadCallers)}
	for caller := range loadCallers {
		l.acked[caller] = -1
		l.wg.Go(func() { l.publish(t, ctx, caller) })
	}
	t.Cleanup(func() {
		cancel()
		b.Close() // also ends who waits in Publish when a test has failed
		l.wg.Wait()
	})
	return l
}

func (l *load) publish(t *testing.T, ctx context.Context, caller int) {
	pace := time.NewTicker(loadEvery)
	defer pace.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		if err := l.bus.Publish(context.Background(), groupOf(caller, n)...); err != nil {
			if ctx.Err() == nil {
				t.Errorf("caller %d, group %d: %v", caller, n, err)
			}
			return
		}
		l.mu.Lock()
		l.acked[caller] = n
		l.at = append(l.at, time.Now())
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
	for _, at := range l.after(then) {
		longest = max(longest, at.Sub(then))
		then = at
	}
	return longest
}

// after returns when groups were acknowledged, of the time since then.
func (l *load) after(then time.Time) []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.at)
	for n > 0 && l.at[n-1].After(then) {
		n--
	}
	return slices.Clone(l.at[n:])
}

// finish lets each caller end what it has begun, and fails unless the stream holds all that was acknowledged, once and in
// order, and nothing else.
func (l *load) finish(t *testing.T) {
	t.Helper()
	l.cancel()
	done := make(chan struct{})
	go func() { l.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-testContext(t).Done():
		t.Fatal("what was begun to be published is not acknowledged in a minute")
	}
	place := make(map[string]int)
	for i, e := range storedEvents(t, l.bus, stream.Filter{}) {
		if at, twice := place[e.ID]; twice {
			t.Fatalf("%s is at %d and at %d", stream.Subject(e), at, i)
		}
		place[e.ID] = i
	}
	published := 0
	for caller, last := range l.acked {
		for n := range last + 1 {
			checkGroup(t, place, caller, n, true)
			published += len(groupOf(caller, n))
		}
	}
	if published != len(place) || published == 0 {
		t.Errorf("the stream holds %d events, and %d were acknowledged", len(place), published)
	}
	t.Logf("%d events acknowledged, all of them stored once and in order", published)
}
