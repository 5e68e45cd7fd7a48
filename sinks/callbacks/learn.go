package callbacks

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// Ignored says why an event about a missed call obliges nobody.
type Ignored string

const (
	Withheld   Ignored = "withheld" // nobody knows whom to call back
	Internal   Ignored = "internal"
	Backfilled Ignored = "backfilled"
)

// A Fact is what one event says of one call with a number.
type Fact struct {
	Account, Provider, Number string
	Call                      Call
}

// factOf returns what e says that matters, or why a missed call does not; neither for most events.
func factOf(e events.Event) (f Fact, matters bool, why Ignored) {
	c, ok := e.Call()
	if !ok {
		return f, false, ""
	}
	missed := c.Missed != nil && *c.Missed
	kind := kindOf(e.Type, c, missed)
	switch {
	case missed && c.Direction == events.Internal:
		return f, false, Internal
	case missed && c.ExternalNumber == nil:
		return f, false, Withheld
	case c.ExternalNumber == nil || c.Direction != events.Inbound && c.Direction != events.Outbound:
		return f, false, ""
	case c.Backfill && missed:
		return f, false, Backfilled
	case c.Backfill && kind != Contact, kind == Void && c.Revision < 2:
		return f, false, ""
	}
	return Fact{e.Account, e.Provider, *c.ExternalNumber, callOf(e, c, kind)}, true, ""
}

// kindOf returns what the call is by this event. Who answered a fax was not spoken with.
func kindOf(t events.Type, c events.Call, missed bool) Kind {
	answered := t == events.CallAnswered || c.Outcome != nil && *c.Outcome == events.Answered
	switch {
	case missed && c.Direction == events.Inbound:
		return Missed
	case answered && c.Media != events.Fax:
		return Contact
	case c.Direction == events.Outbound && c.Outcome != nil && !answered && *c.Outcome != events.UnknownOutcome:
		return Attempt
	}
	return Void
}

func callOf(e events.Event, c events.Call, kind Kind) Call {
	call := Call{
		ID: c.CallID, Kind: kind, Out: c.Direction == events.Outbound, Revision: c.Revision,
		Began: timeOr(c.StartedAt, e.Time), Event: e.ID, Correlation: e.CorrelationID, Queue: c.Queue, Trace: e.TraceParent,
	}
	if e.Type == events.CallMissed {
		call.MissedBy = e.ID
	}
	switch kind {
	case Missed:
		call.At, call.Event = timeOr(c.EndedAt, e.Time), events.ID(e.Account, c.CallID, events.CallMissed, c.Revision)
		call.Returned = markOf(e, c.Returned)
	case Contact:
		call.At = answeredAt(e, c)
	default:
		call.At = timeOr(c.EndedAt, e.Time)
	}
	return call
}

// answeredAt is when somebody answered, as well as that is known. The time of the event is that of the end, or of the amendment:
// where the vendor tells neither the moment nor how long they talked, the beginning is nearer.
func answeredAt(e events.Event, c events.Call) time.Time {
	switch {
	case c.AnsweredAt == nil && c.EndedAt != nil && c.TalkSeconds != nil:
		return c.EndedAt.Add(-time.Duration(*c.TalkSeconds * float64(time.Second))).UTC()
	case c.AnsweredAt == nil && e.Type != events.CallAnswered:
		return timeOr(c.StartedAt, e.Time)
	}
	return timeOr(c.AnsweredAt, e.Time)
}

func timeOr(t *time.Time, otherwise time.Time) time.Time {
	if t == nil {
		return otherwise.UTC()
	}
	return t.UTC()
}

func markOf(e events.Event, r *events.Returned) *Mark {
	if r == nil {
		return nil
	}
	m := &Mark{Learned: e.RecordedTime.UTC()}
	if r.CallID != nil {
		m.Call = *r.CallID
	}
	if r.At != nil {
		m.At = r.At.UTC()
	}
	return m
}

// Learn returns c with one fact more. Facts may come in any order, and again: of one call the highest revision counts, and of
// the same revision what says most, which a call's later events do.
func (c Caller) Learn(f Fact) Caller {
	c.Version, c.Account, c.Provider, c.Number = version, f.Account, f.Provider, f.Number
	i := slices.IndexFunc(c.Calls, func(k Call) bool { return k.ID == f.Call.ID })
	if i < 0 {
		c = c.clone()
		c.put(f.Call)
		return c
	}
	had := c.Calls[i]
	by := cmp.Or(had.MissedBy, f.Call.MissedBy)
	if f.Call.Revision < had.Revision || f.Call.Revision == had.Revision && !says(f.Call, had) {
		if by == had.MissedBy {
			return c
		}
		f.Call = had
	}
	c = c.clone()
	c.Calls = slices.Delete(c.Calls, i, i+1)
	f.Call.Case = had.Case
	f.Call.missedAs(had, by)
	if m := f.Call.Returned; m != nil && had.Returned != nil && had.Returned.Learned.Before(m.Learned) {
		again := *m
		again.Learned, f.Call.Returned = had.Returned.Learned, &again
	}
	c.put(f.Call)
	return c
}

// missedAs keeps of a call what was known of its being missed: by which event, if that is known, and when.
func (c *Call) missedAs(had Call, by string) {
	c.MissedBy = by
	switch {
	case c.Kind == Missed && by != "":
		c.Event = by
	case c.Kind != Missed && had.Kind == Missed && had.Case != "":
		c.MissedAt = had.At
	case c.Kind != Missed:
		c.MissedAt = had.MissedAt
	}
}

// says tells whether a says more of a call than b, in the same revision. A call that ended was answered, or it was not: the
// two agree, but for the queue and the names of their events.
func says(a, b Call) bool {
	return rank(a) > rank(b) || rank(a) == rank(b) && a.Event < b.Event
}

func rank(c Call) int { return slices.Index([]Kind{Void, Attempt, Contact, Missed}, c.Kind) }

// Done returns c when a person has said, at a time, that a case is done. It is told with the next Advance.
func (c Caller) Done(id string, at time.Time) (Caller, bool) {
	return c.edit(id, func(k *Case) {
		if k.Done.IsZero() {
			k.Done = at.UTC()
		}
	})
}

// Snooze returns c when a person wants to be reminded of a case no sooner than until, and then once at the least.
func (c Caller) Snooze(id string, until time.Time) (Caller, bool) {
	return c.edit(id, func(k *Case) { k.Snoozed = until.UTC() })
}

func (c Caller) edit(id string, f func(*Case)) (Caller, bool) {
	i := slices.IndexFunc(c.Cases, func(k Case) bool { return k.ID == id })
	if i < 0 {
		return c, false
	}
	c = c.clone()
	f(&c.Cases[i])
	return c, true
}
