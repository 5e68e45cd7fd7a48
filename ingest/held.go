package ingest

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// held is a record of a call that is not published yet, and that is waited with: its vendor writes several rows for one
// call, and more may come; or it does not tell whether a person answered, and the detail will.
type held struct {
	rec    CDR
	since  time.Time // of our clock: when it last grew
	detail *Detail
}

// undecidedFor is how long a detail is waited for before a call is published as is most likely.
const undecidedFor = missedAfter

// hold tells whether rec, which is new, is to be waited with, and notes it if so.
func (t *Tracker) hold(rec *CDR, at time.Time) bool {
	h := t.held[rec.Key]
	switch {
	case h == nil:
		h = &held{rec: *rec, since: at}
	case rec.Rows > h.rec.Rows:
		h.since = at
	}
	h.rec = *rec
	if t.ready(h) {
		t.letGo(h)
		return false
	}
	t.held[rec.Key] = h
	return true
}

// ready tells whether h need not be waited with any longer.
func (t *Tracker) ready(h *held) bool {
	waited := t.now.Sub(h.since)
	if h.rec.Rows > 0 && waited < t.cfg.Settings.Settle {
		return false
	}
	return !h.rec.Undecided || h.detail != nil || !t.details() || waited >= undecidedFor
}

// details tells whether details are asked for at all.
func (t *Tracker) details() bool { return t.cfg.Details && t.cfg.Settings.CallFlow != NoFlow }

// letGo forgets that h was waited with, and keeps its detail until it is published.
func (t *Tracker) letGo(h *held) {
	if h.detail != nil {
		t.told[h.rec.Key] = h.detail
	}
	delete(t.held, h.rec.Key)
}

// release returns the records that were waited with and need not be any longer.
func (t *Tracker) release() []*CDR {
	var out []*CDR
	for _, h := range t.held {
		if t.ready(h) {
			out = append(out, &h.rec)
			t.letGo(h)
		}
	}
	slices.SortFunc(out, func(a, b *CDR) int {
		if c := a.Call.StartedAt.Compare(*b.Call.StartedAt); c != 0 {
			return c
		}
		return compareKeys(a, b)
	})
	return out
}

// Wanted returns records of calls of which a detail is to be asked for: first those that cannot be told without it, then
// those of CALL_FLOW, the newest first; most at most.
func (t *Tracker) Wanted(most int) []CDR {
	var undecided, others []CDR
	for _, h := range t.held {
		if h.rec.Undecided && h.detail == nil && t.details() {
			rec := CDR{Key: h.rec.Key, Call: h.rec.Call}
			rec.Call.CallID = recordCallID(t.cfg.Account, rec.Key)
			undecided = append(undecided, rec)
		}
	}
	for key, c := range t.wanting {
		if !t.wants(c) { // too long ago by now
			delete(t.wanting, key)
			continue
		}
		others = append(others, CDR{Key: key, Call: c.facts})
	}
	all := append(newestFirst(undecided), newestFirst(others)...)
	return slices.Clip(all[:min(len(all), most)])
}

func newestFirst(recs []CDR) []CDR {
	slices.SortFunc(recs, func(a, b CDR) int {
		if c := b.Call.StartedAt.Compare(*a.Call.StartedAt); c != 0 {
			return c
		}
		return compareKeys(&a, &b)
	})
	return recs
}

func compareKeys(a, b *CDR) int {
	switch {
	case a.Key < b.Key:
		return -1
	case a.Key > b.Key:
		return 1
	}
	return 0
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
	if !rec.Undecided || !t.details() || c.detail != nil && (c.verdict == verdict{} || c.verdict == verdictOf(rec)) {
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
