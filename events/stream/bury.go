package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// sinkDead is the wire form of an event that a sink gave up.
type sinkDead struct {
	Sink     string          `json:"sink"`
	Subject  string          `json:"subject"`
	Seq      uint64          `json:"seq"`
	Reason   string          `json:"reason"`
	Status   int             `json:"status,omitempty"`
	Snippet  string          `json:"snippet,omitempty"`
	Attempts int             `json:"attempts"`
	First    *time.Time      `json:"first,omitempty"`
	Last     *time.Time      `json:"last,omitempty"`
	Event    json.RawMessage `json:"event,omitempty"`
	Base64   []byte          `json:"event_base64,omitempty"` // instead of Event, where that is not JSON
}

func wireOf(d sinks.Dead) sinkDead {
	w := sinkDead{
		Sink: d.Sink, Subject: d.Subject, Seq: d.Seq, Reason: d.Reason, Status: d.Status, Snippet: d.Snippet,
		Attempts: d.Attempts, First: known(d.First), Last: known(d.Last),
	}
	if json.Valid(d.Body) {
		w.Event = d.Body
	} else {
		w.Base64 = d.Body
	}
	return w
}

func (w sinkDead) dead() sinks.Dead {
	d := sinks.Dead{
		Sink: w.Sink, Subject: w.Subject, Seq: w.Seq, Reason: w.Reason, Status: w.Status, Snippet: w.Snippet,
		Attempts: w.Attempts, Body: w.Event,
	}
	if w.Event == nil {
		d.Body = w.Base64
	}
	if w.First != nil {
		d.First = *w.First
	}
	if w.Last != nil {
		d.Last = *w.Last
	}
	return d
}

// known returns t in UTC, nil if it is not known.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

const deadSink = "dead.sink."

func deadSinkSubject(sink, id string) string { return deadSink + sink + "." + id }

func deadID(d sinks.Dead) string { return events.Hash(d.Subject, strconv.FormatUint(d.Seq, 10)) }

// Bury is [sinks.Backlog.Bury]. The first reason stays. An event that is too large to be kept beside its reason is left out: it
// is in the stream of events, as long as that keeps it.
func (l *Backlog) Bury(ctx context.Context, d sinks.Dead) error {
	d.Sink = l.config.Sink
	what := fmt.Sprintf("keep event %d as a dead letter of sink %s", d.Seq, d.Sink)
	err := l.bus.bury(ctx, what, d)
	if errors.Is(err, ErrTooLarge) {
		d.Reason += " (the event is too large to be kept here)"
		d.Body = nil
		err = l.bus.bury(ctx, what, d)
	}
	return err
}

func (b *Bus) bury(ctx context.Context, what string, d sinks.Dead) error {
	body, err := json.Marshal(wireOf(d))
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, ErrInvalid, err)
	}
	return b.keepDead(ctx, what, deadSinkSubject(d.Sink, deadID(d)), body)
}

// keepDead stores a dead letter unless its subject has one.
func (b *Bus) keepDead(ctx context.Context, what, subject string, body []byte) error {
	m := &nats.Msg{Subject: subject, Data: body, Header: nats.Header{hdrType: {"application/json"}}}
	err := retry(ctx, what, func(ctx context.Context) error {
		_, err := b.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithRetryAttempts(0))
		var api *jetstream.APIError
		if errors.As(err, &api) && api.ErrorCode == codeWrongLastSequence {
			return nil // it is there
		}
		return err
	})
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum) {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return err
}
