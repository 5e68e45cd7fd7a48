package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/sinks"
)

// ErrNotFound is what is wrong when a sink or a dead letter is asked for that is not there.
var ErrNotFound = errors.New("not found")

// A SinkDeadLetter is an event that a sink gave up.
type SinkDeadLetter struct {
	sinks.Dead
	ID   string    // stands for its event; it is the same whenever the sink gives that up
	Kept time.Time // when it was stored

	seq uint64 // in the stream of dead letters
}

// SinkDeadLetters returns what the sink gave up, or all sinks if sink is "", in the order in which it was kept. An
// [UnreadableError] concerns one letter, and the loop may go on; any other error is the last.
func (b *Bus) SinkDeadLetters(ctx context.Context, sink string) iter.Seq2[SinkDeadLetter, error] {
	filter := deadSink + ">"
	if sink != "" {
		filter = deadSinkSubject(sink, "*")
	}
	return func(yield func(SinkDeadLetter, error) bool) {
		if sink != "" && !isToken(sink) {
			yield(SinkDeadLetter{}, fmt.Errorf("read the dead letters of sink %s: %w: its name is not of [A-Za-z0-9_-]", sink, ErrInvalid))
			return
		}
		r := reader{js: b.js, stream: DeadName, filters: []string{filter}}
		for m, err := range r.messages(ctx) {
			if err != nil {
				yield(SinkDeadLetter{}, err)
				return
			}
			if !yield(letterOf(m)) {
				return
			}
		}
	}
}

func letterOf(m stored) (SinkDeadLetter, error) {
	var w sinkDead
	if err := json.Unmarshal(m.Data(), &w); err != nil {
		return SinkDeadLetter{}, &UnreadableError{Subject: m.Subject(), Seq: m.seq, Cause: err}
	}
	meta, err := m.Metadata()
	if err != nil {
		return SinkDeadLetter{}, &UnreadableError{Subject: m.Subject(), Seq: m.seq, Cause: err}
	}
	id := m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:]
	return SinkDeadLetter{Dead: w.dead(), ID: id, Kept: meta.Timestamp, seq: m.seq}, nil
}

// SinkDeadLetter returns one dead letter of the sink, by its id or by the sequence of its event. Its error is [ErrNotFound] when
// there is none.
func (b *Bus) SinkDeadLetter(ctx context.Context, sink, id string) (SinkDeadLetter, error) {
	seq, err := strconv.ParseUint(id, 10, 64)
	bySeq := err == nil
	for d, err := range b.SinkDeadLetters(ctx, sink) {
		var unreadable *UnreadableError
		switch {
		case errors.As(err, &unreadable):
			continue
		case err != nil:
			return SinkDeadLetter{}, err
		case d.ID == id, bySeq && d.Seq == seq:
			return d, nil
		}
	}
	return SinkDeadLetter{}, fmt.Errorf("dead letter %s of sink %s: %w; callbus dead list %s shows those that are there", id, sink, ErrNotFound, sink)
}

// DropDeadLetter deletes d. One that is not there any more is no error.
func (b *Bus) DropDeadLetter(ctx context.Context, d SinkDeadLetter) error {
	return retry(ctx, "drop dead letter "+d.ID+" of sink "+d.Sink, func(ctx context.Context) error {
		s, err := b.js.Stream(ctx, DeadName)
		if err != nil {
			return err
		}
		// Not a letter of the same event that came since: only what is before the next sequence.
		return s.Purge(ctx, jetstream.WithPurgeSubject(deadSinkSubject(d.Sink, d.ID)), jetstream.WithPurgeSequence(d.seq+1))
	})
}

// RetryDeadLetter has the event of d delivered again by its sink, in whichever process that is, and deletes d. If the sink
// gives it up once more, it is a dead letter again. The error is [ErrNotFound] when there is no such sink any more.
func (b *Bus) RetryDeadLetter(ctx context.Context, d SinkDeadLetter) error {
	what := "deliver dead letter " + d.ID + " again by sink " + d.Sink
	if _, err := b.sinkConsumer(ctx, d.Sink); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if len(d.Body) == 0 {
		return fmt.Errorf("%s: %w: the letter has no event; see callbus replay", what, ErrInvalid)
	}
	c := copyOf(d.Sink, d.Subject, d.Seq, d.Kept, d.Body)
	if err := b.publishCopies(ctx, what, []*message{c}); err != nil {
		return err
	}
	return b.DropDeadLetter(ctx, d)
}
