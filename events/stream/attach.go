package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/sinks"
)

// maxAckPending is how many messages of a sink may be under way, or given back, at once.
const maxAckPending = 20_000

// attachPause is the longest wait between two looks at a consumer that cannot be used.
const attachPause = 2 * time.Second

// detach says that the consumer must be looked at again before anything more comes from it.
func (l *Backlog) detach(q *queue, why error) {
	if q.attached {
		l.log.Debug("looking at the consumer again", "stream", q.stream, "because", why)
	}
	if errors.Is(why, errLost) {
		q.tolerant = time.Now().Add(lostAgain)
	}
	q.attached, q.request.open = false, false
}

// warnShared says, from time to time, that somebody else takes messages of this sink.
func (l *Backlog) warnShared(q *queue) {
	if q.shared && time.Since(q.warned) > lostAgain {
		q.warned = time.Now()
		l.log.Warn("another process takes events of this sink too: they may be delivered twice, and the events of a call out of order; run it once")
	}
	q.shared = false
}

// attach sees to both consumers. It waits for that of events, and not for that of copies, which only a person's wish fills.
func (l *Backlog) attach(ctx context.Context) error {
	for n := 0; !l.live.attached; n++ {
		err := l.lookAt(ctx, l.live)
		if err == nil {
			break
		}
		if over := l.over(ctx); over != nil {
			return fmt.Errorf("%w; the last trouble was: %w", over, err)
		}
		if isConfigError(err) && !l.known {
			return err
		}
		l.complain(n, err)
		if over := l.pause(ctx, min(shortestPause<<min(n, 10), attachPause)); over != nil {
			return fmt.Errorf("%w; the last trouble was: %w", over, err)
		}
	}
	if l.copies.attached || time.Since(l.copies.since) < attachPause {
		return nil
	}
	if err := l.lookAt(ctx, l.copies); err != nil {
		l.copies.since = time.Now()
		l.log.Warn("what is to be delivered again is not to be had", "stream", ReplayName, "error", err)
	}
	return nil
}

// complain says that the sink waits: the first time after a second or so, then from time to time.
func (l *Backlog) complain(n int, err error) {
	if n%30 != 7 {
		return
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("the stream %s is not there; callbus makes it anew when it starts: %w", Name, err)
	}
	l.log.Warn("the sink waits: its backlog is not to be had", "error", err)
}

func (l *Backlog) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.bus.closed:
	case <-ctx.Done():
	}
	return l.over(ctx)
}

// isConfigError tells whether the server refuses what it was told about a consumer, as opposed to not having it.
func isConfigError(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 400 && !errors.Is(err, jetstream.ErrConsumerExists) && !errors.Is(err, jetstream.ErrConsumerDoesNotExist)
}

// lookAt finds the consumer or makes it, sees that it is as it should be, and that what it delivered to nobody comes first.
func (l *Backlog) lookAt(ctx context.Context, q *queue) error {
	return try(ctx, func(ctx context.Context) error {
		info, err := l.consumer(ctx, q)
		if err != nil {
			return err
		}
		if info, err = l.bringUp(ctx, q, info); err != nil {
			return err
		}
		now, breaks, pending := time.Now(), l.bus.nc.Stats().Reconnects, info.NumAckPending
		if pending > 0 {
			if info, err = l.reclaim(ctx, q, info); err != nil {
				return err
			}
		}
		for len(q.arrivals) > 0 {
			<-q.arrivals // they come again, after those that were before them
		}
		q.next, q.attached, q.since, q.breaks = info.Delivered.Consumer+1, true, now, breaks
		if pending > 0 {
			if info, err = l.gather(ctx, q, info); err != nil {
				q.attached = false
				return err
			}
		}
		if !q.copied {
			return l.note(ctx, info)
		}
		return nil
	})
}

