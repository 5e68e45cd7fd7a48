package callbacks

import (
	"time"

	"github.com/callbus/callbus/events"
)

// An Answer is what ended an obligation.
type answer struct {
	how         events.Resolution
	call, event string
	at          time.Time
	until       time.Time // what was missed in calls that began until then is answered by it, too
}

// answered returns the earliest answer to a missed call of the case, which may be nil: a conversation that began after it, whoever
// rang; the vendor's word; a person's word. It is compared by what happened when, never by when it was learned.
func (c Caller) answered(m Call, k *Case) (first answer, ok bool) {
	take := func(a answer) {
		if !ok || a.at.Before(first.at) {
			first, ok = a, true
		}
	}
	for _, x := range c.Calls {
		switch {
		case x.Kind == Contact && x.Began.After(m.Began):
			take(answer{how: howOf(x), call: x.ID, event: x.Event, at: x.At, until: x.Began.Add(-1)})
		case x.Kind == Missed && x.Returned != nil:
			if a := x.marked(); !m.Began.After(a.until) {
				take(a)
			}
		}
	}
	if k != nil && !k.Done.IsZero() && !m.Began.After(k.Done) {
		take(answer{how: events.ResolutionManual, at: k.Done, until: k.Done})
	}
	return first, ok
}

func howOf(contact Call) events.Resolution {
	if contact.Out {
		return events.ResolutionReturned
	}
	return events.ResolutionCallerReachedUs
}

// marked returns the vendor's word on a missed call. Where it does not say when the call was returned, that may have been
// before the caller was missed again: then it speaks of this call, and those before it, alone.
func (c Call) marked() answer {
	a := answer{how: events.ResolutionVendor, call: c.Returned.Call, event: c.Event, at: c.Returned.At, until: c.Returned.At.Add(-1)}
	if c.Returned.At.IsZero() {
		a.at, a.until = c.Returned.Learned, c.Began
	}
	return a
}

// isOver tells whether the call was missed in the time of an obligation that was told to be over.
func (c Caller) isOver(m Call, group string) bool {
	for _, e := range c.Ended {
		if e.Group == group && !m.Began.After(e.Until) {
			return true
		}
	}
	return false
}

// members returns the missed calls of a case that are known, by their beginning.
func (c Caller) members(id string) (all []Call) {
	for _, x := range c.Calls {
		if x.Case == id && x.Kind == Missed {
			all = append(all, x)
		}
	}
	return all
}
