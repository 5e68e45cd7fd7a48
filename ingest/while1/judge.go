package while1

import (
	"time"

	"github.com/callbus/callbus/events"
)

// judged adds to call how it went.
func judged(call *events.Call, rows []facts) {
	deciding := decider(rows)
	outcome := deciding.outcome()
	answered := outcome == events.Answered
	call.Outcome = &outcome
	call.Missed = new(call.Direction == events.Inbound && !answered)
	if *call.Missed {
		call.MissedReason = new(missedReason(outcome, rows))
	}
	if answered {
		call.AnsweredAt = deciding.answeredAt(*call.StartedAt, *call.EndedAt)
		call.Agent = deciding.agent(call.Direction)
		call.TalkSeconds = talkSeconds(call, rows)
	} else if outcome != events.UnknownOutcome {
		call.TalkSeconds = new(0.0)
	}
	if deciding.ring != nil {
		call.RingSeconds = new(deciding.ring.Seconds())
	}
	call.VendorResult = told(deciding.result)
	call.Hangup = deciding.info.hangup()
}

// decider returns the row that decides how the call went: the leg that somebody answered first, else the one that got
// furthest, else the first.
func decider(rows []facts) *facts {
	best := &rows[0]
	for i := range rows[1:] {
		if f := &rows[i+1]; f.decidesOver(best) {
			best = f
		}
	}
	return best
}

func (f *facts) decidesOver(other *facts) bool {
	outcome, others := f.outcome(), other.outcome()
	if outcome == events.Answered && others == events.Answered {
		a, b := f.answeredAt(f.begin, f.end), other.answeredAt(other.begin, other.end)
		return a != nil && (b == nil || a.Before(*b))
	}
	return ranks[outcome] < ranks[others]
}

// answeredAt returns when a leg was answered, which the vendor tells by how long it was billed from then to its end; nil
// when it does not.
func (f *facts) answeredAt(from, to time.Time) *time.Time {
	if f.bill == nil {
		return nil
	}
	t := f.end.Add(-*f.bill)
	for _, earliest := range []time.Time{f.begin, from} {
		if t.Before(earliest) {
			t = earliest
		}
	}
	if t.After(to) {
		t = to
	}
	return &t
}

// agent returns who answered a leg, where that is one of ours.
func (f *facts) agent(d events.Direction) *events.Agent {
	if d == events.Outbound || f.direction == "OUT" && !f.toExt || f.fax {
		return nil
	}
	a := events.Agent{Extension: told(f.desk)}
	if a.Extension == nil && f.toExt && (f.to.Raw == nil || *f.to.Raw != f.queue) {
		a.Extension = f.to.Extension
	}
	if d == events.Inbound {
		a.Name = told(f.user)
	}
	if a == (events.Agent{}) {
		return nil
	}
	return &a
}

// talkSeconds returns how long was talked on all legs together; nil where a leg does not tell, and where they overlap:
// after a transfer one leg may hold the other.
func talkSeconds(call *events.Call, rows []facts) *float64 {
	var sum time.Duration
	legs := 0
	for i := range rows {
		if !rows[i].talked() {
			continue
		}
		if rows[i].bill == nil {
			return nil
		}
		sum += *rows[i].bill
		legs++
	}
	if legs > 1 && sum > call.EndedAt.Sub(*call.AnsweredAt)+clockSlack {
		return nil
	}
	return new(sum.Seconds())
}

// missedReason says why a call was missed that went so.
func missedReason(outcome events.Outcome, rows []facts) events.MissedReason {
	switch outcome {
	case events.Busy:
		return events.MissedBusy
	case events.Rejected:
		return events.MissedRejected
	case events.Unreachable:
		return events.MissedUnreachable
	case events.Failed:
		return events.MissedFailed
	case events.UnknownOutcome:
		return events.MissedUnknown
	}
	return gaveUp(outcome, rows)
}

// gaveUp says where the caller was who got no answer.
func gaveUp(outcome events.Outcome, rows []facts) events.MissedReason {
	menu, rang, cancelled := false, false, outcome == events.Cancelled
	for i := range rows {
		f := &rows[i]
		if f.queue != "" {
			return events.MissedInQueue
		}
		menu = menu || orZero(f.menu) > 0
		rang = rang || f.desk != "" || f.toExt || orZero(f.ring) > 0
		cancelled = cancelled || f.info.dial == "CANCEL"
	}
	switch {
	case menu && !rang:
		return events.MissedInMenu
	case cancelled:
		return events.MissedAbandoned
	}
	return events.MissedNoAnswer
}