func (l *Backlog) consumer(ctx context.Context, q *queue) (*jetstream.ConsumerInfo, error) {
	c, err := l.bus.js.Consumer(ctx, q.stream, q.consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		var config jetstream.ConsumerConfig
		if config, err = l.newConsumer(ctx, q); err != nil {
			return nil, err
		}
		c, err = l.bus.js.CreateConsumer(ctx, q.stream, config)
	}
	if err != nil {
		return nil, err
	}
	return c.CachedInfo(), nil
}

// newConsumer returns the settings of a consumer that is not there. MaxDeliver and BackOff are left to the pump, which decides
// when something is tried again and when it is given up.
func (l *Backlog) newConsumer(ctx context.Context, q *queue) (jetstream.ConsumerConfig, error) {
	c := jetstream.ConsumerConfig{
		Durable:       q.consumer,
		Description:   "What sink " + l.config.Sink + " of callbus is to deliver",
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       sinks.MessageWait,
		MaxDeliver:    -1,
		MaxAckPending: maxAckPending,
	}
	if q.copied {
		c.FilterSubjects = []string{copySubject(l.config.Sink, ">")}
		l.ledger.forget(true)
		return c, nil
	}
	err := l.begin(ctx, &c)
	return c, err
}

// bringUp changes the consumer to what the sink's settings say. Only the first look does so for the filters: later another
// process, which is newer, may have changed them.
func (l *Backlog) bringUp(ctx context.Context, q *queue, info *jetstream.ConsumerInfo) (*jetstream.ConsumerInfo, error) {
	c := info.Config
	changed := c.AckWait != sinks.MessageWait || c.MaxAckPending != maxAckPending || c.MaxDeliver != -1
	c.AckWait, c.MaxAckPending, c.MaxDeliver = sinks.MessageWait, maxAckPending, -1
	if q.copied {
		if changed {
			return l.update(ctx, q, c)
		}
		return info, nil
	}
	had, err := wantedOf(filtersOf(c), c.Metadata)
	if err != nil {
		return nil, err
	}
	if !l.known && !sameFilters(c, l.wanted.filters) {
		last, err := l.lastSeq(ctx)
		if err != nil {
			return nil, err
		}
		had = had.change(l.wanted.filters, info.AckFloor.Stream, last)
		c.FilterSubject, c.FilterSubjects = "", had.filters
		if c.Metadata, err = had.metadata(c.Metadata); err != nil {
			return nil, err
		}
		changed = true
	}
	if changed {
		if info, err = l.update(ctx, q, c); err != nil {
			return nil, err
		}
	}
	l.wanted, l.known = had, true
	return info, nil
}

// update changes the consumer and asks how it is then: to the first update after its start, the server (2.15) answers with the
// settings before it.
func (l *Backlog) update(ctx context.Context, q *queue, c jetstream.ConsumerConfig) (*jetstream.ConsumerInfo, error) {
	if _, err := l.bus.js.UpdateConsumer(ctx, q.stream, c); err != nil {
		return nil, errors.Join(err, l.clear(ctx, q, err))
	}
	return l.bus.info(ctx, q.stream, q.consumer)
}

func (l *Backlog) lastSeq(ctx context.Context) (uint64, error) {
	s, err := l.bus.js.Stream(ctx, Name)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.LastSeq, nil
}

// codeConsumerFiles is the server's code for a consumer whose files it cannot write.
const codeConsumerFiles jetstream.ErrorCode = 10012

// clear deletes a consumer that has lost its files, so that it is made anew: it was created while the server still cleared away
// one of that name, is not changed any more, and would be gone with the next restart.
func (l *Backlog) clear(ctx context.Context, q *queue, trouble error) error {
	var api *jetstream.APIError
	if !errors.As(trouble, &api) || api.ErrorCode != codeConsumerFiles || !strings.Contains(api.Description, "no such file") {
		return nil
	}
	return gone(l.bus.js.DeleteConsumer(ctx, q.stream, q.consumer))
}
