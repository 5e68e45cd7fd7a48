package ingest

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// missedAfter is how long after a call was gone its record is waited for before an inbound call that nobody was seen to
// answer is called missed without it. It is far beyond the delay of any record in ordinary times: to tell somebody of a
// missed call that was answered costs trust, and to tell nobody of one that was missed costs a customer.
const missedAfter = 2 * time.Minute

// observe takes in a page of records. The records decide: what they say replaces what was inferred from snapshots.
func (p Page) observe(t *Tracker) []events.Event {
	t.advance(p.At)
	t.clock.told(p.Ahead)
	var out []events.Event
	if !p.Partial {
		out = t.closeGap(out, events.CDRs, p.At)
	}
	fresh := make([]*CDR, 0, len(p.Records))
	for i := range p.Records {
		rec := &p.Records[i]
		switch c := t.byRecord[rec.Key]; {
		case c == nil:
			fresh = append(fresh, rec)
		case p.At.Before(c.told): // two readings crossed
		case c.ended:
			out = t.revise(out, c, rec, p.At)
		default: // a former life was cut off between its started and its ended event
			out = t.conclude(out, c, rec, p.At)
		}
	}
	out = t.take(out, fresh, p.At)
	out = t.takeReleased(out, p.At)
	out = t.decideMissed(out, &p)
	t.forget()
	return out
}

// take gives each record that was not known to the call it is of, oldest first.
func (t *Tracker) take(out []events.Event, fresh []*CDR, at time.Time) []events.Event {
	slices.SortStableFunc(fresh, func(a, b *CDR) int { return a.Call.StartedAt.Compare(*b.Call.StartedAt) })
	joined := t.join(fresh, at)
	for _, rec := range fresh {
		if t.byRecord[rec.Key] != nil {
			continue // the page shows it twice
		}
		if c := joined[rec]; c != nil {
			out = t.conclude(out, c, rec, at)
		} else if t.accepts(rec) {
			out = t.takeUnseen(out, rec, at)
		}
	}
	return out
}

// takeUnseen publishes the call of a record that no snapshot showed, unless it is to be waited with.
func (t *Tracker) takeUnseen(out []events.Event, rec *CDR, at time.Time) []events.Event {
	told, wait := t.hold(rec, at)
	if wait {
		return out
	}
	return t.conclude(out, t.fromRecord(rec, told), rec, at)
}

// takeReleased publishes the records that were waited with long enough.
func (t *Tracker) takeReleased(out []events.Event, at time.Time) []events.Event {
	for _, h := range t.release() {
		out = t.conclude(out, t.fromRecord(&h.rec, h.detail), &h.rec, at)
	}
	return out
}

// accepts tells whether a record of no call seen is a call to publish: not one that ended before callbus first looked,
// and none so old that it may have been published and forgotten.
func (t *Tracker) accepts(rec *CDR) bool {
	if rec.Call.StartedAt.Before(t.knownSince()) {
		return false
	}
	return t.cfg.Settings.First == FromBackfill || !t.old(rec)
}

func (t *Tracker) old(rec *CDR) bool { return rec.Call.EndedAt.Before(t.cfg.FirstSeen) }

// fromRecord makes a call that only its record shows, and what was told of it beyond that.
func (t *Tracker) fromRecord(rec *CDR, told *Detail) *call {
	t.tally.RecordOnly++
	c := &call{detail: told}
	c.setBegan(Window{*rec.Call.StartedAt, *rec.Call.StartedAt})
	c.facts = events.Call{
		CallID:  recordCallID(t.cfg.Account, rec.Key),
		Account: t.cfg.Account, Provider: t.cfg.Provider,
		Revision: 1, Backfill: t.cfg.Backfill || t.old(rec),
	}
	t.byID[c.facts.CallID] = c
	return c
}

// recordCallID is the call_id of a call that only its record shows.
func recordCallID(account, key string) string { return events.Hash("record", account, key) }

// conclude publishes what the record says of c: everything that was not published yet, and what was published otherwise.
func (t *Tracker) conclude(out []events.Event, c *call, rec *CDR, at time.Time) []events.Event {
	before := c.facts
	c.facts.Backfill = c.facts.Backfill || t.cfg.Backfill
	started := c.lastEvent != ""
	if !c.facts.Backfill {
		t.tally.Audit[t.audit(c, rec)]++
	}
	t.adopt(c, rec)
	c.settle(rec, at)
	if !started {
		out = t.publish(out, c, events.CallStarted, c.atStart(), *c.facts.StartedAt, at)
	}
	if c.ended {
		t.tally.Late++
		t.want(c)
		return t.amend(out, c, before, at)
	}
	if answeredBy(c.facts) && !c.answered && c.facts.Media != events.Fax { // a machine is no person
		out = t.publish(out, c, events.CallAnswered, c.atAnswer(), c.answerTime(), at)
	}
	out = t.end(out, c, at)
	t.want(c)
	return t.retract(out, c, at)
}

