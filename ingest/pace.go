package ingest

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

const (
	// mostBackoff is the longest pause after failures that may pass by themselves.
	mostBackoff = 30 * time.Second
	// credentialsBackoff is the pause once credentials are refused for sure: only a person can mend them, and a vendor
	// may lock an account that tries too often.
	credentialsBackoff = time.Minute
	// sureRefusals is how many refusals in a row are sure. A vendor that does not say why it refuses (telsam) may mean
	// something that passes.
	sureRefusals = 3
	// leastBackoff keeps a poll of very short interval from becoming a flood when all it gets is errors.
	leastBackoff = 100 * time.Millisecond
)

// pace says when to ask next: each interval while all goes well; soon after a first failure, since most pass at once,
// then with growing pauses, none of them the same for two accounts.
type pace struct {
	interval time.Duration
	failures int
	dice     *rand.Rand // nil: those of the process
}

// newPace returns a pace whose jitter depends on whose it is alone: no two accounts have the same, and a test that runs
// again has the same again.
func newPace(interval time.Duration, whose ...string) *pace {
	h := fnv.New64a()
	for _, s := range whose {
		_, _ = h.Write([]byte(s)) // never fails
	}
	return &pace{interval: interval, dice: rand.New(rand.NewPCG(h.Sum64(), 0))}
}

// after returns how long to wait until the next attempt, when the last began at asked and ended now with err.
func (p *pace) after(asked, now time.Time, err error) time.Duration {
	if err == nil {
		p.well()
		return max(0, p.interval-now.Sub(asked))
	}
	p.failures++
	var limited *RateLimitError
	switch {
	case errors.As(err, &limited) && limited.After > 0:
		return limited.After
	case errors.Is(err, ErrCredentials) && p.failures >= sureRefusals:
		return p.jittered(credentialsBackoff)
	case limited != nil:
		return max(p.interval, p.backoff())
	}
	return p.backoff()
}

// next returns when to make the next attempt, see after.
func (p *pace) next(asked, now time.Time, err error) time.Time {
	return now.Add(p.after(asked, now, err))
}

// well notes that an attempt succeeded.
func (p *pace) well() { p.failures = 0 }

func (p *pace) backoff() time.Duration {
	d := max(p.interval/4, leastBackoff) << min(p.failures-1, 16)
	return p.jittered(min(d, max(mostBackoff, p.interval)))
}

// jittered returns d, made up to a fifth shorter or longer.
func (p *pace) jittered(d time.Duration) time.Duration {
	if p.dice == nil {
		return d - d/5 + rand.N(2*d/5+1)
	}
	return d - d/5 + time.Duration(p.dice.Int64N(int64(2*d/5+1)))
}

// sleep waits for d. It tells whether it did, and was not cut short by ctx.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
