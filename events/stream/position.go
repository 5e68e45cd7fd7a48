package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A position is how far a sink has come, as it is kept beside its consumer: should somebody delete that, it is made anew from
// here.
type position struct {
	Seq     uint64        `json:"seq"`    // all up to it is done
	Stream  time.Time     `json:"stream"` // when the stream was made: another stream has other sequences
	Filters []string      `json:"filters"`
	Before  []filterUntil `json:"before,omitempty"`

	looked, kept time.Time
	handed       int // over, since it was looked up
	dirty        bool
}

// positionEvery is how often a position is looked up and kept while the sink is at work.
const positionEvery = 10 * time.Second

func positionKey(sink string) string { return "sink-position." + sink }

// clearingTakes is how long the server may need to clear away the files of a consumer that was deleted. One that is made
// meanwhile loses its own.
const clearingTakes = 500 * time.Millisecond

// begin sets where a consumer that is not there starts.
func (l *Backlog) begin(ctx context.Context, c *jetstream.ConsumerConfig) error {
	s, err := l.bus.js.Stream(ctx, Name)
	if err != nil {
		return err
	}
	made, last := s.CachedInfo().Created, s.CachedInfo().State.LastSeq
	if err := l.recall(ctx); err != nil {
		return err
	}
	p := &l.position
	c.FilterSubjects = l.wanted.filters
	switch {
	case p.Stream.IsZero():
		l.config.Start.put(c) // the position is noted when the consumer is there
	case !p.Stream.Equal(made):
		l.log.Warn("the stream was made anew: the sink starts at its beginning")
		l.ledger.forget(false)
		l.live.came = nil
		*p = position{Stream: made, Filters: l.wanted.filters}
		c.DeliverPolicy = jetstream.DeliverAllPolicy
	default:
		l.log.Warn("the sink's consumer was deleted: it is made anew where the sink was", "sequence", p.Seq)
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, p.Seq+1
		if err := l.pause(ctx, clearingTakes); err != nil {
			return err
		}
		return l.beginAgain(c, last)
	}
	return nil
}

// beginAgain gives the consumer the filters that it had, and those before them.
func (l *Backlog) beginAgain(c *jetstream.ConsumerConfig, last uint64) error {
	w := wanted{l.position.Filters, l.position.Before}
	if !l.known && !sameFilters(jetstream.ConsumerConfig{FilterSubjects: w.filters}, l.wanted.filters) {
		w = w.change(l.wanted.filters, l.position.Seq, last)
	}
	c.FilterSubjects = w.filters
	var err error
	c.Metadata, err = w.metadata(nil)
	return err
}

func (s Start) put(c *jetstream.ConsumerConfig) {
	switch {
	case s.All:
		c.DeliverPolicy = jetstream.DeliverAllPolicy
	case s.From.IsZero():
		c.DeliverPolicy = jetstream.DeliverNewPolicy
	default:
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &s.From
	}
}

// recall reads the position that was kept, unless this process knows better.
func (l *Backlog) recall(ctx context.Context) error {
	if !l.position.Stream.IsZero() {
		return nil
	}
	entry, err := l.bus.state.Get(ctx, positionKey(l.config.Sink))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(entry.Value(), &l.position); err != nil {
		return fmt.Errorf("read the position of sink %s from %s: %w", l.config.Sink, StateBucket, err)
	}
	return nil
}

// note takes over what the consumer says of the position.
func (l *Backlog) note(ctx context.Context, info *jetstream.ConsumerInfo) error {
	p := &l.position
	p.looked, p.handed = time.Now(), 0
	if p.Stream.IsZero() {
		s, err := l.bus.js.Stream(ctx, Name)
		if err != nil {
			return err
		}
		p.Stream = s.CachedInfo().Created
	}
	p.dirty = p.dirty || p.Seq != info.AckFloor.Stream || len(p.Filters) == 0 || !sameFilters(info.Config, p.Filters)
	p.Seq, p.Filters, p.Before = info.AckFloor.Stream, l.wanted.filters, l.wanted.before
	return nil
}

// keepPosition notes now and then how far the sink has come. It is a second thread to hold on to, so what fails is tried
// again the next time.
func (l *Backlog) keepPosition(ctx context.Context) {
	busy := l.position.handed > mostRecent/4 // the ledger remembers so many, and the position must not be older
	if time.Since(l.position.kept) < positionEvery && !busy {
		return
	}
	l.position.kept = time.Now()
	err := try(ctx, func(ctx context.Context) error {
		if time.Since(l.position.looked) >= positionEvery || busy {
			c, err := l.bus.js.Consumer(ctx, Name, l.live.consumer)
			if err != nil {
				return err
			}
			if err := l.note(ctx, c.CachedInfo()); err != nil {
				return err
			}
		}
		if !l.position.dirty {
			return nil
		}
		b, err := json.Marshal(l.position)
		if err != nil {
			return err
		}
		_, err = l.bus.state.Put(ctx, positionKey(l.config.Sink), b)
		l.position.dirty = err != nil
		return err
	})
	if err != nil {
		l.log.Debug("the sink's position is not kept", "error", err)
	}
}
