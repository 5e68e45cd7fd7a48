package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Bus publishes to the stream of events and reads from it. Its methods may be called from any number of goroutines.
type Bus struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	state     jetstream.KeyValue
	settings  Settings
	publisher *publisher
	close     sync.Once
	closed    chan struct{}
}

// Open sets up the streams over nc, and returns a Bus on them. It waits for a server that is away or not ready until ctx is
// done. It starts one goroutine, which Close ends. nc stays the caller's, to be closed after the Bus.
func Open(ctx context.Context, nc *nats.Conn, s Settings) (*Bus, error) {
	s.Replicas = max(s.Replicas, 1)
	if s.MaxAge == 0 {
		s.MaxAge = DefaultMaxAge
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	b := &Bus{nc: nc, js: js, settings: s, closed: make(chan struct{})}
	if err := retry(ctx, "open the bus", func(ctx context.Context) error { return b.setUp(ctx, s) }); err != nil {
		return nil, err
	}
	if b.publisher, err = startPublisher(nc, s.Replicas); err != nil {
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	return b, nil
}

// setUp may be done again, from wherever it failed.
func (b *Bus) setUp(ctx context.Context, s Settings) error {
	if err := checkServer(ctx, b.js); err != nil {
		return err
	}
	if err := ensureStream(ctx, b.js, eventStream(s)); err != nil {
		return err
	}
	if err := ensureStream(ctx, b.js, deadStream(s)); err != nil {
		return err
	}
	var err error
	b.state, err = ensureState(ctx, b.js, stateBucket(s))
	return err
}

// Close ends the Bus and waits until its goroutine has. Callers still in Publish, or in Fetch of a Backlog, get [ErrClosed].
func (b *Bus) Close() {
	b.close.Do(func() {
		close(b.closed)
		b.publisher.stop()
	})
}

// apiLevel is the level of JetStream's API that knows atomic batches (nats-server 2.12).
const apiLevel = 2

// checkServer finds out whether the server can do what callbus needs, before anything is created on it.
func checkServer(ctx context.Context, js jetstream.JetStream) error {
	info, err := js.AccountInfo(ctx)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w on %s: switch it on there (jetstream in the server's settings, and for this account): %w", ErrNoJetStream, serverName(js), err)
	case err != nil:
		return fmt.Errorf("ask the server about JetStream: %w", err)
	case info.API.Level < apiLevel:
		return fmt.Errorf("%w: %s runs nats-server %s; callbus needs 2.12 or newer", ErrServerTooOld, serverName(js), js.Conn().ConnectedServerVersion())
	}
	return nil
}

func serverName(js jetstream.JetStream) string {
	if n := js.Conn().ConnectedServerName(); n != "" {
		return n
	}
	return "the server"
}
