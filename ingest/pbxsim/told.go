package pbxsim

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// told returns c as its record tells of it at t: c itself, or, until the record is corrected, a call that had another
// outcome.
func (r record) told(c *Call, t time.Time) *Call {
	said := r.outcome(c, t)
	if said == c.Outcome {
		return c
	}
	h := *c
	h.Rings = slices.Clone(c.Rings)
	if said == events.Answered {
		h.answeredByMistake()
	} else {
		h.unanswered(c.Phase(c.Answer.Add(-1)))
	}
	return &h
}

// answeredByMistake makes c a call that somebody answered while its last telephone rang, or in the midst of its menu.
func (c *Call) answeredByMistake() {
	c.Outcome, c.Missed, c.GaveUp = events.Answered, false, ""
	c.Answer = between(c.Start, c.End)
	if n := len(c.Rings); n > 0 {
		last := &c.Rings[n-1]
		c.Answer, last.Answered = between(last.From, last.To), true
	}
}

func between(a, b time.Time) time.Time { return a.Add(b.Sub(a) / 2) }

// machinePickedUp tells whether a menu or a queue took c before any person could. A ring group takes no call: its
// telephones ring.
func (c *Call) machinePickedUp() bool {
	return c.Menu != "" || c.Queue != nil && !c.Queue.Group
}

// queued is when c reached its queue or ring group.
func (c *Call) queued() time.Time {
	if c.Menu != "" {
		return c.MenuUntil
	}
	return c.Start
}

// leg is one extension's part in a call.
type leg struct {
	extension        string
	from, answer, to time.Time // answer is zero where this extension did not answer
	end              legEnd
}

type legEnd int

const (
	legUnanswered legEnd = iota // it rang, and nobody picked it up
	legLost                     // a colleague picked up while it rang
	legTalked
)

// legs returns the part of each telephone that rang, and of each colleague to whom c was handed on, in order.
func (c *Call) legs() []leg {
	var legs []leg
	for _, r := range c.Rings {
		l := leg{extension: r.Extension, from: r.From, to: r.To}
		switch {
		case r.Answered:
			l.answer, l.to, l.end = c.Answer, c.handedOn(0), legTalked
		case c.Answered() && !r.To.Before(c.Answer):
			l.to, l.end = c.Answer, legLost
		}
		legs = append(legs, l)
	}
	for i, tr := range c.Transfers {
		legs = append(legs, leg{extension: tr.To, from: tr.At, answer: tr.At, to: c.handedOn(i + 1), end: legTalked})
	}
	return legs
}

// handedOn is when c went on to its n-th transfer, or its end when there is none.
func (c *Call) handedOn(n int) time.Time {
	if n < len(c.Transfers) {
		return c.Transfers[n].At
	}
	return c.End
}

// removed tells whether a recording of c, kept for so long (for ever when 0), is gone at t.
func removed(c *Call, keep time.Duration, t time.Time) bool {
	return keep > 0 && t.After(c.End.Add(keep))
}
