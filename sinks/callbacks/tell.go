package callbacks

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// tell makes an event of what happened to a case at a time, because of the event cause. n tells events of one type apart.
func (t *teller) tell(k *Case, typ events.Type, n int, at time.Time, cause string, with func(*events.Callback)) {
	d := t.data(k)
	with(&d)
	e := events.Event{
		ID: events.ID(t.Account, k.ID, typ, n), Type: typ, Account: t.Account, Provider: t.Provider, Subject: k.ID,
		Time: at.UTC(), RecordedTime: t.now, CorrelationID: t.conversation(k), CausationID: cause,
		TraceParent: t.traceOf(k, cause), Data: d,
	}
	switch typ {
	case events.CallbackOpened, events.CallbackDue, events.CallbackAttempted:
		e.ExpiryTime = t.stale(k)
	}
	t.told = append(t.told, e)
}

// stale returns when nobody should be alerted any more to what is told of a case now: when the next reminder is told, or the
// case expires.
func (t *teller) stale(k *Case) time.Time {
	expires := lastMissed(t.members(k.ID)).At.Add(t.rules.MaxAge)
	if k.Due.After(t.now) && k.Due.Before(expires) {
		return k.Due
	}
	return expires
}

// data is all that is known of a case.
func (t *teller) data(k *Case) events.Callback {
	calls := t.ofCase(k.ID)
	d := events.Callback{
		CallbackID: k.ID, Account: t.Account, ExternalNumber: t.Number, Queue: calls[len(calls)-1].Queue,
		Count: len(calls) + k.More, FirstMissedAt: calls[0].At, LastMissedAt: lastMissed(calls).At,
		Step: k.Step, Steps: k.Steps, Attempts: len(k.Attempted), Status: k.Status,
	}
	if !k.Due.IsZero() {
		due := k.Due
		d.DueAt = &due
	}
	for _, c := range listed(calls) {
		d.MissedCalls = append(d.MissedCalls, events.MissedCall{CallID: c.ID, EventID: c.Event, At: c.At})
	}
	return d
}

// ofCase returns the missed calls of a case; where none of them was missed after all, those that were thought to be.
func (t *teller) ofCase(id string) []Call {
	if all := t.members(id); len(all) > 0 {
		return all
	}
	var void []Call
	for _, c := range t.Calls {
		if c.Case == id {
			c.Event = cmp.Or(c.MissedBy, events.ID(t.Account, c.ID, events.CallMissed, 1))
			if !c.MissedAt.IsZero() {
				c.At = c.MissedAt
			}
			void = append(void, c)
		}
	}
	return void
}

// listed returns the first of the calls, and the last.
func listed(calls []Call) []Call {
	if over := len(calls) - events.MostMissedCalls; over > 0 {
		return slices.Concat(calls[:1], calls[1+over:])
	}
	return calls
}

// conversation returns the conversation of the call that a case began with.
func (t *teller) conversation(k *Case) string {
	for _, c := range t.Calls {
		if c.ID == k.First && c.Correlation != "" {
			return c.Correlation
		}
	}
	return k.First
}
