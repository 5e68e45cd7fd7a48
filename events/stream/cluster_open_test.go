package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/events/stream/natstest"
)

// A process that wants more replicas than there are has them made; one that wants fewer takes none away. A node that is away is
// no hindrance, no quorum is waited for, and more replicas than nodes are refused.
func TestReplicas(t *testing.T) {
	t.Parallel()
	long(t, "a cluster of three servers for a setting that is read once")
	c := startCluster(t, plainServer, natstest.Config{})
	nc := dial(t, c.URL())
	ensure := func(replicas, want int) {
		t.Helper()
		b, err := stream.Open(testContext(t), nc, stream.Settings{Replicas: replicas})
		must(t, err)
		defer b.Close()
		must(t, b.Publish(testContext(t), calls("acme", 10)...))
		for _, name := range streamNames {
			if got := streamConfig(t, nc, name).Replicas; got != want {
				t.Errorf("opened for %d replicas, %s has %d, want %d", replicas, name, got, want)
			}
		}
	}
	ensure(1, 1)
	ensure(3, 3)
	awaitReplicas(t, nc) // the one replica that there was may be on the node that goes
	must(t, c.Kill(2))
	ensure(3, 3)
	ensure(1, 3)
	must(t, c.Kill(1))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := stream.Open(ctx, nc, stream.Settings{Replicas: 3}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open without a quorum: %v", err)
	}
	must(t, c.Restart(1), c.Restart(2))
	ensure(3, 3)
	must(t, jetStream(t, nc).DeleteStream(testContext(t), "CALLBUS"))
	if _, err := stream.Open(testContext(t), nc, stream.Settings{Replicas: 5}); !errors.Is(err, stream.ErrStream) ||
		!strings.Contains(err.Error(), "not as many nodes") {
		t.Errorf("Open for more replicas than nodes: %v", err)
	}
	b, err := stream.Open(testContext(t), nc, stream.Settings{Replicas: 3})
	must(t, err)
	b.Close()
}

var streamNames = []string{"CALLBUS", "CALLBUS_DEAD", "KV_CALLBUS_STATE"}

// awaitReplicas waits until each stream has two more replicas that have caught up.
func awaitReplicas(t *testing.T, nc *nats.Conn) {
	t.Helper()
	for _, name := range streamNames {
		for ctx := testContext(t); !replicated(t, ctx, nc, name); time.Sleep(20 * time.Millisecond) {
			must(t, ctx.Err())
		}
	}
}

func replicated(t *testing.T, ctx context.Context, nc *nats.Conn, name string) bool {
	s, err := jetStream(t, nc).Stream(ctx, name)
	must(t, err)
	current := 0
	for _, r := range s.CachedInfo().Cluster.Replicas {
		if r.Current && r.Lag == 0 {
			current++
		}
	}
	return current == 2
}
