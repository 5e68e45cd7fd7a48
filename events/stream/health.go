package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What [Bus.Health] may find.
var (
	// ErrNoQuorum: too few servers of the cluster are there to agree that an event is stored.
	ErrNoQuorum = errors.New("too few servers of the NATS cluster are there")
	// ErrNoAnswer: the server hangs, or has lost its cluster and does not know it yet.
	ErrNoAnswer = errors.New("the NATS server does not answer")
)

// silentPeer is how long a replica may not have been heard of before it is counted as gone. A leader hears from each about
// every second.
const silentPeer = 5 * time.Second

// Health returns nil if the stream could store an event, as far as can be told without storing one; otherwise why not. It
// asks the server one question, and waits for the answer until ctx is done.
func (b *Bus) Health(ctx context.Context) error {
	if s := b.nc.Status(); s != nats.CONNECTED {
		return fmt.Errorf("the connection to NATS is %s", s)
	}
	s, err := b.js.Stream(ctx, Name)
	if err != nil {
		return unhealthy(ctx, err)
	}
	return quorum(s.CachedInfo().Cluster)
}

func unhealthy(ctx context.Context, err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("the NATS server has no stream %s any more: start callbus again, and it makes one", Name)
	case errors.As(err, &api) && api.Code == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %w", ErrNoQuorum, err)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w for JetStream: is it switched on there?", ErrNoAnswer)
	case ctx.Err() != nil:
		return fmt.Errorf("%w for the stream %s: it hangs, or too few servers of its cluster are there", ErrNoAnswer, Name)
	}
	return fmt.Errorf("ask how the stream %s is: %w", Name, err)
}

// quorum tells whether enough replicas are there. A leader that has lost the others takes some seconds to find that it leads
// no longer.
func quorum(c *jetstream.ClusterInfo) error {
	if c == nil {
		return nil
	}
	if c.Leader == "" {
		return fmt.Errorf("%w: the stream %s has no leader", ErrNoQuorum, Name)
	}
	all, there := 1+len(c.Replicas), 1
	for _, p := range c.Replicas {
		if !p.Offline && p.Active < silentPeer {
			there++
		}
	}
	if 2*there <= all {
		return fmt.Errorf("%w: of the %d replicas of the stream %s, %d can be reached", ErrNoQuorum, all, Name, there)
	}
	return nil
}
