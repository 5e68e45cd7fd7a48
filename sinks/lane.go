package sinks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/callbus/callbus/events"
)

// A job is one attempt.
type job struct {
	*held
	msg     Message
	number  uint64
	attempt int
	note    bool // that it is delivered; else the pump does so
}

// A result is what came of a job.
type result struct {
	*held
	err   error // of the delivery
	noted bool
	cut   bool // it was broken off, or not begun, because the pump stops or sends nothing more
}

// errRecalled is what came of a job that was not begun.
var errRecalled = errors.New("recalled")

// errUnreadable is wrapped by what is wrong with a stored event that cannot be read.
var errUnreadable = errors.New("the stored event cannot be read")

// lane delivers one event after another.
func (p *Pump) lane() {
	work, over := context.WithCancel(p.work) // of its own: what each delivery hangs on it does not meet that of other lanes
	defer over()
	for j := range p.jobs {
		if j.number <= p.recalled.Load() {
			p.results <- result{held: j.held, err: errRecalled, cut: true}
			continue
		}
		p.results <- p.tryOnce(work, j)
	}
}

// tryOnce makes one attempt, and has it noted when the event is delivered.
func (p *Pump) tryOnce(work context.Context, j job) result {
	r := result{held: j.held}
	r.err = p.deliver(work, j)
	r.cut = r.err != nil && p.work.Err() != nil
	if r.err == nil && j.note {
		err := withTimeout(p.bus, j.msg.Done)
		if r.noted = err == nil; !r.noted {
			p.cfg.Log.Debug("an event was delivered, but the bus did not note it; it is told again", "seq", j.seq, "error", err)
		}
	}
	return r
}

func (p *Pump) deliver(ctx context.Context, j job) error {
	body := j.msg.Body()
	e, err := p.read(body)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	ctx, span := p.begin(ctx, e, j.attempt)
	err = p.attempt(ctx, j, Delivery{Event: e, Body: body, Attempt: j.attempt})
	p.end(span, err)
	return err
}

// attempt has the sink deliver d.
func (p *Pump) attempt(ctx context.Context, j job, d Delivery) (err error) {
	defer func() {
		if x := recover(); x != nil { // one event must not take the whole program down, again and again
			p.cfg.Log.Error("the sink panicked; this is a fault of callbus", "seq", j.seq, "stack", string(debug.Stack()))
			err = &Error{Fault: OfEvent, Err: errors.New("the sink panicked; the log has more")}
		}
	}()
	if p.cfg.Attempted != nil {
		began := time.Now()
		defer func() { p.cfg.Attempted(time.Since(began)) }()
	}
	return p.cfg.Sink.Deliver(ctx, d)
}

// reader returns what reads stored events for s.
func reader(s Sink) func([]byte) (events.Event, error) {
	if _, ok := s.(Carrier); ok {
		return events.ParseEnvelope
	}
	return events.Parse
}

// fetched is what a Fetch returned.
type fetched struct {
	msgs []Message
	err  error
}

// fetcher fetches as many messages as it is asked for, until ctx is done.
func (p *Pump) fetcher(ctx context.Context) {
	for n := range p.asks {
		msgs, err := p.cfg.Backlog.Fetch(ctx, n)
		if ctx.Err() != nil {
			err = nil
		}
		p.fetched <- fetched{msgs, err}
	}
}

// A keeping is a message in hand, and whether it still is.
type keeping struct {
	msg  Message
	seq  uint64
	gone *atomic.Bool
}

// keeper says that what it is given is still being worked on.
func (p *Pump) keeper() {
	for all := range p.keep {
		for _, k := range all {
			if k.gone.Load() {
				continue
			}
			if err := withTimeout(p.bus, k.msg.Working); err != nil && p.bus.Err() == nil {
				p.cfg.Log.Debug("the bus did not note that an event is still being worked on; it may come again", "seq", k.seq, "error", err)
			}
		}
	}
}

// keepHeld has the keeper see to all that is in hand, unless it is still at it.
func (p *Pump) keepHeld() {
	all := make([]keeping, 0, len(p.held))
	for _, h := range p.held {
		all = append(all, keeping{h.msg, h.seq, &h.gone})
	}
	slices.SortFunc(all, func(a, b keeping) int { return cmp.Compare(a.seq, b.seq) })
	select {
	case p.keep <- all:
	default:
	}
}
