package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/sinks"
)

// Fetch is [sinks.Backlog.Fetch]. It gives at most 1024 messages, and never asks the server for more than n and one copy. The
// error wraps [ErrClosed], or the cause of ctx's end.
func (l *Backlog) Fetch(ctx context.Context, n int) ([]sinks.Message, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = max(1, min(n, mostFetched))
	for {
		out, err := l.fetch(ctx, n)
		switch {
		case len(out) > 0:
			l.position.handed += len(out)
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("fetch what sink %s is to deliver: %w", l.config.Sink, err)
		}
	}
}

// fetch goes one round: what there is, or, when there is nothing, a wait for something. An error is the last.
func (l *Backlog) fetch(ctx context.Context, n int) ([]sinks.Message, error) {
	if err := l.over(ctx); err != nil {
		return nil, err
	}
	if len(l.status) > 0 {
		s, ok := <-l.status
		l.reconnected(s, ok)
	}
	if err := l.attach(ctx); err != nil {
		return nil, err
	}
	l.warnShared(l.live)
	l.keepPosition(ctx)
	out, err := l.copiesDue(ctx, n)
	if err != nil {
		return out, err
	}
	out, err = l.collect(ctx, l.live, n, out)
	if live := countEvents(out); live > 0 || err != nil {
		l.turn.events(live)
		return out, err
	}
	if l.copies.more || len(l.copies.came) > 0 || l.given.first(true) != nil { // nothing else to do
		if out, err = l.collect(ctx, l.copies, n, out); err != nil {
			return out, err
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, l.await(ctx, n)
}

// copiesDue hands over the copies whose turn it is, though there may be events. Where none is known, one request waits for the
// first, and nothing else does.
func (l *Backlog) copiesDue(ctx context.Context, n int) ([]sinks.Message, error) {
	q, due := l.copies, l.turn.due(n)
	err := q.drain()
	if err == nil && q.attached && !q.request.open && len(q.came) == 0 && !q.more {
		err = q.ask(1, true)
	}
	if err != nil {
		l.detach(q, err)
	}
	if due == 0 || !q.more && len(q.came) == 0 && l.given.first(true) == nil {
		return nil, nil
	}
	out, err := l.collect(ctx, q, due, nil)
	l.turn.copies(len(out))
	return out, err
}

// countEvents returns how many of out are no copies.
func countEvents(out []sinks.Message) int {
	n := 0
	for _, m := range out {
		if !m.(*delivery).slot.copied {
			n++
		}
	}
	return n
}

// collect hands over what came, up to n messages with those of out, and what there is besides.
func (l *Backlog) collect(ctx context.Context, q *queue, n int, out []sinks.Message) ([]sinks.Message, error) {
	if err := q.drain(); err != nil {
		l.detach(q, err)
	}
	if out = l.hand(q, n, out); len(out) >= n || len(q.came) > 0 || q.idle() || !q.attached {
		return out, nil
	}
	if !q.copied && l.ledger.pending() >= maxAckPending {
		return out, nil // the server lets nothing new through and would not answer
	}
	err := q.pull(ctx, l.bus.closed, n-len(out))
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
		l.detach(q, err)
		err = nil
	}
	return l.hand(q, n, out), err
}

// hand moves what was given back, and what came, to out, up to n messages in all, unless one of them has to wait.
func (l *Backlog) hand(q *queue, n int, out []sinks.Message) []sinks.Message {
	for len(out) < n {
		d := l.given.first(q.copied)
		if d == nil {
			break
		}
		v := l.admit(d, time.Time{})
		if v == wait {
			return out
		}
		l.given.drop(d)
		if v == handOver {
			out = append(out, d)
		}
	}
	for len(q.came) > 0 && len(out) < n {
		a := q.came[0]
		d, v := l.judge(q, a)
		if v == wait {
			return out
		}
		q.came[0] = arrival{}
		q.came = q.came[1:]
		if v == handOver {
			out = append(out, d)
		}
	}
	return out
}

// judge decides about what came.
func (l *Backlog) judge(q *queue, a arrival) (*delivery, verdict) {
	d, ok := l.delivery(q, a)
	if !ok {
		return nil, ignore
	}
	if q.copied || l.wanted.lets(d.subject, d.seq) {
		return d, l.admit(d, a.at)
	}
	if !anyCovers(l.wanted.filters, d.subject) && q.since.Before(a.at) {
		l.detach(q, errFilters) // they may have been changed since they were read
		return d, wait
	}
	l.acknowledge(d)
	return d, ignore
}

var errFilters = errors.New("an event came that no filter lets through")

// admit decides whether d is handed over, and tells the server what it should know about it.
func (l *Backlog) admit(d *delivery, came time.Time) verdict {
	now := time.Now()
	v, early := l.ledger.admit(d.slot, d.seq, now)
	switch v {
	case doneAgain:
		l.acknowledge(d)
	case notYet:
		_ = d.answer(notAcknowledged(early)) // if it is lost, the message comes again all the same
	case handOver:
		if now.Sub(came) > sinks.MessageWait/4 {
			_ = d.answer(inProgress) // its time began when it came
		}
	}
	return v
}

func (l *Backlog) acknowledge(d *delivery) { _ = d.answer(acknowledged) }

// await waits until something comes, or something is wrong.
func (l *Backlog) await(ctx context.Context, n int) error {
	for _, q := range []*queue{l.live, l.copies} {
		if q.copied {
			n = 1
		}
		if !q.attached || q.request.open || len(q.came) > 0 {
			continue
		}
		if err := q.ask(n, true); err != nil {
			l.detach(q, err)
			return l.over(ctx)
		}
	}
	t := time.NewTimer(silenceAfter)
	defer t.Stop()
	select {
	case m := <-l.live.arrivals:
		l.came(l.live, m)
	case m := <-l.copies.arrivals:
		l.came(l.copies, m)
	case <-l.ledger.freed:
	case s, ok := <-l.status:
		l.reconnected(s, ok)
	case <-l.bus.closed:
	case <-ctx.Done():
	case <-t.C:
	}
	now := time.Now()
	for _, q := range []*queue{l.live, l.copies} {
		if err := q.overdue(now); err != nil {
			l.detach(q, err)
		}
	}
	return l.over(ctx)
}

func (l *Backlog) came(q *queue, m *nats.Msg) {
	err := q.take(m)
	if err = cmp.Or(err, q.drain()); err != nil {
		l.detach(q, err)
	}
}

func (l *Backlog) reconnected(s nats.Status, ok bool) {
	if ok && s == nats.CONNECTED {
		l.detach(l.live, errReconnected)
		l.detach(l.copies, errReconnected)
	}
}

// over returns why nothing more can be fetched.
func (l *Backlog) over(ctx context.Context) error {
	select {
	case <-l.bus.closed:
		return ErrClosed
	default:
	}
	if l.bus.nc.IsClosed() {
		return fmt.Errorf("%w: %w", ErrClosed, nats.ErrConnectionClosed)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// A turn says when it is the copies' turn: after nine events, and no more than a tenth at a time. Turns that no copy took do
// not add up.
type turn struct{ since int }

const copyEvery = 10

func (t *turn) due(n int) int { return min((n+copyEvery-1)/copyEvery, t.since/(copyEvery-1)) }
func (t *turn) events(n int)  { t.since = min(t.since+n, n+copyEvery-1) }
func (t *turn) copies(n int)  { t.since = max(0, t.since-n*(copyEvery-1)) }
