package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest"
)

// ingestBus is the event bus as a worker sees it: it knows nothing of NATS.
type ingestBus struct {
	*stream.Bus
	fence string        // the subject that another process puts an event on before it takes the account over; "" for none
	turns chan struct{} // of those that read back; nil for no end of them
}

// mostRestores is how many workers of a process read back their state at once: ten thousand that start together would each have
// the server open a reader for them, and then all ask their vendors in the same moment.
const mostRestores = 32

var _ ingest.Bus = ingestBus{}

// Publish says in ingest's words what went wrong.
func (b ingestBus) Publish(ctx context.Context, evs ...events.Event) error {
	err := b.PublishFenced(ctx, b.fence, evs...)
	switch {
	case errors.Is(err, stream.ErrConflict), errors.Is(err, stream.ErrFenced):
		return fmt.Errorf("%w: %w", ingest.ErrOvertaken, err)
	case errors.Is(err, stream.ErrClosed):
		return fmt.Errorf("%w: %w", ingest.ErrBusClosed, err)
	}
	return err
}

// Quarantine keeps row as a dead letter.
func (b ingestBus) Quarantine(ctx context.Context, account, provider string, row ingest.Rejected, at time.Time) error {
	return b.DeadLetter(ctx, stream.DeadLetter{Account: account, Provider: provider, Reason: row.Reason, Row: row.Row, At: at})
}

// Events passes over what cannot be read: it was not written by callbus, and no call depends on it.
func (b ingestBus) Events(ctx context.Context, account string, since time.Time) iter.Seq2[events.Event, error] {
	return func(yield func(events.Event, error) bool) {
		if b.turns != nil {
			select {
			case b.turns <- struct{}{}:
				defer func() { <-b.turns }()
			case <-ctx.Done():
				yield(events.Event{}, context.Cause(ctx))
				return
			}
		}
		for e, err := range b.Bus.Events(ctx, stream.Filter{Account: account, Since: since}) {
			var unreadable *stream.UnreadableError
			if errors.As(err, &unreadable) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
