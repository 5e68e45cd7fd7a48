package pbxsim

import (
	"time"

	"github.com/callbus/callbus/events"
)

// Call is what really happened in one call, known from its beginning to its end as soon as it is invented.
// A Call that a World handed out is never changed; nobody else may change it either.
type Call struct {
	N         int // its place in the world, from 0, by beginning
	Direction events.Direction
	Media     events.Media
	From, To  Party  // To is what was dialled: a number of ours, a number outside, an extension
	Trunk     string // the line it came or went by; "" for internal calls
	Channel   string // the PBX's name for it while it lasts; a later call may have the same

	Menu      string    // the menu that picked up first, or ""
	MenuUntil time.Time // when the caller left it, on to a queue or for good
	Queue     *Queue    // the queue or ring group reached, or nil
	Rings     []Ring    // whose telephones rang, in order
	Transfers []Transfer

	Start  time.Time
	Answer time.Time // when a person (or the fax machine) answered; zero when none did
	End    time.Time // the first instant at which it is over

	Outcome events.Outcome // answered, no_answer, busy or failed
	Missed  bool           // inbound, and no person answered
	GaveUp  Phase          // where the caller of an unanswered call was when it ended
	Hangup  events.HangupSide

	Redials int // N of the call that this one tries again, or -1
	Returns int // N of the missed call that this one returns, or -1
}

// Party is one side of a call.
type Party struct {
	Number    string // E.164 with +; "" when withheld, and for an extension
	Extension string
	Name      string
}

// Ring is one telephone that rang.
type Ring struct {
	Extension string
	From, To  time.Time
	Answered  bool
}

// Transfer hands a call on to another extension.
type Transfer struct {
	At time.Time
	To string
}

// Phase is what is going on in a call at one moment.
type Phase string

const (
	InMenu  Phase = "menu"    // a menu speaks
	InQueue Phase = "queue"   // waiting, and no telephone rings
	Ringing Phase = "ringing" // a telephone rings, here or at the other end
	Talking Phase = "talking" // a person (or the fax machine) has answered
)

// Active tells whether c is under way at t.
func (c *Call) Active(t time.Time) bool { return !t.Before(c.Start) && t.Before(c.End) }

// Answered tells whether a person, or the fax machine, answered.
func (c *Call) Answered() bool { return !c.Answer.IsZero() }

// External is the number outside the PBX, or "" when there is none or it is withheld.
func (c *Call) External() string {
	if c.Direction == events.Inbound {
		return c.From.Number
	}
	return c.To.Number
}

// Phase is what goes on at t, a moment of the call.
func (c *Call) Phase(t time.Time) Phase {
	switch {
	case c.Answered() && !t.Before(c.Answer):
		return Talking
	case c.Menu != "" && t.Before(c.MenuUntil):
		return InMenu
	case c.Queue != nil && c.rungAt(t) == "":
		return InQueue
	}
	return Ringing
}

// Desk is the extension inside the PBX that has the call at t, or whose telephone rings; "" when neither.
func (c *Call) Desk(t time.Time) string {
	if !c.Answered() || t.Before(c.Answer) {
		return c.rungAt(t)
	}
	for i := len(c.Transfers) - 1; i >= 0; i-- {
		if !t.Before(c.Transfers[i].At) {
			return c.Transfers[i].To
		}
	}
	return c.AnsweredBy()
}

// AnsweredBy is the extension that answered first, or "".
func (c *Call) AnsweredBy() string {
	for _, r := range c.Rings {
		if r.Answered {
			return r.Extension
		}
	}
	return ""
}

func (c *Call) rungAt(t time.Time) string {
	for _, r := range c.Rings {
		if !t.Before(r.From) && t.Before(r.To) {
			return r.Extension
		}
	}
	return ""
}

// squeeze moves every instant of c so that it lasts for d, in the proportions it had.
func (c *Call) squeeze(d time.Duration) {
	whole := c.End.Sub(c.Start)
	if whole <= 0 {
		return
	}
	ratio := float64(d) / float64(whole)
	c.eachInstant(func(t *time.Time) { *t = c.Start.Add(time.Duration(ratio * float64(t.Sub(c.Start)))) })
}

// cut ends c at t, as when somebody hangs it up there.
func (c *Call) cut(t time.Time) {
	c.eachInstant(func(u *time.Time) {
		if u.After(t) {
			*u = t
		}
	})
}

// eachInstant calls f with every instant of c after Start that is known.
func (c *Call) eachInstant(f func(*time.Time)) {
	for _, t := range []*time.Time{&c.MenuUntil, &c.Answer, &c.End} {
		if !t.IsZero() {
			f(t)
		}
	}
	for i := range c.Rings {
		f(&c.Rings[i].From)
		f(&c.Rings[i].To)
	}
	for i := range c.Transfers {
		f(&c.Transfers[i].At)
	}
}

// hungUp returns c as it is when the PBX itself ends it at t, a moment of the call.
func (c *Call) hungUp(t time.Time) *Call {
	h := *c
	h.Rings = append([]Ring(nil), c.Rings...)
	h.Transfers = nil
	for _, tr := range c.Transfers {
		if tr.At.Before(t) {
			h.Transfers = append(h.Transfers, tr)
		}
	}
	h.Hangup = events.BySystem
	if h.Phase(t) != Talking {
		h.unanswered(h.Phase(t))
	}
	h.cut(t)
	return &h
}

// unanswered makes c a call that reached nobody, ended in phase p.
func (c *Call) unanswered(p Phase) {
	c.Answer, c.Transfers = time.Time{}, nil
	c.Outcome, c.GaveUp = events.NoAnswer, p
	c.Missed = c.Direction == events.Inbound
	for i := range c.Rings {
		c.Rings[i].Answered = false
	}
}
