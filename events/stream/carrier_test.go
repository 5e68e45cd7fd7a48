package stream_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/sinks"
)

// A carrier is a sink that notes where what it was given stands in the stream.
type carrier struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	seqs []uint64
	last map[string]uint64 // of each call
}

func startCarrier(t *testing.T, l sinks.Backlog) *carrier {
	ctx, cancel := context.WithCancel(context.Background())
	c := &carrier{cancel: cancel, last: make(map[string]uint64)}
	c.wg.Go(func() { c.run(t, ctx, l) })
	t.Cleanup(c.stop)
	return c
}

func (c *carrier) stop() {
	c.cancel()
	c.wg.Wait()
}

func (c *carrier) run(t *testing.T, ctx context.Context, l sinks.Backlog) {
	for {
		ms, err := l.Fetch(ctx, 64)
		if err != nil {
			return
		}
		for _, m := range ms {
			c.take(t, m)
			_ = m.Done(ctx) // if the server does not hear of it, it is asked again
		}
	}
}

func (c *carrier) take(t *testing.T, m sinks.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := m.Subject()[strings.Index(m.Subject(), ".")+1:]
	call = call[strings.Index(call, ".")+1:] // account and call
	if c.last[call] >= m.Seq() {
		t.Errorf("%s at %d comes to the sink after %d", m.Subject(), m.Seq(), c.last[call])
	}
	c.last[call] = m.Seq()
	c.seqs = append(c.seqs, m.Seq())
}

func (c *carrier) taken() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seqs)
}

// await waits until the sink has n events.
func (c *carrier) await(t *testing.T, n int) {
	t.Helper()
	for ctx := testContext(t); c.taken() < n; time.Sleep(5 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("the sink was given %d of %d events", c.taken(), n)
		}
	}
}

// check waits until the sink has as many events as are stored, and fails if it gets more. It has none twice, and those of a
// call in order: take sees to that.
func (c *carrier) check(t *testing.T, stored int) {
	t.Helper()
	c.await(t, stored)
	time.Sleep(200 * time.Millisecond)
	c.stop()
	if c.taken() > stored {
		t.Errorf("the sink was given %d events of %d", c.taken(), stored)
	}
}
