package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
)

// A Filter says which events to read. The zero Filter is all.
type Filter struct {
	Account string
	Call    string // its id: the events about one call
	Types   []events.Type
	Since   time.Time // stored at or after; zero: all (Events), only new ones (Follow)
}

// An UnreadableError says that the message at Seq is not an event that this build of callbus can read. Reading goes on after it.
type UnreadableError struct {
	Subject string
	Seq     uint64
	Cause   error
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("read message %d of %s: %v", e.Seq, e.Subject, e.Cause)
}

// Unwrap returns the cause.
func (e *UnreadableError) Unwrap() error { return e.Cause }

// Events returns the events that are stored now, in the order of the stream, and ends. A server that is away is waited for until
// ctx is done. An [UnreadableError] concerns one message, and the loop may go on; any other error is the last.
func (b *Bus) Events(ctx context.Context, f Filter) iter.Seq2[events.Event, error] {
	return readEvents(ctx, b.reader(f))
}

// Follow returns the events from f.Since on, or those stored after the call of Follow, and goes on until ctx is done, which
// ends it without an error. As with Events, only an [UnreadableError] may be followed by more.
func (b *Bus) Follow(ctx context.Context, f Filter) iter.Seq2[events.Event, error] {
	r := b.reader(f)
	r.follow = true
	if f.Since.IsZero() {
		r.fromEnd(ctx)
	}
	return readEvents(ctx, r)
}

