package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// oldest remembers the oldest event that is not done: while a sink waits it stays the same.
type oldest struct {
	mu     sync.Mutex
	known  bool
	floor  uint64
	stored time.Time
}

// Size is [sinks.Backlog.Size]. Of copies the time at which they were made counts. It may be called while Fetch waits.
func (l *Backlog) Size(ctx context.Context) (n int, since time.Time, err error) {
	err = retry(ctx, "measure the backlog of sink "+l.config.Sink, func(ctx context.Context) error {
		n, since = 0, time.Time{}
		info, err := l.bus.info(ctx, Name, l.live.consumer)
		if err != nil {
			return err
		}
		if n = waiting(info); n > 0 {
			if since, err = l.oldestSince(ctx, info); err != nil {
				return err
			}
		}
		copies, made, err := l.bus.copies(ctx, l.config.Sink)
		if copies > 0 && (n == 0 || made.Before(since)) {
			since = made
		}
		n += copies
		return err
	})
	return n, since, err
}

func waiting(info *jetstream.ConsumerInfo) int { return int(info.NumPending) + info.NumAckPending }

func (b *Bus) info(ctx context.Context, stream, consumer string) (*jetstream.ConsumerInfo, error) {
	c, err := b.js.Consumer(ctx, stream, consumer)
	if err != nil {
		return nil, err
	}
	return c.CachedInfo(), nil
}

// copies returns how many copies a sink is to deliver, and when the first of them was made.
func (b *Bus) copies(ctx context.Context, sink string) (int, time.Time, error) {
	info, err := b.info(ctx, ReplayName, durable(sink))
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, time.Time{}, nil
	}
	if err != nil || waiting(info) == 0 {
		return 0, time.Time{}, err
	}
	made, err := b.firstStored(ctx, ReplayName, []string{copySubject(sink, ">")}, 1)
	return waiting(info), made, err
}

func (l *Backlog) oldestSince(ctx context.Context, info *jetstream.ConsumerInfo) (time.Time, error) {
	l.oldest.mu.Lock()
	defer l.oldest.mu.Unlock()
	if l.oldest.known && l.oldest.floor == info.AckFloor.Stream {
		return l.oldest.stored, nil
	}
	stored, err := l.bus.firstStored(ctx, Name, filtersOf(info.Config), info.AckFloor.Stream+1)
	if err == nil && !stored.IsZero() {
		l.oldest.known, l.oldest.floor, l.oldest.stored = true, info.AckFloor.Stream, stored
	}
	return stored, err
}

// firstStored returns when the first message from seq on was stored, of those that the filters let through; zero if there is none.
func (b *Bus) firstStored(ctx context.Context, stream string, filters []string, seq uint64) (time.Time, error) {
	var g errgroup.Group
	g.SetLimit(8) // few sinks have so many filters
	times := make([]time.Time, len(filters))
	for i, f := range filters {
		g.Go(func() (err error) {
			times[i], err = b.storedOn(ctx, stream, f, seq)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return time.Time{}, err
	}
	var first time.Time
	for _, t := range times {
		if first.IsZero() || !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first, nil
}

// storedOn returns when the first message from seq on that has the subject was stored, as any replica knows it.
func (b *Bus) storedOn(ctx context.Context, stream, subject string, seq uint64) (time.Time, error) {
	request, err := json.Marshal(map[string]any{"seq": seq, "next_by_subj": subject})
	if err != nil {
		return time.Time{}, err
	}
	m, err := b.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: "$JS.API.DIRECT.GET." + stream, Data: request})
	if err != nil {
		return time.Time{}, err
	}
	switch status := m.Header.Get("Status"); status {
	case "":
		return time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	case "404":
		return time.Time{}, nil
	default:
		return time.Time{}, fmt.Errorf("look for the next message on %s: %s %s", subject, status, m.Header.Get("Description"))
	}
}
