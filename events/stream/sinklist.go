package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A SinkInfo is what the bus knows of a sink.
type SinkInfo struct {
	Name        string
	Filters     []string // subjects
	Created     time.Time
	Position    uint64            // all up to this sequence of the stream is done
	Backlog     int               // events to be delivered, those under way or given back included
	Pending     int               // of these, under way or given back
	Redelivered int               // of these, tried more than once
	Copies      int               // to be delivered again
	Oldest      time.Time         // when the oldest event of the backlog was stored; zero if there is none
	State       map[string][]byte // what the sink keeps
}

// Sinks returns the sinks that have a consumer, whether they run or not, by name.
func (b *Bus) Sinks(ctx context.Context) ([]SinkInfo, error) {
	const what = "list the sinks"
	var out []SinkInfo
	err := retry(ctx, what, func(ctx context.Context) error {
		s, err := b.js.Stream(ctx, Name)
		if err != nil {
			return err
		}
		out = nil
		list := s.ListConsumers(ctx)
		for info := range list.Info() {
			if name, ok := strings.CutPrefix(info.Name, durablePrefix); ok {
				out = append(out, sinkInfo(name, info))
			}
		}
		return list.Err()
	})
	if err != nil {
		return nil, err
	}
	states, err := b.sinkStates(ctx, what, "")
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].State = states[out[i].Name]
		if err := b.addUp(ctx, what, &out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b SinkInfo) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func sinkInfo(name string, c *jetstream.ConsumerInfo) SinkInfo {
	return SinkInfo{
		Name: name, Filters: filtersOf(c.Config), Created: c.Created, Position: c.AckFloor.Stream,
		Backlog: waiting(c), Pending: c.NumAckPending, Redelivered: c.NumRedelivered,
	}
}

// addUp adds what the consumer does not say.
func (b *Bus) addUp(ctx context.Context, what string, s *SinkInfo) error {
	return retry(ctx, what, func(ctx context.Context) error {
		var err error
		if s.Copies, _, err = b.copies(ctx, s.Name); err != nil || s.Backlog == 0 {
			return err
		}
		s.Oldest, err = b.firstStored(ctx, Name, s.Filters, s.Position+1)
		return err
	})
}

// RemoveSink forgets a sink that is not run any more: its place, its state, its diary, and what it was to deliver again. Its
// dead letters stay. A process that still runs it makes it anew where it is. The error is [ErrNotFound] when there is no such sink.
func (b *Bus) RemoveSink(ctx context.Context, sink string) error {
	what := "remove sink " + sink
	if _, err := b.sinkConsumer(ctx, sink); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	state, err := b.SinkState(ctx, sink)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for key := range state {
		if err := b.SetSinkState(ctx, sink, key, nil); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return retry(ctx, what, func(ctx context.Context) error { return b.removeSink(ctx, sink) })
}

// removeSink deletes the consumer of events last: until then the sink is found, and can be removed again.
func (b *Bus) removeSink(ctx context.Context, sink string) error {
	copies, err := b.js.Stream(ctx, ReplayName)
	if err == nil {
		err = errors.Join(gone(copies.DeleteConsumer(ctx, durable(sink))), copies.Purge(ctx, jetstream.WithPurgeSubject(copySubject(sink, ">"))))
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if err := errors.Join(b.forgetKey(ctx, positionKey(sink)), b.removeDiary(ctx, sink)); err != nil {
		return err
	}
	return gone(b.js.DeleteConsumer(ctx, Name, durable(sink)))
}

// gone makes nothing of it that a consumer is not there.
func gone(err error) error {
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	return err
}
