package vendorhttp

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/callbus/callbus/ingest"
)

// A Budget is a transport that all requests of one account share, and that makes them wait for their turn. A [Client]
// waits before the timeout of a request begins: to be kept waiting is no fault of the vendor's.
//
// However the vendor counts, by the clock's minute or by the last sixty seconds, and however long a request is on its
// way, it never sees more than it allows: a request counts until the period after its answer is over.
//
// Requests that may wait (see [ingest.InSpare]) get what the polls leave over.
type Budget struct {
	http.RoundTripper
	per time.Duration

	mu      sync.Mutex
	all     allowance
	spare   allowance
	changed chan struct{} // closed when a request was answered
}

// allowance is how many requests may be made, and which count.
type allowance struct {
	most   int
	flying int         // on their way
	until  []time.Time // when each that was answered counts no longer, earliest first
}

// NewBudget lets through so many requests in each period, polls of which are not for requests that may wait.
func NewBudget(transport http.RoundTripper, requests int, per time.Duration, polls int) *Budget {
	return &Budget{
		RoundTripper: transport, per: per, changed: make(chan struct{}),
		all: allowance{most: requests}, spare: allowance{most: max(1, requests-polls)},
	}
}

// Remaining returns how many requests may be made now.
func (b *Budget) Remaining() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.expire(time.Now())
	return max(0, b.all.most-b.all.flying-len(b.all.until))
}

// wait returns when the next request may be made, and what to call when it was answered; or ctx is done.
func (b *Budget) wait(ctx context.Context) (answered func(), err error) {
	for {
		ok, again, changed := b.take(ingest.IsSpare(ctx))
		if ok {
			return func() { b.answered(ingest.IsSpare(ctx)) }, nil
		}
		if err := waitFor(ctx, again, changed); err != nil {
			return nil, err
		}
	}
}

// waitFor returns after d, if that is not 0, or when changed is closed.
func waitFor(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	var later <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		later = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-later:
	case <-changed:
	}
	return nil
}

// take takes a place in the budget if there is one; else it says after which time there may be, 0 when that depends on
// requests that are on their way.
func (b *Budget) take(spare bool) (ok bool, again time.Duration, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.all.expire(now)
	b.spare.expire(now)
	if !b.all.free() {
		return false, b.all.next(now), b.changed
	}
	if spare && !b.spare.free() {
		return false, b.spare.next(now), b.changed
	}
	b.all.flying++
	if spare {
		b.spare.flying++
	}
	return true, 0, nil
}

func (b *Budget) answered(spare bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	until := time.Now().Add(b.per)
	b.all.answered(until)
	if spare {
		b.spare.answered(until)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

func (a *allowance) free() bool { return a.flying+len(a.until) < a.most }

func (a *allowance) next(now time.Time) time.Duration {
	if len(a.until) == 0 {
		return 0
	}
	return a.until[0].Sub(now)
}

func (a *allowance) expire(now time.Time) {
	for len(a.until) > 0 && !a.until[0].After(now) {
		a.until = a.until[1:]
	}
}

func (a *allowance) answered(until time.Time) {
	a.flying--
	a.until = append(a.until, until)
}
