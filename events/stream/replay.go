package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/callbus/callbus/events"
)

// copySubject is that of a copy of an event, for one sink.
func copySubject(sink, subject string) string { return "replay." + sink + "." + subject }

// A ReplayRequest says what a sink is to deliver again.
type ReplayRequest struct {
	Sink  string
	Since time.Time // stored then or later; zero: from the beginning
	Until time.Time // stored before; zero: to the end
	Types []string  // as in BacklogConfig, of those that the sink takes; none: all of them
}

// Replayed is what [Bus.Replay] did.
type Replayed struct {
	Copied int  // events that are to be delivered again
	Ahead  bool // there are more, to which the sink has not come yet: it delivers them anyway
}

// Replay has a sink deliver again what is in the stream, in its order; the sink keeps its own place. It copies the events, and
// returns when that is done: the sink delivers them, in whichever process it is, beside what is new. Doing it twice has
// everything delivered twice. On an error, the events that Replayed counts are copied.
func (b *Bus) Replay(ctx context.Context, r ReplayRequest) (Replayed, error) {
	what := "replay for sink " + r.Sink
	info, err := b.sinkConsumer(ctx, r.Sink)
	if err != nil {
		return Replayed{}, fmt.Errorf("%s: %w", what, err)
	}
	types := r.Types
	if len(types) == 0 {
		types = []string{"*"}
	}
	wanted, err := filters(types, nil)
	if err != nil {
		return Replayed{}, fmt.Errorf("%s: %w", what, err)
	}
	p := replay{bus: b, request: r, what: what, types: wanted, end: info.Delivered.Stream}
	from := reader{js: b.js, stream: Name, filters: filtersOf(info.Config), since: r.Since}
	for m, err := range from.messages(ctx) {
		if err != nil {
			return p.did, fmt.Errorf("%s: %w", what, err)
		}
		goOn, err := p.copy(ctx, m)
		if err != nil {
			return p.did, err
		}
		if !goOn {
			break
		}
	}
	return p.did, p.flush(ctx)
}

// A replay is one command's copying.
type replay struct {
	bus     *Bus
	request ReplayRequest
	what    string
	types   []string
	end     uint64 // as far as the sink has come
	group   []*message
	size    int
	did     Replayed
}

// copy takes m, if it is one of those that were asked for. False says that no later one is.
func (p *replay) copy(ctx context.Context, m stored) (bool, error) {
	meta, err := m.Metadata()
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.what, err)
	}
	switch {
	case !p.request.Until.IsZero() && !meta.Timestamp.Before(p.request.Until):
		return false, nil
	case !anyCovers(p.types, m.Subject()):
		return true, nil
	case m.seq > p.end:
		p.did.Ahead = true
		return false, nil
	}
	c := copyOf(p.request.Sink, m.Subject(), m.seq, meta.Timestamp, m.Data())
	p.group, p.size = append(p.group, c), p.size+len(c.Data)
	if len(p.group) == batchMessages/2 || p.size > batchBytes/2 {
		return true, p.flush(ctx)
	}
	return true, nil
}

func (p *replay) flush(ctx context.Context) error {
	if len(p.group) == 0 {
		return nil
	}
	if err := p.bus.publishCopies(ctx, p.what, p.group); err != nil {
		return err
	}
	p.did.Copied += len(p.group)
	p.group, p.size = nil, 0
	return nil
}

// copyOf returns a copy, which is like no other: asking twice is asking for two.
func copyOf(sink, subject string, seq uint64, stored time.Time, body []byte) *message {
	m := &message{id: nuid.Next()}
	m.Subject, m.Data = copySubject(sink, subject), body
	m.Header = nats.Header{
		hdrMsgID:  {m.id},
		hdrType:   {events.ContentType},
		hdrSeq:    {strconv.FormatUint(seq, 10)},
		hdrStored: {stored.UTC().Format(time.RFC3339Nano)},
	}
	return m
}

// publishCopies stores copies, all or none, in their order. When the server's answer is lost, it tells by their ids that it has
// them.
func (b *Bus) publishCopies(ctx context.Context, what string, copies []*message) error {
	if err := b.ensureReplay(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	l, err := newLine(b.nc, ReplayName, b.closed)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer l.close()
	err = retry(ctx, what, func(context.Context) error {
		_, err := l.publishBatch(copies)
		if isAPI(err, codeDuplicateInBatch) {
			return nil
		}
		return err
	})
	if errors.Is(err, nats.ErrMaxPayload) || isAPI(err, codeMessageTooLarge) {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return err
}

// ensureReplay makes the stream of copies. Only processes with sinks, and commands about them, need it.
func (b *Bus) ensureReplay(ctx context.Context) error {
	return retry(ctx, "set up "+ReplayName, func(ctx context.Context) error {
		return ensureStream(ctx, b.js, replayStream(b.settings))
	})
}

// sinkConsumer returns the consumer of a sink, or an error that is [ErrNotFound].
func (b *Bus) sinkConsumer(ctx context.Context, sink string) (*jetstream.ConsumerInfo, error) {
	if !isToken(sink) {
		return nil, fmt.Errorf("%w: the sink's name %q is not of [A-Za-z0-9_-]", ErrInvalid, sink)
	}
	var info *jetstream.ConsumerInfo
	err := retry(ctx, "look for sink "+sink, func(ctx context.Context) error {
		var err error
		info, err = b.info(ctx, Name, durable(sink))
		return err
	})
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, fmt.Errorf("sink %s: %w; it is known once callbus run has started it, and callbus sinks list shows those that are", sink, ErrNotFound)
	}
	return info, err
}
