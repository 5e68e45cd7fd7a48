package ingest

import (
	"time"

	"github.com/callbus/callbus/events"
)

// publish appends the event of type typ about c, with facts as they were then, and notes that it is published.
func (t *Tracker) publish(out []events.Event, c *call, typ events.Type, facts events.Call, happened, at time.Time) []events.Event {
	e := t.event(c, typ, facts, happened, at)
	if typ == events.CallMissed {
		e.CausationID = c.lastEvent
	}
	c.note(typ, e.ID, &facts)
	return append(out, e)
}

// note notes that the event id of type typ is published, which said facts.
func (c *call) note(typ events.Type, id string, facts *events.Call) {
	c.lastEvent = id
	c.missedTold = facts.Missed != nil && *facts.Missed
	switch typ {
	case events.CallAnswered:
		c.answered, c.agentTold = true, facts.Agent != nil
	case events.CallEnded:
		c.ended = true
	case events.CallMissed:
		c.missed = true
	}
}

// event makes an event about c. What is published long after it happened expires at once: nobody is to be alerted by it.
func (t *Tracker) event(c *call, typ events.Type, data any, happened, at time.Time) events.Event {
	e := events.Event{
		ID:   events.ID(t.cfg.Account, c.facts.CallID, typ, c.facts.Revision),
		Type: typ, Account: t.cfg.Account, Provider: t.cfg.Provider, Subject: c.facts.CallID,
		Time: happened.UTC().Truncate(time.Millisecond), RecordedTime: at.UTC().Truncate(time.Millisecond),
		CorrelationID: c.facts.CallID, Data: data,
	}
	if c.facts.Backfill {
		e.ExpiryTime = e.RecordedTime
	}
	return e
}
