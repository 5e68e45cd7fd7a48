package ingest

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// Wanted returns records of calls of which a detail is to be asked for: first those that cannot be told without it, then
// those of CALL_FLOW, the newest first; most at most.
func (t *Tracker) Wanted(most int) []CDR {
	undecided, others := t.undecided(), t.stillWanted()
	wanted := make([]CDR, 0, min(most, len(undecided)+len(others)))
	for _, rec := range undecided[:min(most, len(undecided))] {
		wanted = append(wanted, *rec)
		wanted[len(wanted)-1].Call.CallID = recordCallID(t.cfg.Account, rec.Key)
	}
	for _, c := range others[:min(most-len(wanted), len(others))] {
		wanted = append(wanted, CDR{Key: c.record, Call: c.facts})
	}
	return wanted
}

// undecided returns the records that are waited with until their detail is here, the newest first.
func (t *Tracker) undecided() []*CDR {
	var recs []*CDR
	for _, h := range t.held {
		if h.rec.Undecided && h.detail == nil && t.details() {
			recs = append(recs, &h.rec)
		}
	}
	slices.SortFunc(recs, func(a, b *CDR) int { return byBegin(b, a) })
	return recs
}

// stillWanted returns the published calls whose detail is wanted, the newest first, and forgets those that began too long
// ago by now.
func (t *Tracker) stillWanted() []*call {
	var calls []*call
	for key, c := range t.wanting {
		if !t.wants(c) {
			delete(t.wanting, key)
			continue
		}
		calls = append(calls, c)
	}
	slices.SortFunc(calls, func(a, b *call) int {
		return cmp.Or(b.facts.StartedAt.Compare(*a.facts.StartedAt), cmp.Compare(b.record, a.record))
	})
	return calls
}

// want notes whether a detail of c is to be asked for.
func (t *Tracker) want(c *call) {
	if c.detail == nil && c.recorded() && t.wants(c) {
		t.wanting[c.record] = c
		return
	}
	delete(t.wanting, c.record)
}

// wants tells whether CALL_FLOW is set for calls such as c. Calls of long ago are not looked into.
func (t *Tracker) wants(c *call) bool {
	if c.unclear != nil {
		return true
	}
	if !t.details() || c.facts.Backfill || c.facts.Flow != nil || t.now.Sub(*c.facts.StartedAt) > t.cfg.Settings.Lookback {
		return false
	}
	missed := c.facts.Missed != nil && *c.facts.Missed
	return t.cfg.Settings.CallFlow == AllFlow || missed || c.undecided
}

// observe takes in what the vendor tells of one call.
func (d Detail) observe(t *Tracker) []events.Event {
	t.advance(d.At)
	if h := t.held[d.Key]; h != nil {
		h.detail = &d
		return t.takeReleased(nil, d.At)
	}
	c := t.byRecord[d.Key]
	if c == nil || !c.ended {
		return nil // forgotten meanwhile
	}
	before := c.facts
	c.detail = &d
	if h := c.unclear; h != nil {
		c.unclear = nil
		c.settle(&h.rec, d.At)
	} else {
		c.addDetail()
	}
	t.want(c)
	return t.amend(nil, c, before, d.At)
}

// verdict is what a record itself says of how its call went.
type verdict struct {
	outcome   events.Outcome
	missed    bool
	answered  time.Time
	undecided bool
}

func verdictOf(rec *CDR) verdict {
	v := verdict{outcome: *rec.Call.Outcome, missed: *rec.Call.Missed, undecided: rec.Undecided}
	if rec.Call.AnsweredAt != nil {
		v.answered = *rec.Call.AnsweredAt
	}
	return v
}

// unclear tells whether rec, of a call that is published, leaves open who answered and is not what it was when its detail
// was told: then the detail is asked for again, and what was published stands until it is here.
func (t *Tracker) unclear(c *call, rec *CDR, at time.Time) bool {
	same := c.verdict == verdictOf(rec) || c.verdict == verdict{} && c.wasPickedUp()
	if !rec.Undecided || !t.details() || c.detail != nil && same {
		c.unclear = nil
		return false
	}
	if c.unclear == nil {
		c.unclear = &held{since: at}
		c.detail = nil
	}
	c.unclear.rec = *rec
	t.want(c)
	if at.Sub(c.unclear.since) < undecidedFor {
		return true
	}
	c.unclear = nil
	return false
}

// wasPickedUp tells whether what was published of c may be of a call that something picked up, as a record says that leaves open
// who answered. It is all that a new life knows of the record as it was read last.
func (c *call) wasPickedUp() bool {
	switch r := c.facts.MissedReason; {
	case r == nil, *r == events.MissedInQueue, *r == events.MissedInMenu, *r == events.MissedUnknown:
		return true
	}
	return false
}

// addDetail puts what is known of c beyond its record into its facts. What the record says itself stands.
func (c *call) addDetail() {
	d, f := c.detail, &c.facts
	if d == nil {
		return
	}
	if f.Flow == nil {
		f.Flow = d.Flow
	}
	if f.Queue == nil {
		f.Queue = d.Queue
	}
	if c.undecided && d.Answered != nil {
		decide(f, *d.Answered)
		c.undecided = false
	}
	if f.MissedReason != nil && *f.MissedReason == events.MissedUnknown {
		f.MissedReason = new(abandonedIn(f))
	}
	if !answeredBy(*f) {
		return
	}
	if f.Agent == nil {
		f.Agent = d.Agent
	}
	if d.AnsweredAt != nil && !sameTime(f.AnsweredAt, d.AnsweredAt) {
		f.AnsweredAt, f.RingSeconds = d.AnsweredAt, nil // what rang before a menu picked up is not what the caller waited
		f.TalkSeconds = new(f.EndedAt.Sub(*d.AnsweredAt).Round(time.Millisecond).Seconds())
	}
}

// decide says of a call that something answered whether that was a person.
func decide(f *events.Call, answered bool) {
	f.Missed, f.MissedReason = new(!answered && f.Direction == events.Inbound), nil
	if answered {
		f.Outcome = new(events.Answered)
		return
	}
	f.Outcome, f.AnsweredAt, f.TalkSeconds, f.Agent = new(events.NoAnswer), nil, new(0.0), nil
	if *f.Missed {
		f.MissedReason = new(abandonedIn(f))
	}
}

// abandonedIn says of a call that something picked up and nobody answered where its caller gave up, as far as its flow
// tells.
func abandonedIn(f *events.Call) events.MissedReason {
	through := func(kind events.StepKind) bool {
		return slices.ContainsFunc(f.Flow, func(s events.Step) bool { return s.Kind == kind })
	}
	switch {
	case f.Queue != nil || through(events.StepQueue):
		return events.MissedInQueue
	case through(events.StepMenu):
		return events.MissedInMenu
	}
	return events.MissedUnknown
}
