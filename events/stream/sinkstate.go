package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// State is [sinks.Backlog.State].
func (l *Backlog) State(ctx context.Context) (map[string][]byte, error) {
	return l.bus.SinkState(ctx, l.config.Sink)
}

// SetState is [sinks.Backlog.SetState].
func (l *Backlog) SetState(ctx context.Context, key string, value []byte) error {
	return l.bus.SetSinkState(ctx, l.config.Sink, key, value)
}

const stateKeys = "sink."

// SinkState returns what a sink keeps beside its events, by key; nil when it keeps nothing. It waits for a server that is away
// until ctx is done.
func (b *Bus) SinkState(ctx context.Context, sink string) (map[string][]byte, error) {
	what := "read the state of sink " + sink
	if !isToken(sink) {
		return nil, fmt.Errorf("%s: %w: its name is not of [A-Za-z0-9_-]", what, ErrInvalid)
	}
	all, err := b.sinkStates(ctx, what, sink+".")
	return all[sink], err
}

// SetSinkState keeps a value for a sink, or forgets it if it is nil. Keys are of [A-Za-z0-9_-], parts of them parted by dots.
func (b *Bus) SetSinkState(ctx context.Context, sink, key string, value []byte) error {
	what := fmt.Sprintf("keep %s of sink %s", key, sink)
	if !isToken(sink) {
		return fmt.Errorf("%s: %w: the sink's name is not of [A-Za-z0-9_-]", what, ErrInvalid)
	}
	for part := range strings.SplitSeq(key, ".") {
		if !isToken(part) {
			return fmt.Errorf("%s: %w: the key is not of parts of [A-Za-z0-9_-], with dots between them", what, ErrInvalid)
		}
	}
	return retry(ctx, what, func(ctx context.Context) error {
		if value == nil {
			return b.forgetKey(ctx, stateKeys+sink+"."+key)
		}
		_, err := b.state.Put(ctx, stateKeys+sink+"."+key, value)
		return err
	})
}

// markerTTL is how long the bucket remembers that a key was deleted: long enough for any reader under way, and not for ever,
// or keys that come and go would fill it.
const markerTTL = time.Hour

func (b *Bus) forgetKey(ctx context.Context, key string) error {
	return b.state.Purge(ctx, key, jetstream.PurgeTTL(markerTTL))
}

// sinkStates returns the states of the sinks whose keys begin with prefix, after what all of them begin with.
func (b *Bus) sinkStates(ctx context.Context, what, prefix string) (map[string]map[string][]byte, error) {
	var all map[string]map[string][]byte
	err := retry(ctx, what, func(context.Context) error {
		var err error
		all, err = b.readStates(ctx, prefix)
		return err
	})
	return all, err
}

var errStateStalled = errors.New("the server stopped in the middle of its answer")

// readStates reads as long as something comes: the keys may be many.
func (b *Bus) readStates(ctx context.Context, prefix string) (map[string]map[string][]byte, error) {
	all := make(map[string]map[string][]byte)
	begin, end := context.WithCancel(context.WithoutCancel(ctx)) // without ctx's deadline, the client has its own for the beginning
	defer end()
	watch, err := b.state.Watch(begin, stateKeys+prefix+">", jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() { _ = watch.Stop() }() // it fails only if the connection is closed, which has the same effect
	stalled := time.NewTimer(answerTimeout)
	defer stalled.Stop()
	for {
		select {
		case entry, ok := <-watch.Updates():
			if !ok {
				return nil, errStateStalled
			}
			if entry == nil { // that is all
				return all, nil
			}
			sink, key, _ := strings.Cut(strings.TrimPrefix(entry.Key(), stateKeys), ".")
			if all[sink] == nil {
				all[sink] = make(map[string][]byte)
			}
			all[sink][key] = entry.Value()
			stalled.Reset(answerTimeout)
		case <-stalled.C:
			return nil, errStateStalled
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
