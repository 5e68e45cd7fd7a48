package vendorhttp

import (
	"context"
	"fmt"
	"net/http"
)

// turn waits for what has to be waited for before a request is made by transport: the account's [Budget], then the process's
// [Gate]. It returns what to call when the request was answered.
func turn(ctx context.Context, transport http.RoundTripper, host string) (answered func(), err error) {
	spent := func() {}
	if b, ok := transport.(*Budget); ok {
		if spent, err = b.wait(ctx); err != nil {
			return nil, fmt.Errorf("wait for the account's budget of requests: %w", err)
		}
		transport = b.RoundTripper
	}
	g, ok := transport.(*Gate)
	if !ok {
		return spent, nil
	}
	left, err := g.wait(ctx, host)
	if err != nil {
		spent()
		return nil, fmt.Errorf("wait until fewer requests are under way: %w", err)
	}
	return func() { left(); spent() }, nil
}
