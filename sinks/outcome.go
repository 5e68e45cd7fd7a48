package sinks

import (
	"errors"
	"time"
)

// finishAll takes r back from its lane, and what has come from others meanwhile.
func (p *Pump) finishAll(r result, now time.Time) {
	for {
		p.finish(r, now)
		select {
		case r = <-p.results:
		default:
			return
		}
	}
}

// finish takes a message back from a lane.
func (p *Pump) finish(r result, now time.Time) {
	h := r.held
	p.underWay--
	switch {
	case r.err == nil:
		p.delivered(r, now)
	case r.cut: // that is no failure
		p.again(h, now)
	case errors.Is(r.err, errUnreadable):
		p.bury(h, r.err.Error())
	default:
		p.failed(h, asError(r.err), now)
	}
}

// again puts a message back into its place, to be tried when the circuit and its call's wait allow.
func (p *Pump) again(h *held, now time.Time) {
	h.phase, h.call.active = queued, nil
	p.settle(h.call, now)
}

func (p *Pump) delivered(r result, now time.Time) {
	before := p.circuit
	p.made++
	p.status.delivered(now)
	p.streak = p.streak.delivered()
	switch p.turn(p.circuit.closed(now), now); {
	case before.State == Half:
		p.limit = 1
		p.budget = p.budget.delivered(now)
	case before.State == Closed:
		p.limit = min(p.limit+1, p.cfg.Lanes)
		p.budget = p.budget.delivered(now)
	}
	if r.noted {
		p.forget(r.held, now)
		return
	}
	p.close(r.held, "note that an event was delivered", nil)
}

// close has it noted that nothing is more to be done with h, after it is buried, if it is. What is kept of its call goes
// first: if the process ends between the two, h comes again and is delivered again, but nothing waits for it.
func (p *Pump) close(h *held, what string, dead *Dead) {
	c := h.call
	h.phase, c.active = closing, h
	p.count(c)
	key := ""
	var text []byte
	if h.kept {
		key, text = retryKey(c.key), entryOf(c, p.budget, h)
	}
	p.do(&chore{
		what: what, of: h,
		do: func(w *writer) error {
			if dead != nil {
				if err := w.bury(*dead); err != nil {
					return err
				}
			}
			if key != "" {
				if err := w.set(key, text); err != nil {
					return err
				}
			}
			return w.isDone()
		},
		then: func(now time.Time) {
			if dead != nil {
				p.status.buried()
			}
			p.forget(h, now)
		},
	})
}

// failed decides what a failure means, for the endpoint and for the event.
func (p *Pump) failed(h *held, e *Error, now time.Time) {
	p.status.failed(now, e)
	h.tries = h.tries.failed(now, e, p.budget, p.made)
	h.call.changed = true
	var enough Fault
	if p.circuit.State == Closed && !h.sure {
		if p.streak = p.streak.with(h.seq, e.Fault == OfEvent); len(p.streak.failed) == 1 {
			p.recall() // an endpoint that is down is to be found so soon, and by few
		}
		enough = p.streak.enough(p.underWay)
	}
	if p.circuit.State == Closed && e.Fault == Passing {
		p.limit = max(1, p.limit*9/10)
	}
	if p.turn(p.circuit.failed(now, e, enough), now); p.circuit.State != Closed {
		h.call.next = time.Time{} // it is not the event's fault: it goes when others go
		p.again(h, now)
		return
	}
	h.own++
	v := h.judge(p.cfg.Name, h.seq, e, p.budget.spent(h.tries), p.cfg.GiveUpAfter)
	if v.bury != "" {
		p.bury(h, v.bury)
		return
	}
	p.cfg.Log.Debug("an event was not delivered; it is tried again", "seq", h.seq, "attempt", h.n, "wait", v.wait, "error", e)
	h.call.next = now.Add(v.wait)
	p.again(h, now)
}

// bury gives h up.
func (p *Pump) bury(h *held, why string) {
	p.cfg.Log.Warn("an event is given up and put into the dead letters; see callbus dead", "seq", h.seq, "attempts", h.n, "reason", why)
	p.close(h, "put an event into the dead letters", &Dead{
		Sink: p.cfg.Name, Subject: h.msg.Subject(), Seq: h.seq, Body: h.msg.Body(), Reason: why,
		Status: h.status, Snippet: h.snippet, Attempts: h.n, First: h.first, Last: h.last,
	})
}

// turn takes up what becomes of the circuit.
func (p *Pump) turn(c circuit, now time.Time) {
	before := p.circuit
	if c == before {
		return
	}
	p.circuit, p.unsaved = c, true
	if c.State == Closed && before.State == Half {
		p.limit = 1
	}
	if c.State != Closed {
		p.budget = p.budget.opened()
		p.streak.failed, p.streak.refused = p.streak.failed[:0], 0
	}
	p.sayTurn(before, now)
}

// save has the circuit kept. That it is half-open need not be: after a restart it is again.
func (p *Pump) save() {
	if !p.unsaved || p.saving || p.late {
		return
	}
	p.unsaved, p.saving = false, true
	text := p.circuit.text()
	p.do(&chore{
		what: "keep whether the endpoint is left alone",
		do:   func(w *writer) error { return w.set(CircuitKey, text) },
		then: func(time.Time) { p.saving = false },
	})
}
