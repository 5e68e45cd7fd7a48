package ingest

import (
	"cmp"
	"strconv"
	"time"

	"github.com/callbus/callbus/events"
)

// observe takes in a whole snapshot: what is new in it has started, what talks has been answered, and what it no longer
// shows is gone. A snapshot that is not newer than the last is old news and says nothing.
func (s Snapshot) observe(t *Tracker) []events.Event {
	if !s.At.After(t.lastSnapshot) {
		return nil
	}
	t.round++
	t.lastSnapshot = s.At
	t.askedBefore, t.asked = t.asked, s.Asked
	t.advance(s.At)
	t.clock.told(s.Ahead)
	out := t.closeGap(nil, events.ActiveCalls, s.At)
	t.lineup.turn(len(s.Calls))
	for i := range s.Calls {
		out = t.row(out, &s.Calls[i], &s)
	}
	out = t.absent(out, &s)
	t.forget()
	return out
}

// row takes in one row. Most rows of most snapshots are of a call that is known and has not changed: they must cost
// next to nothing.
func (t *Tracker) row(out []events.Event, row *ActiveCall, s *Snapshot) []events.Event {
	if t.lineup.unchanged(row) {
		return out
	}
	c := t.lineup.find(row.Channel)
	if c == nil {
		c = t.live[row.Channel]
	}
	if c == nil || !c.same(row) {
		if c = t.recall(row, s); c == nil {
			out, c = t.begin(out, row, s)
		} else if c.recorded() {
			t.tally.Stale++
			return out
		}
	}
	return t.shows(out, c, row, s)
}

// shows takes in that row shows c.
func (t *Tracker) shows(out []events.Event, c *call, row *ActiveCall, s *Snapshot) []events.Event {
	if c.round == t.round || c.linedUp() && !t.lineup.found(c) {
		return out // a second row of one call
	}
	seenBefore := c.lastSeen
	if c.shown() {
		seenBefore = t.askedBefore
	}
	c.round = t.round
	c.gone, c.unsure, c.goneAt = false, false, time.Time{}
	if row.Talking && !c.talking {
		c.talking = true
		out = t.answer(out, c, row, s, seenBefore)
	}
	if c.row.to != row.To || c.row.queue != row.Queue {
		c.follow(row)
	}
	t.lineup.keep(c)
	return out
}

// linedUp tells whether c stands in the lineup of the last snapshot.
func (c *call) linedUp() bool { return c.round > 0 && c.present && !c.gone }

// shown tells whether the last snapshot showed c.
func (c *call) shown() bool { return c.linedUp() && !c.unsure }

// seen returns when c was surely alive. For a call that the last snapshot shows that is when it was asked for.
func (t *Tracker) seen(c *call) time.Time {
	if c.shown() {
		return t.asked
	}
	return c.lastSeen
}

// begin makes a call of a row that shows one not seen before. The channel's former call is gone, and its end is
// decided with the absent ones.
func (t *Tracker) begin(out []events.Event, row *ActiveCall, s *Snapshot) ([]events.Event, *call) {
	start := middle(row.Began)
	c := &call{channel: row.Channel, lastSeen: row.Began.From}
	c.setBegan(row.Began)
	c.facts = events.Call{
		CallID:  events.Hash("call", t.cfg.Account, row.Channel, strconv.FormatInt(start.UnixMilli(), 10)),
		Account: t.cfg.Account, Provider: t.cfg.Provider,
		VendorIDs: map[string]string{"channel": row.Channel},
		Revision:  1, State: events.Provisional,
		Direction: row.Direction, Media: cmp.Or(row.Media, events.Voice),
		From: row.From, To: row.To, ExternalNumber: row.ExternalNumber, Queue: row.Queue,
		StartedAt: &start,
		Hangup:    events.Hangup{By: events.ByUnknown},
		Recording: events.RecordingUnknown,
		Evidence:  []events.Evidence{events.FromSnapshot},
	}
	c.follow(row)
	t.byID[c.facts.CallID] = c
	t.byChannel[c.channel] = append(t.byChannel[c.channel], c)
	t.unjoined.add(c)
	t.live[c.channel], c.present = c, true
	return t.publish(out, c, events.CallStarted, c.atStart(), start, s.At), c
}

// attach makes c one of the calls that snapshots may show, though none has yet in this life.
func (t *Tracker) attach(c *call) {
	t.live[c.channel] = c
	if !c.present {
		c.present, c.gone, c.goneAt = true, true, time.Time{}
		t.gone = append(t.gone, c)
	}
}

// follow takes over where the call has got to: a call in a queue is shown with the queue first, then with the agent.
func (c *call) follow(row *ActiveCall) {
	c.row = rowParties{row.To, row.Queue}
	if !c.ended { // what was published of its end stands until it is amended
		c.facts.To = row.To
		if row.Queue != nil {
			c.facts.Queue = row.Queue
		}
	}
	if key := partyKey(row.To); len(c.targets) == 0 || c.targets[len(c.targets)-1] != key {
		c.targets = append(c.targets, key)
	}
}

