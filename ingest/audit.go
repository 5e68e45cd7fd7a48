package ingest

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// Finding is what the self-audit found of one call: it holds what was published while the call lasted, from snapshots,
// against what the call's record says when that comes first. Each call has one finding; of several that apply, the one that
// stands first here.
type Finding int

// The findings.
const (
	Unseen       Finding = iota // no snapshot had shown the call: nothing could be said of it while it lasted
	WrongMissed                 // it was said to be missed, or not to be, and is the other
	WrongOutcome                // a person was said to have answered, and none had; or one talked for some polls, and was not seen to
	WrongParties                // its direction or caller is another, or it reached whom no snapshot showed
	WrongTimes                  // it began, was answered or ended outside the time in which it was said to have
	Agreed                      // the record bears out all that was said
	Unrecorded                  // it ended by the snapshots alone, and an hour later there was no record

	findings // how many there are
)

// Audit counts calls by finding. A record that comes more than an hour late is counted by what it says, after its call was
// counted as unrecorded.
type Audit [findings]int

func (f Finding) String() string {
	return [findings]string{"unseen", "missed", "outcome", "parties", "times", "agreed", "unrecorded"}[f]
}

// audit returns what rec, the first that is known of c, says of what was published of c so far.
func (t *Tracker) audit(c *call, rec *CDR) Finding {
	switch {
	case !slices.Contains(c.facts.Evidence, events.FromSnapshot):
		return Unseen
	case c.ended && c.facts.Missed != nil && *c.facts.Missed != *rec.Call.Missed:
		return WrongMissed
	case t.wrongOutcome(c, &rec.Call):
		return WrongOutcome
	case c.wrongParties(&rec.Call):
		return WrongParties
	case c.wrongTimes(&rec.Call):
		return WrongTimes
	}
	return Agreed
}

// wrongOutcome tells whether it was said wrongly of c that a person answered, or not said although the polls had the time
// to see it.
func (t *Tracker) wrongOutcome(c *call, f *events.Call) bool {
	answered := answeredBy(*f) && f.Media != events.Fax
	if c.answered || !answered {
		return c.answered && !answered
	}
	talked := f.TalkSeconds != nil && time.Duration(*f.TalkSeconds*float64(time.Second)) > gapPolls*t.cfg.Settings.PollActive
	return talked
}

func (c *call) wrongParties(f *events.Call) bool {
	return c.facts.Direction != f.Direction && c.facts.Direction != events.UnknownDirection && f.Direction != events.UnknownDirection ||
		partyKey(c.facts.From) != partyKey(f.From) || !c.reached(f)
}

// wrongTimes compares the times as they are published: where the PBX's clock is not ours, they are not what was said.
func (c *call) wrongTimes(f *events.Call) bool {
	outside := func(told *time.Time, said Window) bool {
		return told != nil && distance(Window{*told, told.Add(time.Second)}, said) > channelSlack
	}
	return outside(f.StartedAt, c.began) ||
		!c.answerTo.IsZero() && outside(f.AnsweredAt, Window{c.answerFrom, c.answerTo}) ||
		c.ended && !c.goneAt.IsZero() && outside(f.EndedAt, Window{c.lastSeen, c.goneAt})
}

// unrecorded counts c, whose record is no longer waited for; but not what a former life has counted.
func (t *Tracker) unrecorded(c *call) {
	if c.facts.EndedAt.Add(remember).After(t.cfg.Since) {
		t.tally.Audit[Unrecorded]++
	}
}
