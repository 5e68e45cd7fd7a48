package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/events/stream/natstest"
)

// health asks as a probe does: it does not wait for long.
func health(t *testing.T, b *stream.Bus) error {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return b.Health(ctx)
}

// turns waits until the bus is said to be as it is wanted, and returns what is said.
func turns(t *testing.T, b *stream.Bus, wanted func(error) bool) error {
	t.Helper()
	ctx := testContext(t)
	for {
		err := health(t, b)
		if wanted(err) {
			return err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the bus is still said to be: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func well(err error) bool { return err == nil }

// A cluster that has lost its quorum is said to have, what is published waits, and is stored once when it has found itself.
func TestHealthOfAClusterWithoutQuorum(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plainServer, natstest.Config{})
	b := openOn(t, dial(t, c.URL()))
	turns(t, b, well)
	first, err := c.Leader(testContext(t), stream.Name)
	must(t, err)
	must(t, c.Stop(first))
	turns(t, b, well) // two of three suffice
	second := (first + 1) % 3
	must(t, c.Stop(second))
	err = turns(t, b, func(err error) bool { return errors.Is(err, stream.ErrNoQuorum) || errors.Is(err, stream.ErrNoAnswer) })
	t.Logf("without quorum it says: %v", err)
	evs := calls("acme", 20)
	published := make(chan error, 1)
	go func() { published <- b.Publish(testContext(t), evs...) }()
	if err := health(t, b); err == nil {
		t.Error("without quorum the bus is said to be well")
	}
	select {
	case err := <-published:
		t.Fatalf("without quorum events are said to be stored: %v", err)
	default:
	}
	must(t, c.Restart(first))
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	turns(t, b, well)
	checkStored(t, b, evs)
}

func TestHealthOfOneServer(t *testing.T) {
	t.Parallel()
	s := startOutside(t)
	relay := startRelay(t, s.URL())
	nc := dial(t, relay.URL())
	b := openBus(t, nc)
	turns(t, b, well)
	relay.setDeaf(true)
	if err := health(t, b); !errors.Is(err, stream.ErrNoAnswer) {
		t.Errorf("of a server that hangs it says %v", err)
	}
	relay.setDeaf(false)
	s.Shutdown()
	turns(t, b, func(err error) bool {
		return err != nil && strings.Contains(err.Error(), "the connection to NATS is RECONNECTING")
	})
	s.start()
	turns(t, b, well)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(testContext(t), stream.Name); err != nil {
		t.Fatal(err)
	}
	if err := health(t, b); err == nil || !strings.Contains(err.Error(), "has no stream CALLBUS any more") {
		t.Errorf("of a stream that is gone it says %v", err)
	}
}
