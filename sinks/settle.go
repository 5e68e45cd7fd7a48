package sinks

import (
	"fmt"
	"time"
)

// take takes in what was fetched.
func (p *Pump) take(f fetched, now time.Time) {
	p.fetching = false
	p.ahead.came(len(f.msgs), p.circuit.State == Closed && p.underWay < p.limit)
	if f.err != nil {
		p.stop(fmt.Errorf("fetch what sink %s is to deliver: %w", p.cfg.Name, f.err))
	}
	for _, m := range f.msgs {
		if h := p.held[m.Seq()]; h != nil {
			h.msg = m // it came again though it is in hand: the bus now wants to hear of it by this one
			continue
		}
		p.settle(p.add(m), now)
	}
}

// add takes in a message that is not in hand, and returns its call.
func (p *Pump) add(m Message) *call {
	key := callOf(m.Subject())
	c := p.calls[key]
	if c == nil {
		c = &call{key: key}
		p.calls[key] = c
	}
	if len(c.here) > 0 && m.Seq() < c.here[0].seq {
		p.holdUp(c.here[0])
	}
	h := c.add(m)
	p.held[h.seq] = h
	return c
}

// holdUp takes a message back from those that are to be sent.
func (p *Pump) holdUp(h *held) {
	switch h.phase {
	case ready:
		p.ready, h.phase = remove(p.ready, h, bySeq), queued
	case waiting:
		p.waiting, h.phase = remove(p.waiting, h, byDue), queued
	}
}

// settle decides what becomes of a call, after anything about it has changed.
func (p *Pump) settle(c *call, now time.Time) {
	if !c.busy && c.active == nil && len(c.here) > 0 && c.here[0].phase == queued {
		p.settleFirst(c, now)
	}
	p.count(c)
}

func (p *Pump) settleFirst(c *call, now time.Time) {
	h, wait := c.here[0], c.next.Sub(now)
	switch {
	case c.isBlocked():
		if wait > shortWait || p.still >= mostStill/4 {
			p.park(c, now)
		}
	case c.condemned:
		p.bury(h, fmt.Sprintf("%d events waited for another attempt, and this one longest; the last failure: %s", p.mostParked, h.why))
	case wait <= 0:
		h.phase = ready
		p.ready = insert(p.ready, h, bySeq)
	case wait <= shortWait && p.still < mostStill/4:
		h.phase, h.due = waiting, c.next
		p.waiting = insert(p.waiting, h, byDue)
	default:
		p.park(c, now)
	}
}

// count keeps the pump's sums over its calls, and forgets a call of which nothing is left.
func (p *Pump) count(c *call) {
	still := 0
	if len(c.here) > 0 && c.here[0].phase != ready && (c.active == nil || c.active.phase == closing) {
		still = len(c.here)
	}
	p.still += still - c.still
	c.still = still
	parked := c.keptAway()
	p.parked += parked - c.parked
	c.parked = parked
	retrying := c.kept > 0 || len(c.here) > 0 && c.here[0].phase == waiting
	if retrying != c.retrying {
		c.retrying = retrying
		p.status.retrying(retrying)
	}
	if len(c.here) == 0 && len(c.away) == 0 {
		delete(p.calls, c.key)
	}
}

// forget lets go of the event of a call that is done with, and goes on with the next.
func (p *Pump) forget(h *held, now time.Time) {
	c := h.call
	h.gone.Store(true)
	delete(p.held, h.seq)
	c.here = remove(c.here, h, bySeq)
	c.active, c.next, c.changed = nil, time.Time{}, false
	if h.kept {
		c.kept--
	}
	p.pardon(c)
	p.settle(c, now)
	p.catchUp(p.behind - 1)
}

// catchUp notes how much of what was stored before the pump began is still to be delivered, and tells the sink when that is
// nothing.
func (p *Pump) catchUp(behind int) {
	p.behind = behind
	if p.starter != nil && behind <= 0 {
		p.starter.CaughtUp()
		p.starter = nil
	}
}

func (p *Pump) pardon(c *call) {
	if c.condemned {
		c.condemned = false
		p.condemned--
	}
}

// leave lets go of a message that is given back, for so long.
func (p *Pump) leave(h *held, now time.Time, wait time.Duration) {
	h.gone.Store(true)
	delete(p.held, h.seq)
	h.call.leave(h, now, wait)
}

// park gives back a call whose first event waits, or is away, after it is kept what waits.
//
// What is written down first, and given back then, is safe at every instant: before it is written, the messages are still
// in hand, and come again if the process ends; after it, whoever fetches them knows what comes first.
func (p *Pump) park(c *call, now time.Time) {
	fresh := false
	for _, h := range c.here {
		if !h.kept {
			h.kept, fresh = true, true
			c.kept++
		}
	}
	wait := min(max(c.next.Sub(now), shortWait), longestBack)
	all := make([]back, 0, len(c.here))
	for _, h := range c.here {
		all = append(all, back{h.msg, wait})
	}
	parked := append([]*held(nil), c.here...)
	c.busy = true
	key, text := retryKey(c.key), entryOf(c, p.budget, nil)
	write := fresh || c.changed
	p.do(&chore{
		what: "keep what waits for another attempt",
		do: func(w *writer) error {
			if write {
				if err := w.set(key, text); err != nil {
					return err
				}
			}
			w.backs(all)
			return nil
		},
		then: func(now time.Time) {
			c.busy, c.changed = false, false
			for _, h := range parked {
				p.leave(h, now, wait)
			}
			p.settle(c, now)
			p.makeRoom()
		},
	})
}

// giveBack gives back all that is in hand, in order, once nothing is under way any more: what is still under way may fail
// and be earlier.
func (p *Pump) giveBack(now time.Time) {
	if p.underWay > 0 || p.backing > 0 {
		return
	}
	var backs []back
	var calls []*call
	for _, h := range p.inOrder() {
		if h.call.busy || h.phase == closing {
			continue
		}
		b := h.back(now)
		backs = append(backs, b)
		calls = append(calls, h.call)
		p.leave(h, now, b.after)
	}
	p.ready, p.waiting = p.ready[:0], p.waiting[:0]
	for _, c := range calls {
		p.count(c)
	}
	if len(backs) == 0 {
		return
	}
	p.backing++
	p.do(&chore{
		what: "give back what cannot be delivered now",
		do:   func(w *writer) error { w.backs(backs); return nil },
		then: func(time.Time) { p.backing-- },
	})
}

// back is how h is given back for no fault of its own. Only what an entry names may wait: of the rest, the order in which it
// comes again is all that a next life of the pump knows.
func (h *held) back(now time.Time) back {
	if !h.kept {
		return back{h.msg, 0}
	}
	return back{h.msg, min(max(h.call.next.Sub(now), 0), longestBack)}
}