// knownAnswer is how long before it was first seen talking a call may have begun for that moment to say anything of
// when it was answered.
const knownAnswer = time.Minute

// answer publishes that c talks now. It was answered after it was last seen without that, and before now.
func (t *Tracker) answer(out []events.Event, c *call, row *ActiveCall, s *Snapshot, seenBefore time.Time) []events.Event {
	if c.answered || c.ended {
		return out
	}
	c.facts.Agent = row.Agent
	if s.At.Sub(seenBefore) <= knownAnswer {
		c.answerFrom, c.answerTo = seenBefore, s.At
		c.facts.AnsweredAt = at(s.At)
	}
	c.follow(row)
	return t.publish(out, c, events.CallAnswered, c.atAnswer(), c.answerTime(), s.At)
}

// answerTime is the time of the answered event: when it is not known, the begin, which is at least not too late.
func (c *call) answerTime() time.Time {
	if c.facts.AnsweredAt != nil {
		return *c.facts.AnsweredAt
	}
	return *c.facts.StartedAt
}

// absent looks at the calls that the snapshot does not show. One snapshot without a call proves little: the call ends
// when its record says so, or when it has been gone for SETTLE and a newer whole snapshot does not show it either.
func (t *Tracker) absent(out []events.Event, s *Snapshot) []events.Event {
	t.lineup.missing(func(c *call) {
		if c.shown() {
			c.lastSeen = t.askedBefore
		}
		if s.Partial { // it may be behind the row that cannot be read
			c.unsure = true
			t.lineup.keep(c)
			return
		}
		c.gone, c.goneAt = true, s.At
		t.gone = append(t.gone, c)
	})
	kept := t.gone[:0]
	for _, c := range t.gone {
		switch {
		case !c.gone: // it is back
		case s.Partial:
			kept = append(kept, c)
		case c.recorded():
			t.detach(c)
		case c.goneAt.IsZero(): // known from a former life
			c.goneAt = s.At
			kept = append(kept, c)
		case s.At.Equal(c.goneAt) || s.At.Sub(c.goneAt) < t.cfg.Settings.Settle:
			kept = append(kept, c)
		default:
			out = t.endWithoutRecord(out, c, s)
			t.detach(c)
		}
	}
	clear(t.gone[len(kept):])
	t.gone = kept
	return out
}

// detach makes c no longer one of the calls that snapshots may show.
func (t *Tracker) detach(c *call) {
	c.present = false
	if t.live[c.channel] == c {
		delete(t.live, c.channel)
	}
}

// endWithoutRecord ends c by what the snapshots showed. Whether an inbound call that was never seen talking was missed
// cannot be told: it may have been answered and over between two polls. That waits for the record (see decideMissed).
func (t *Tracker) endWithoutRecord(out []events.Event, c *call, s *Snapshot) []events.Event {
	before := c.facts
	outcome := events.UnknownOutcome
	if c.talking {
		outcome = events.Answered
	}
	c.facts.EndedAt, c.facts.Outcome = at(c.goneAt), &outcome
	if c.talking || c.facts.Direction != events.Inbound || c.facts.Media == events.Fax {
		c.facts.Missed = new(bool)
	}
	c.facts.Estimated, c.facts.ObservedAfter, c.facts.ObservedBefore = c.estimates(c.facts.AnsweredAt != nil, true)
	t.await(c)
	if c.ended { // it came back after its end, and is gone again
		return t.amend(out, c, before, s.At)
	}
	t.clock.doubt()
	t.tally.Provisional++
	return t.end(out, c, s.At)
}

// await notes that the record of c, which is over, is still to come.
func (t *Tracker) await(c *call) {
	if !c.awaiting {
		c.awaiting = true
		t.awaiting = append(t.awaiting, c)
	}
}

// recall finds the call that a row shows, if it is one that is over or lost its channel: a late snapshot may show a call
// whose record is already here, and a call that an empty list seemed to end comes back.
func (t *Tracker) recall(row *ActiveCall, s *Snapshot) *call {
	for _, c := range t.byChannel[row.Channel] {
		if c.same(row) {
			if !c.recorded() {
				t.attach(c)
			}
			return c
		}
	}
	var found *call
	t.unseen.each(row.From, row.ExternalNumber, func(c *call) {
		if found == nil && t.couldShow(c, row, s) {
			found = c
		}
	})
	return found
}

// couldShow tells whether row may show c, which is known from its record alone: the same begin, and asked for before c
// was over. Of a caller who cannot be told from others, it must show the same target too.
func (t *Tracker) couldShow(c *call, row *ActiveCall, s *Snapshot) bool {
	started, ended := t.clock.ours(*c.facts.StartedAt), t.clock.ours(*c.facts.EndedAt)
	return !s.Asked.After(ended.Add(channelSlack)) &&
		distance(Window{started, started.Add(time.Second)}, row.Began) <= channelSlack &&
		(identified(row.From) || mayReach(queueKey(row.Queue), partyKey(row.To), &c.facts))
}
