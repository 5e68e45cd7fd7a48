package sinks

import (
	"context"
	"time"
)

// A chore is something to be said to the backlog that may take its time. One is done after another, in the order in which
// they were given, and again from its beginning until it succeeds; a word that is repeated does no harm.
type chore struct {
	what string // for the log
	do   func(w *writer) error
	then func(now time.Time) // by the pump, when it is done
	once bool                // it is not done again
	of   *held               // whose message is the writer's; nil for none
	msg  Message
	err  error
}

// do has a chore done.
func (p *Pump) do(c *chore) { p.chores = append(p.chores, c) }

// write hands the clerk its next chore.
func (p *Pump) write(now time.Time) {
	if p.writing || p.late || len(p.chores) == 0 || now.Before(p.restTill) {
		return
	}
	c := p.chores[0]
	p.chores = p.chores[1:]
	p.writing = true
	if c.of != nil {
		c.msg = c.of.msg
	}
	p.todo <- c
}

func (p *Pump) clerk() {
	for c := range p.todo {
		c.err = c.do(&writer{p.bus, p, c.msg})
		p.done <- c
	}
}

// written takes a chore back from the clerk.
func (p *Pump) written(c *chore, now time.Time) {
	p.writing = false
	if c.err == nil || c.once {
		c.then(now)
		return
	}
	p.chores = append(p.chores, c) // behind the others, which may fare better
	p.restTill = now.Add(choreRest)
	if p.bus.Err() == nil {
		p.cfg.Log.Warn("the bus does not take what it should keep; it is told again", "what", c.what, "error", c.err)
	}
}

// A writer says one thing to the backlog at a time, each in a bounded time.
type writer struct {
	ctx context.Context
	*Pump
	msg Message
}

func (w *writer) set(key string, text []byte) error {
	return withTimeout(w.ctx, func(ctx context.Context) error { return w.cfg.Backlog.SetState(ctx, key, text) })
}

func (w *writer) bury(d Dead) error {
	return withTimeout(w.ctx, func(ctx context.Context) error { return w.cfg.Backlog.Bury(ctx, d) })
}

func (w *writer) isDone() error { return withTimeout(w.ctx, w.msg.Done) }

// A back is a message that is given back, for so long.
type back struct {
	msg   Message
	after time.Duration
}

// backs gives back messages, in order. It ends where the bus does not take one: that comes again by itself, with those
// after it, and in order. Without that, a later event could come before an earlier one.
func (w *writer) backs(all []back) {
	for _, b := range all {
		if err := withTimeout(w.ctx, func(ctx context.Context) error { return b.msg.Back(ctx, b.after) }); err != nil {
			w.cfg.Log.Debug("the bus did not take a message back; it comes again by itself", "seq", b.msg.Seq(), "error", err)
			return
		}
	}
}
