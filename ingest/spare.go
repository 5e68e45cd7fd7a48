package ingest

import (
	"context"
	"time"
)

type spare struct{}

// InSpare returns a context for requests that may wait: the reading of the look-back, details. Where an account may make
// so many requests and no more, they leave enough of them for the polls of what is new.
func InSpare(ctx context.Context) context.Context { return context.WithValue(ctx, spare{}, true) }

// IsSpare tells whether a request with this context may wait.
func IsSpare(ctx context.Context) bool { return ctx.Value(spare{}) != nil }

// Polls returns how many requests the polls of what is new need in each period of the rate: what is left of it is spare,
// and that is at least one request.
func (s Settings) Polls(activeToo bool) int {
	n := polls(s.Rate.Per, s.PollCDR)
	if activeToo {
		n += polls(s.Rate.Per, s.PollActive)
	}
	return max(0, min(n, s.Rate.Requests-1))
}

func polls(in, every time.Duration) int {
	if every <= 0 {
		return 0
	}
	return int((in + every - 1) / every)
}
