package vendorhttp

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// A Budget is a transport that all requests of one account share, and that makes them wait for their turn. A [Client]
// waits before the timeout of a request begins: to be kept waiting is no fault of the vendor's.
type Budget struct {
	http.RoundTripper
	limiter *rate.Limiter
}

// NewBudget lets through so many requests in each period, evenly spread: a burst at the end of one period and another
// at the beginning of the next would be more than the vendor allows.
func NewBudget(transport http.RoundTripper, requests int, per time.Duration) *Budget {
	return &Budget{RoundTripper: transport, limiter: rate.NewLimiter(rate.Every(per/time.Duration(requests)), 1)}
}

// wait returns when the next request may be made, or ctx is done.
func (b *Budget) wait(ctx context.Context) error {
	return b.limiter.Wait(ctx)
}
