package ingest

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// Restore takes in an event that was published before, in stream order, so that the tracker knows what it published in
// a former life. After the last one it continues as if it had never stopped: what snapshots showed and no event said
// (that a call is gone for two seconds now) is seen anew.
func (t *Tracker) Restore(e events.Event) {
	switch d := e.Data.(type) {
	case events.Call:
		t.restoreCall(e, d)
	case events.Amendment:
		t.restoreCall(e, d.Call)
	case events.Gap:
		t.restoreGap(e.Type, d)
	}
}

func (t *Tracker) restoreGap(typ events.Type, g events.Gap) {
	of := t.gap(g.List)
	of.open = slices.DeleteFunc(of.open, func(o events.Gap) bool { return o.GapID == g.GapID })
	if typ == events.GapOpened {
		of.open = append(of.open, g)
	}
}

func (t *Tracker) restoreCall(e events.Event, f events.Call) {
	if f.StartedAt == nil || e.Type == events.CallEnded && f.EndedAt == nil {
		return // not written by a tracker
	}
	c := t.byID[f.CallID]
	if c == nil {
		c = &call{}
		t.byID[f.CallID] = c
	}
	t.advance(e.RecordedTime)
	cutOff := e.Type == events.CallMissed && c.ended && f.Revision > c.facts.Revision
	if !cutOff { // else the amendment that follows may be missing, and is found by what was published before
		c.facts = f
	}
	c.note(e.Type, e.ID, &f)
	c.restoreTimes(e.Type, e.RecordedTime)
	t.restoreChannel(c)
	t.restoreRecord(c)
	t.restoreWaiting(c)
}

// longestReply is how long before the reply was here a snapshot may have been asked for.
const longestReply = 30 * time.Second

// restoreTimes takes from the facts what the tracker keeps beside them.
func (c *call) restoreTimes(typ events.Type, recorded time.Time) {
	f := &c.facts
	if typ == events.CallStarted || c.began.To.IsZero() {
		c.setBegan(Window{*f.StartedAt, *f.StartedAt})
		if slices.Contains(f.Estimated, "started_at") && f.ObservedAfter != nil && f.ObservedBefore != nil {
			c.setBegan(Window{*f.ObservedAfter, *f.ObservedBefore})
		}
	}
	if typ == events.CallAnswered {
		c.talking = true
		if f.AnsweredAt != nil && slices.Contains(f.Estimated, "answered_at") {
			c.answerFrom, c.answerTo = *f.ObservedAfter, *f.AnsweredAt
		}
	}
	if c.lastSeen.IsZero() {
		c.lastSeen = c.began.From
	}
	// A snapshot that showed it was here when this was recorded, and asked for a while before.
	if seen := recorded.Add(-longestReply); f.EndedAt == nil && seen.After(c.lastSeen) {
		c.lastSeen = seen
	}
	if slices.Contains(f.Estimated, "ended_at") {
		c.goneAt = *f.EndedAt
	}
}

// restoreChannel puts a call that snapshots showed where snapshots look for it, if it is not over.
func (t *Tracker) restoreChannel(c *call) {
	if c.channel == "" {
		if c.channel = c.facts.VendorIDs["channel"]; c.channel == "" {
			return
		}
		t.byChannel[c.channel] = append(t.byChannel[c.channel], c)
	}
	if key := partyKey(c.facts.To); !slices.Contains(c.targets, key) {
		c.targets = append(c.targets, key)
	}
	if !c.ended {
		t.attach(c)
	} else if c.present {
		t.gone = slices.DeleteFunc(t.gone, func(o *call) bool { return o == c })
		t.detach(c)
	}
}

// restoreRecord makes the record behind c known, or c one that waits for its record.
func (t *Tracker) restoreRecord(c *call) {
	if slices.Contains(c.facts.Evidence, events.FromCDR) && t.cfg.RecordKey != nil {
		if key := t.cfg.RecordKey(c.facts); key != "" {
			c.record = key
			t.byRecord[key] = c
			c.restoreDetail(t.cfg.Details)
			t.want(c)
		}
	}
	t.unjoined.remove(c)
	c.indexes = nil
	if !c.recorded() && c.channel != "" {
		t.unjoined.add(c)
	}
}

// restoreDetail makes known again what was told of c beyond its record: the record will not repeat it.
func (c *call) restoreDetail(details bool) {
	if f := &c.facts; details && f.Flow != nil {
		c.detail = &Detail{
			Key: c.record, Flow: f.Flow, Queue: f.Queue, Agent: f.Agent, AnsweredAt: f.AnsweredAt, Answered: new(answeredBy(*f)),
		}
	}
}

// restoreWaiting notes what is still open about a call that is over.
func (t *Tracker) restoreWaiting(c *call) {
	switch {
	case !c.ended:
	case c.recorded() && c.channel == "" && t.now.Sub(*c.facts.EndedAt) < unseenFor:
		t.unseen.remove(c)
		t.unseen.add(c)
	case !c.recorded():
		t.await(c)
	}
}