// adopt makes rec the record of c.
func (t *Tracker) adopt(c *call, rec *CDR) {
	c.record = rec.Key
	t.byRecord[rec.Key] = c
	t.unjoined.remove(c)
	if c.channel == "" && t.now.Sub(t.clock.ours(*rec.Call.EndedAt)) < unseenFor {
		c.facts.From, c.facts.ExternalNumber = rec.Call.From, rec.Call.ExternalNumber
		t.unseen.add(c)
	}
}

// unseenFor is how long after its end a call that only its record shows is looked for in late snapshots.
const unseenFor = time.Minute

// revise publishes what a record that is known says now and did not say before.
func (t *Tracker) revise(out []events.Event, c *call, rec *CDR, at time.Time) []events.Event {
	if t.unclear(c, rec, at) {
		c.told = at
		return out
	}
	before := c.facts
	c.settle(rec, at)
	if len(changed(&before, &c.facts)) > 0 {
		t.want(c)
		return t.amend(out, c, before, at)
	}
	c.facts = before
	// What follows was published with the end, unless a former life was cut off in between.
	return t.retract(t.unmiss(t.miss(out, c, at), c, at), c, at)
}

// unmiss takes back that c was missed, if a former life was cut off after it had published that and before the amendment
// that goes with it, and the record no longer says so.
func (t *Tracker) unmiss(out []events.Event, c *call, at time.Time) []events.Event {
	if !c.missedTold || c.facts.Missed != nil && *c.facts.Missed {
		return out
	}
	c.facts.Revision++
	return t.publishAmendment(out, c, []string{"missed"}, c.lastEvent, at)
}

// end publishes that c is over, and that it was missed if it was.
func (t *Tracker) end(out []events.Event, c *call, at time.Time) []events.Event {
	c.facts.Evidence = slices.Clip(c.facts.Evidence)
	out = t.publish(out, c, events.CallEnded, c.facts, *c.facts.EndedAt, at)
	return t.miss(out, c, at)
}

// miss publishes that c was missed, once.
func (t *Tracker) miss(out []events.Event, c *call, at time.Time) []events.Event {
	if c.missed || c.facts.Missed == nil || !*c.facts.Missed {
		return out
	}
	return t.publish(out, c, events.CallMissed, c.facts, *c.facts.EndedAt, at)
}

// amend publishes that c is not as was published (before): the missed event first, if it is one now.
func (t *Tracker) amend(out []events.Event, c *call, before events.Call, at time.Time) []events.Event {
	names := changed(&before, &c.facts)
	if len(names) == 0 {
		return out
	}
	supersedes := c.lastEvent
	c.facts.Revision++
	out = t.miss(out, c, at)
	return t.publishAmendment(out, c, names, supersedes, at)
}

// retract publishes that the call was not answered after all, if a snapshot showed it so and its record says otherwise.
func (t *Tracker) retract(out []events.Event, c *call, at time.Time) []events.Event {
	if !c.answered || answeredBy(c.facts) || c.facts.Revision > 1 {
		return out
	}
	names := []string{"answered_at"}
	if c.answerTo.IsZero() {
		names = []string{"outcome"}
	}
	if c.agentTold {
		names = append(names, "agent")
	}
	c.facts.Revision++
	return t.publishAmendment(out, c, names, events.ID(t.cfg.Account, c.facts.CallID, events.CallAnswered, 1), at)
}

func (t *Tracker) publishAmendment(out []events.Event, c *call, names []string, supersedes string, at time.Time) []events.Event {
	t.tally.Amended++
	e := t.event(c, events.CallAmended, events.Amendment{Call: c.facts, Changed: names, Supersedes: supersedes}, at, at)
	e.CausationID = supersedes
	c.note(events.CallAmended, e.ID, &c.facts)
	return append(out, e)
}

// decideMissed calls inbound calls missed that ended without a record and that nobody was seen to answer, once the
// records have been read long enough after the call was gone, and still do not show it.
func (t *Tracker) decideMissed(out []events.Event, p *Page) []events.Event {
	waiting := t.awaiting[:0]
	for _, c := range t.awaiting {
		gone := p.Asked.Sub(*c.facts.EndedAt)
		switch {
		case c.recorded() || c.present: // decided by the record, or back again
			c.awaiting = false
		case c.facts.Missed == nil && gone >= missedAfter && p.Window.Contains(middle(c.began)):
			c.facts.Missed, c.facts.MissedReason = new(true), new(events.MissedUnknown)
			out = t.miss(out, c, p.At)
			waiting = append(waiting, c)
		case c.facts.Missed == nil || gone < remember:
			waiting = append(waiting, c)
		default:
			c.awaiting = false
			t.unrecorded(c)
		}
	}
	clear(t.awaiting[len(waiting):])
	t.awaiting = waiting
	return out
}
