package ingest

import (
	"maps"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// call is what the tracker knows of one call. What every snapshot compares stands in its slot of the lineup too.
type call struct {
	channel  string
	round    uint64 // the snapshot that it came into the lineup with, or back into it
	earliest int64  // began, in nanoseconds since 1970
	latest   int64
	row      rowParties
	talking  bool
	gone     bool      // the last snapshot did not show it
	present  bool      // snapshots show it, or did until it was gone a moment ago; in the lineup, or in Tracker.gone
	unsure   bool      // it may be behind a row of the last snapshot that could not be read
	awaiting bool      // in Tracker.awaiting
	began    Window    // the call began in it
	lastSeen time.Time // when it was surely alive; see Tracker.seen
	goneAt   time.Time // when the first whole snapshot without it was here; zero while it is shown

	record    string       // the Key of its record, "" until it is known
	told      time.Time    // when the record was read last
	undecided bool         // the record leaves open whether a person answered, and so does the detail so far
	verdict   verdict      // of the record as it was read last; zero in a new life
	detail    *Detail      // nil until it was asked for
	unclear   *held        // the record as it is now, while its detail is asked for again
	targets   []string     // keys of the parties that snapshots showed it to reach
	indexes   []partyIndex // where parties hold it

	facts events.Call // as published last, or as they will be next

	answered, ended, missed bool // that event is published
	agentTold               bool // by the answered event
	missedTold              bool // by the event published last
	answerFrom, answerTo    time.Time
	answerKept              bool   // the record does not tell when, and the snapshots did
	lastEvent               string // id of the event published last
}

// rowParties is the part of a snapshot's row that may change while the call lasts.
type rowParties struct {
	to    events.Party
	queue *events.Queue
}

func (c *call) recorded() bool { return c.record != "" }

// same tells whether a row on c's channel is c itself, and not another call that was given the same channel.
// Estimates of the begin jitter by about a second from one poll to the next.
func (c *call) same(row *ActiveCall) bool { return sameBegin(row, c.earliest, c.latest) }

func sameBegin(row *ActiveCall, earliest, latest int64) bool {
	return row.Began.From.UnixNano() <= latest+int64(channelSlack) && row.Began.To.UnixNano() >= earliest-int64(channelSlack)
}

// setBegan notes when c began.
func (c *call) setBegan(w Window) {
	c.began, c.earliest, c.latest = w, w.From.UnixNano(), w.To.UnixNano()
}

// channelSlack is how far apart two estimates of one call's begin may lie. A channel that is used again sooner than
// that is told apart only by the records, which suffice for the facts.
const channelSlack = 3 * time.Second

// distance is how far two windows are apart, 0 if they touch.
func distance(a, b Window) time.Duration {
	switch {
	case a.To.Before(b.From):
		return b.From.Sub(a.To)
	case b.To.Before(a.From):
		return a.From.Sub(b.To)
	}
	return 0
}

// middle of w, to the millisecond.
func middle(w Window) time.Time {
	return w.From.Add(w.To.Sub(w.From) / 2).UTC().Truncate(time.Millisecond)
}

// atStart returns what could be said of c when it began.
func (c *call) atStart() events.Call {
	f := c.atAnswer()
	f.AnsweredAt, f.Agent, f.WaitSeconds, f.RingSeconds = nil, nil, nil, nil
	f.Estimated, f.ObservedAfter, f.ObservedBefore = []string{}, nil, nil
	if !c.recorded() {
		f.Estimated, f.ObservedAfter, f.ObservedBefore = c.estimates(false, false)
	}
	return f
}

// atAnswer returns what could be said of c when it was answered.
func (c *call) atAnswer() events.Call {
	f := c.facts
	f.EndedAt, f.Outcome, f.Missed, f.MissedReason, f.Returned = nil, nil, nil, nil, nil
	f.TalkSeconds, f.TotalSeconds, f.VendorResult, f.Price, f.Flow = nil, nil, nil, nil, nil
	f.Hangup = events.Hangup{By: events.ByUnknown}
	f.Recording = events.RecordingUnknown
	f.Estimated, f.ObservedAfter, f.ObservedBefore = c.estimates(f.AnsweredAt != nil, false)
	return f
}

// estimates names the times of c that were inferred from polls, and the window in which all of them lie.
func (c *call) estimates(answer, end bool) ([]string, *time.Time, *time.Time) {
	names := []string{}
	var span Window
	widen := func(name string, w Window) {
		names = append(names, name)
		if span.From.IsZero() || w.From.Before(span.From) {
			span.From = w.From
		}
		if w.To.After(span.To) {
			span.To = w.To
		}
	}
	if !c.recorded() {
		widen("started_at", c.began)
	}
	if answer && !c.answerTo.IsZero() {
		widen("answered_at", around(Window{c.answerFrom, c.answerTo}, c.facts.AnsweredAt))
	}
	if end && !c.recorded() {
		widen("ended_at", Window{c.lastSeen, c.goneAt})
	}
	if len(names) == 0 {
		return names, nil, nil
	}
	return names, at(span.From), at(span.To)
}

// around returns w, widened to hold t: the record's clock may have moved an estimate out of the window it came from.
func around(w Window, t *time.Time) Window {
	if t != nil && t.Before(w.From) {
		w.From = *t
	}
	if t != nil && t.After(w.To) {
		w.To = *t
	}
	return w
}

// at returns a pointer to t in UTC, to the millisecond: the precision callbus publishes.
func at(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// settle puts the record into c: what it says is so, and where it says nothing, what the snapshots showed stays.
func (c *call) settle(rec *CDR, at time.Time) {
	was := c.facts
	f := rec.Call
	c.told, c.undecided, c.verdict = at, rec.Undecided, verdictOf(rec)
	f.CallID, f.Account, f.Provider = was.CallID, was.Account, was.Provider
	f.Revision, f.Backfill, f.State = was.Revision, was.Backfill, events.Final
	f.VendorIDs = union(was.VendorIDs, rec.Call.VendorIDs)
	f.Evidence = c.evidence(events.FromCDR)
	if f.Queue == nil {
		f.Queue = was.Queue
	}
	c.facts = f
	c.addDetail()
	c.keepAnswer(was.Agent)
	c.facts.Estimated, c.facts.ObservedAfter, c.facts.ObservedBefore = c.estimates(c.answerEstimated(), true)
}

// keepAnswer keeps what snapshots showed of the answer, where the record says that there was one and not when or who.
func (c *call) keepAnswer(agent *events.Agent) {
	if c.answerKept = false; !answeredBy(c.facts) {
		return
	}
	c.answerKept = c.facts.AnsweredAt == nil && !c.answerTo.IsZero()
	if c.answerKept {
		c.facts.AnsweredAt = at(clamp(c.answerTo, *c.facts.StartedAt, *c.facts.EndedAt))
	}
	if c.facts.Agent == nil {
		c.facts.Agent = agent
	}
}

// answerEstimated tells whether the time of the answer is the snapshots' and not the record's.
func (c *call) answerEstimated() bool { return c.answerKept && c.facts.AnsweredAt != nil }

func (c *call) evidence(more events.Evidence) []events.Evidence {
	if slices.Contains(c.facts.Evidence, more) {
		return c.facts.Evidence
	}
	return append(slices.Clone(c.facts.Evidence), more)
}

// answeredBy tells whether a person answered, by what the record says.
func answeredBy(f events.Call) bool { return f.Outcome != nil && *f.Outcome == events.Answered }

func clamp(t, lo, hi time.Time) time.Time {
	if t.Before(lo) {
		return lo
	}
	if t.After(hi) {
		return hi
	}
	return t
}

// union returns a with what b adds; the maps of published events are never changed.
func union(a, b map[string]string) map[string]string {
	u := maps.Clone(a)
	if u == nil {
		u = make(map[string]string, len(b))
	}
	maps.Copy(u, b)
	return u
}

func without(cs []*call, c *call) []*call {
	if i := slices.Index(cs, c); i >= 0 {
		return slices.Delete(cs, i, i+1)
	}
	return cs
}
