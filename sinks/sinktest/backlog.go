package sinktest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/callbus/callbus/sinks"
)

// Op is something that a pump asks of its backlog.
type Op string

const (
	Fetch    Op = "fetch"
	Done     Op = "done"
	Back     Op = "back"
	Working  Op = "working"
	Bury     Op = "bury"
	SetState Op = "set state"
	State    Op = "state"
	Size     Op = "size"
)

// Fault is what goes wrong with an Op.
type Fault int

const (
	None    Fault = iota
	Refused       // it is not done, and an error says so
	Lost          // it is not done, and nothing says so
	Unheard       // it is done, but an error comes back
)

var (
	// ErrFault is the error of an op that a fault befell.
	ErrFault = errors.New("the bus is in trouble")
	// ErrKilled is the error of every op of a process that was killed.
	ErrKilled = errors.New("this process was killed")
	// ErrClosed is the error of Fetch after Close.
	ErrClosed = errors.New("the bus is closed")
)

// Backlog is a backlog in memory, as one process sees it. It keeps the rules of [sinks.Backlog]: a message that was fetched
// comes again sinks.MessageWait after the last word about it, and what was given back comes first.
type Backlog struct {
	*store
	killed chan struct{}
	once   *sync.Once
}

// store is what all processes see.
type store struct {
	mu      sync.Mutex
	changed chan struct{}
	next    uint64
	fresh   []*message          // never fetched, in order
	out     map[uint64]*message // fetched and not done
	soonest time.Time           // no message of out is due before
	state   map[string][]byte
	dead    map[uint64]sinks.Dead
	fault   func(op Op, seq uint64) Fault
	closed  bool
}

type message struct {
	seq     uint64
	subject string
	body    []byte
	stored  time.Time
	due     time.Time // when it comes again
	back    bool      // it was given back
}

// NewBacklog returns an empty backlog.
func NewBacklog() *Backlog {
	s := &store{changed: make(chan struct{}), out: map[uint64]*message{}, state: map[string][]byte{}, dead: map[uint64]sinks.Dead{}}
	return s.process()
}

func (s *store) process() *Backlog {
	return &Backlog{store: s, killed: make(chan struct{}), once: new(sync.Once)}
}

// Store stores a message, and returns its sequence.
func (b *Backlog) Store(subject string, body []byte) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	b.fresh = append(b.fresh, &message{seq: b.next, subject: subject, body: body, stored: time.Now()})
	b.wake()
	return b.next
}

// Faulty has f say what goes wrong with each op, before it is done. seq is 0 where the op is about no message. f may call
// Kill.
func (b *Backlog) Faulty(f func(op Op, seq uint64) Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// Kill cuts this process off, at once: what it says from now on is not heard, and what it had in hand comes again when its
// time is over.
func (b *Backlog) Kill() { b.once.Do(func() { close(b.killed) }) }

// Reopen returns the backlog as the next process sees it: what the one before had in hand comes first.
func (b *Backlog) Reopen() *Backlog {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.out {
		if !m.back {
			m.due, b.soonest = time.Now(), time.Time{}
		}
	}
	return b.process()
}

// Close ends every Fetch, for good.
func (b *Backlog) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.wake()
}

// Expire drops what was stored before t, as a stream does with what is too old, and returns how much that was.
func (b *Backlog) Expire(t time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.fresh) + len(b.out)
	b.fresh = slices.DeleteFunc(b.fresh, func(m *message) bool { return m.stored.Before(t) })
	maps.DeleteFunc(b.out, func(_ uint64, m *message) bool { return m.stored.Before(t) })
	return before - len(b.fresh) - len(b.out)
}

// Dead returns the dead letters, in order.
func (b *Backlog) Dead() []sinks.Dead {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.dead), func(a, b sinks.Dead) int { return cmp.Compare(a.Seq, b.Seq) })
}

// Left returns the sequences of what is not done, in order.
func (b *Backlog) Left() []uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Collect(maps.Keys(b.out))
	for _, m := range b.fresh {
		all = append(all, m.seq)
	}
	slices.Sort(all)
	return all
}

func (s *store) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// begin tells whether an op is done, and which error it has.
func (b *Backlog) begin(op Op, seq uint64) (do bool, err error) {
	b.mu.Lock()
	fault := b.fault
	b.mu.Unlock()
	what := None
	if fault != nil {
		what = fault(op, seq)
	}
	select {
	case <-b.killed:
		return false, ErrKilled
	default:
	}
	switch what {
	case Refused:
		return false, fmt.Errorf("%s: %w", op, ErrFault)
	case Lost:
		return false, nil
	case Unheard:
		return true, fmt.Errorf("%s: %w", op, ErrFault)
	}
	return true, nil
}

// Fetch implements sinks.Backlog.
func (b *Backlog) Fetch(ctx context.Context, n int) ([]sinks.Message, error) {
	if _, err := b.begin(Fetch, 0); err != nil && !errors.Is(err, ErrFault) { // a Fetch waits trouble out
		return nil, err
	}
	for {
		msgs, again, changed, err := b.take(ctx, n)
		if len(msgs) > 0 || err != nil {
			return msgs, err
		}
		if err := b.wait(ctx, again, changed); err != nil {
			return nil, err
		}
	}
}

