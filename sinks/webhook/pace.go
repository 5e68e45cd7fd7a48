package webhook

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/callbus/callbus/sinks"
)

// A pace spreads requests evenly: however their windows are counted, there is never a burst.
type pace struct {
	mu      sync.Mutex // a place that is given up must be the last, or it is lost
	limiter *rate.Limiter
}

func newPace(l rate.Limit) *pace { return &pace{limiter: rate.NewLimiter(l, 1)} }

// place takes the next place and returns how long it is until then. It takes none that is further away than most.
func (p *pace) place(most time.Duration) (wait time.Duration, taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	r := p.limiter.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > most {
		r.CancelAt(now)
		return wait, false
	}
	return wait, true
}

// set changes the pace.
func (p *pace) set(l rate.Limit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limiter.SetLimit(l)
}

// turn waits until the rate allows one more request. Where that is further away than a request may take, it gives the
// event back, so that no worker is held by it.
func (s *Sink) turn(ctx context.Context) error {
	wait, taken := s.pace.place(s.timeout)
	if !taken {
		why := fmt.Errorf("the rate that is allowed has no place for it within %s", s.timeout)
		return s.failed(http.MethodPost, &sinks.Error{Fault: sinks.Pause, After: wait, Err: why})
	}
	if wait == 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done(): // the place is lost, which is less than what stopping costs anyway
		return fmt.Errorf("sink %s: wait for the rate that is allowed: %w", s.name, stopped(ctx))
	}
}