func readEvents(ctx context.Context, r reader) iter.Seq2[events.Event, error] {
	return func(yield func(events.Event, error) bool) {
		for m, err := range r.messages(ctx) {
			if err != nil {
				yield(events.Event{}, err)
				return
			}
			e, err := events.Parse(m.Data())
			if err != nil {
				err = &UnreadableError{Subject: m.Subject(), Seq: m.seq, Cause: err}
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (b *Bus) reader(f Filter) reader {
	return reader{js: b.js, stream: Name, filters: f.subjects(), since: f.Since}
}

// subjects returns the subjects of the events that f lets through.
func (f Filter) subjects() []string {
	account, rest := f.Account, ".>"
	if f.Call != "" {
		rest = "." + f.Call
	}
	if account == "" {
		if len(f.Types) == 0 && f.Call == "" {
			return nil
		}
		account = "*"
	}
	if len(f.Types) == 0 && f.Call != "" {
		return []string{"call.*." + account + rest}
	}
	if len(f.Types) == 0 {
		return []string{"call.*." + account + ".>", "callback.*." + account + ".>", "source.*.*." + account + ".>"}
	}
	var out []string
	for _, t := range f.Types {
		out = append(out, string(t)+"."+account+rest)
	}
	slices.Sort(out)
	return slices.Compact(out) // the server refuses one that is there twice
}

// A reader reads a stream in order, through a consumer of its own, which it makes anew from where it was whenever something goes wrong.
type reader struct {
	js      jetstream.JetStream
	stream  string
	filters []string
	since   time.Time
	next    uint64 // the sequence to go on from; 0: as since says
	follow  bool
	failed  error // of fromEnd
}

// A stored message knows its sequence.
type stored struct {
	jetstream.Msg
	seq uint64
}

// fromEnd lets the reader begin after what is stored now. That is settled at once, not at the first message, so that a server
// that restarts in between makes no gap.
func (r *reader) fromEnd(ctx context.Context) {
	r.failed = retry(ctx, "find the end of the stream", func(ctx context.Context) error {
		s, err := r.js.Stream(ctx, r.stream)
		if err == nil {
			r.next = s.CachedInfo().State.LastSeq + 1
		}
		return err
	})
}

// messages reads until ctx is done, or, unless it follows, until all is read that was stored when it began.
func (r reader) messages(ctx context.Context) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		last, err := uint64(0), r.failed
		if !r.follow {
			last, err = r.last(ctx)
			if err == nil && last == 0 {
				return
			}
		}
		for err == nil {
			var ended bool
			if ended, err = r.pass(ctx, last, yield); ended {
				return
			}
			if err == nil || isLasting(err) {
				continue
			}
			err = pauseReading(ctx, err)
		}
		if r.follow && ctx.Err() != nil {
			return
		}
		yield(stored{}, fmt.Errorf("read %s: %w", r.stream, err))
	}
}

// readPause is how long a reader waits before it makes its consumer anew.
const readPause = 250 * time.Millisecond

func pauseReading(ctx context.Context, trouble error) error {
	t := time.NewTimer(readPause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w; the last trouble was: %w", context.Cause(ctx), trouble)
	}
}

// Consumers of readers: the server forgets one that nobody pulls from, and tells a reader within two heartbeats that it is gone.
const (
	readHeartbeat = time.Second
	readExpiry    = 10 * time.Second
	readForgotten = time.Minute
	readAhead     = 1000 // messages
)

// pass reads through one consumer. It ends when all is read or yield wants no more; an error asks for another pass.
func (r *reader) pass(ctx context.Context, last uint64, yield func(stored, error) bool) (ended bool, err error) {
	c, err := r.consumer(ctx)
	if err != nil {
		return false, err
	}
	defer r.forget(c)
	it, err := c.Messages(jetstream.PullMaxMessages(readAhead), jetstream.PullExpiry(readExpiry),
		jetstream.PullHeartbeat(readHeartbeat), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return false, err
	}
	defer it.Stop()
	pending := c.CachedInfo().NumPending
	for n := uint64(1); ; n++ {
		if !r.follow && pending == 0 {
			if last, err = r.last(ctx); err != nil || last < r.next || last == 0 {
				return err == nil, err
			}
		}
		m, meta, err := nextMessage(ctx, it, !r.follow && pending == 0)
		if err != nil {
			return false, err
		}
		if meta == nil { // nothing came, look again
			n--
			continue
		}
		if meta.Sequence.Consumer != n {
			return false, errGap
		}
		seq := meta.Sequence.Stream
		if !r.follow && seq > last {
			return true, nil
		}
		r.next, pending = seq+1, meta.NumPending
		if !yield(stored{m, seq}, nil) || !r.follow && seq >= last {
			return true, nil
		}
	}
}

var errGap = errors.New("a message was lost on its way")

// nextMessage waits for the next message; if impatient, for a second only.
func nextMessage(ctx context.Context, it jetstream.MessagesContext, impatient bool) (jetstream.Msg, *jetstream.MsgMetadata, error) {
	opt := jetstream.NextContext(ctx)
	if impatient {
		opt = jetstream.NextMaxWait(time.Second)
	}
	m, err := it.Next(opt)
	if impatient && errors.Is(err, nats.ErrTimeout) {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		return nil, nil, err
	}
	meta, err := m.Metadata()
	return m, meta, err
}

func (r *reader) consumer(ctx context.Context) (jetstream.Consumer, error) {
	c := jetstream.ConsumerConfig{
		FilterSubjects:    r.filters,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: readForgotten,
	}
	switch {
	case r.next > 0:
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, r.next
	case !r.since.IsZero():
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &r.since
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return r.js.CreateConsumer(ctx, r.stream, c)
}

// forget deletes the consumer, for tidiness: the server does it by itself after readForgotten.
func (r *reader) forget(c jetstream.Consumer) {
	if !r.js.Conn().IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.js.DeleteConsumer(ctx, r.stream, c.CachedInfo().Name)
}

// last returns the sequence of the last message that the filters and since let through, as the stream's leader knows it; 0 if
// there is none.
func (r *reader) last(ctx context.Context) (uint64, error) {
	filters := r.filters
	if len(filters) == 0 {
		filters = []string{">"}
	}
	var last uint64
	err := retry(ctx, "find the end of the stream", func(ctx context.Context) error {
		last = 0
		for _, f := range filters {
			seq, at, err := lastOn(ctx, r.js.Conn(), r.stream, f)
			if err != nil {
				return err
			}
			if !at.Before(r.since) {
				last = max(last, seq)
			}
		}
		return nil
	})
	return last, err
}