func (b *Backlog) wait(ctx context.Context, again time.Duration, changed <-chan struct{}) error {
	var later <-chan time.Time
	if again > 0 {
		t := time.NewTimer(again)
		defer t.Stop()
		later = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.killed:
		return ErrKilled
	case <-changed:
	case <-later:
	}
	return nil
}

// take returns what is to be delivered, or after which time something may be, 0 for never.
func (b *Backlog) take(ctx context.Context, n int) ([]sinks.Message, time.Duration, <-chan struct{}, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, 0, nil, ErrClosed
	}
	if ctx.Err() != nil {
		return nil, 0, nil, ctx.Err()
	}
	now := time.Now()
	all := b.dueAgain(now)
	if len(all) < n {
		fresh := min(n-len(all), len(b.fresh))
		all = append(all, b.fresh[:fresh]...)
		b.fresh = b.fresh[fresh:]
	}
	all = all[:min(n, len(all))]
	msgs := make([]sinks.Message, len(all))
	for i, m := range all {
		m.due, m.back = now.Add(sinks.MessageWait), false
		b.out[m.seq] = m
		msgs[i] = handle{m, b}
	}
	again := time.Duration(0)
	if len(b.out) > 0 {
		b.soonest = now.Add(sinks.MessageWait)
		for _, m := range b.out {
			if m.due.Before(b.soonest) {
				b.soonest = m.due
			}
		}
		again = max(b.soonest.Sub(now), time.Nanosecond)
	}
	return msgs, again, b.changed, nil
}

// dueAgain returns what comes again, in order.
func (b *Backlog) dueAgain(now time.Time) []*message {
	var all []*message
	if now.Before(b.soonest) {
		return nil
	}
	for _, m := range b.out {
		if !m.due.After(now) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *message) int { return cmp.Compare(a.seq, b.seq) })
	return all
}

// Size implements sinks.Backlog.
func (b *Backlog) Size(context.Context) (int, time.Time, error) {
	if _, err := b.begin(Size, 0); err != nil {
		return 0, time.Time{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var oldest time.Time
	if len(b.fresh) > 0 {
		oldest = b.fresh[0].stored
	}
	for _, m := range b.out {
		if oldest.IsZero() || m.stored.Before(oldest) {
			oldest = m.stored
		}
	}
	return len(b.fresh) + len(b.out), oldest, nil
}

// Bury implements sinks.Backlog.
func (b *Backlog) Bury(_ context.Context, d sinks.Dead) error {
	do, err := b.begin(Bury, d.Seq)
	if do {
		b.mu.Lock()
		defer b.mu.Unlock()
		if _, is := b.dead[d.Seq]; !is {
			b.dead[d.Seq] = d
		}
	}
	return err
}

// State implements sinks.Backlog.
func (b *Backlog) State(context.Context) (map[string][]byte, error) {
	if _, err := b.begin(State, 0); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.state), nil
}

// SetState implements sinks.Backlog.
func (b *Backlog) SetState(_ context.Context, key string, value []byte) error {
	if !keyIsFit(key) {
		return fmt.Errorf("%q is no key", key)
	}
	do, err := b.begin(SetState, 0)
	if do {
		b.mu.Lock()
		defer b.mu.Unlock()
		if value == nil {
			delete(b.state, key)
		} else {
			b.state[key] = bytes.Clone(value)
		}
	}
	return err
}

func keyIsFit(key string) bool {
	for _, part := range bytes.Split([]byte(key), []byte(".")) {
		if len(part) == 0 || bytes.ContainsFunc(part, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
		}) {
			return false
		}
	}
	return true
}

// handle is a message as one process has fetched it.
type handle struct {
	*message
	by *Backlog
}

func (h handle) Body() []byte      { return h.body }
func (h handle) Subject() string   { return h.subject }
func (h handle) Seq() uint64       { return h.seq }
func (h handle) Stored() time.Time { return h.stored }

func (h handle) Done(context.Context) error {
	do, err := h.by.begin(Done, h.seq)
	if do {
		h.by.mu.Lock()
		defer h.by.mu.Unlock()
		delete(h.by.out, h.seq)
	}
	return err
}

func (h handle) Back(_ context.Context, after time.Duration) error {
	return h.again(Back, max(after, 0))
}

func (h handle) Working(context.Context) error { return h.again(Working, sinks.MessageWait) }

func (h handle) again(op Op, after time.Duration) error {
	do, err := h.by.begin(op, h.seq)
	if do {
		h.by.mu.Lock()
		defer h.by.mu.Unlock()
		if h.by.out[h.seq] == h.message {
			h.due, h.back = time.Now().Add(after), op == Back
			if h.due.Before(h.by.soonest) {
				h.by.soonest = h.due
				h.by.wake()
			}
		}
	}
	return err
}
