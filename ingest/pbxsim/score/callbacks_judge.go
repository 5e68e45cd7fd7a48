package score

import (
	"fmt"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// exact is how far apart two times may be that callbus worked out of one another.
const exact = 5 * time.Millisecond

// slack is how far what is told of a time may be from it.
func (o CallbackOptions) slack() time.Duration { return o.Tolerance + o.Skew.Abs() }

// duty judges what was told under one id.
func (j *callbackJudge) duty(d *duty) {
	j.report.Callbacks++
	if !j.shaped(d) || !j.owed(d) {
		number := d.data().ExternalNumber
		j.of[number] = slices.DeleteFunc(j.of[number], func(other *duty) bool { return other == d })
		return
	}
	j.opened(d)
	j.facts(d)
	j.reminders(d)
	j.attempts(d)
	j.state(d)
}

// shaped checks that a callback is opened once, first, and ended once at most, last; and that nothing is told twice.
func (j *callbackJudge) shaped(d *duty) bool {
	if d.first().Type != events.CallbackOpened {
		j.complain(&j.report.WrongStates, "state", d, "%s, and it was never opened", d.first().Type)
		return false
	}
	ended, told := false, map[string]bool{}
	for _, e := range d.events {
		what := toldOnce(e)
		switch {
		case told[what]:
			j.complain(&j.report.Twice, "twice", d, "%s", what)
		case ended:
			j.complain(&j.report.WrongStates, "state", d, "%s after its end", e.Type)
		}
		ended, told[what] = ended || isEnd(e.Type), true
	}
	return true
}

// toldOnce is what nothing else may be told as.
func toldOnce(e Stored) string {
	switch e.Type {
	case events.CallbackDue:
		return fmt.Sprintf("reminder %d", dataOf(e).Step)
	case events.CallbackAttempted:
		return "the attempt " + e.CausationID
	case events.CallbackOpened:
		return "opened"
	}
	return string(e.Type)
}

// owed checks that somebody rang and was missed whom one can call back.
func (j *callbackJudge) owed(d *duty) bool {
	for _, e := range d.events {
		if len(dataOf(e).MissedCalls) == 0 {
			j.complain(&j.report.Nobody, "nobody", d, "%s names no missed call", e.Type)
			return false
		}
		for _, m := range dataOf(e).MissedCalls {
			if why := j.nobody(d, m); why != "" {
				j.complain(&j.report.Nobody, "nobody", d, "%s", why)
				return false
			}
		}
	}
	return true
}

// nobody says why a missed call of d obliges nobody; "" when it does.
func (j *callbackJudge) nobody(d *duty, m events.MissedCall) string {
	h := j.calls[m.CallID]
	switch {
	case h == nil:
		return "there was no call " + m.CallID
	case h.Call.Direction == events.Internal:
		return "the call was internal"
	case h.Call.External() == "":
		return "the caller hid the number"
	case h.Call.External() != d.data().ExternalNumber:
		return "somebody else rang: " + quote(h.Call.External())
	case slices.ContainsFunc(h.words, func(w word) bool { return w.backfill }):
		return "the call is older than the account"
	case !h.couldBe(missed):
		return "the call was never missed: " + describe(h.Truth)
	}
	return ""
}

// opened checks when the callback was opened.
func (j *callbackJudge) opened(d *duty) {
	e := d.first()
	c := dataOf(e)
	due := c.FirstMissedAt.Add(j.o.Grace)
	if e.RecordedTime.Before(due.Add(-exact)) {
		j.complain(&j.report.Mistimed, "mistimed", d, "opened before %s", clock(due))
	}
	if by := j.o.by(latest(due, j.stirred(d, e)), false); e.RecordedTime.After(by) {
		j.complain(&j.report.Mistimed, "mistimed", d, "opened after %s", clock(by))
	}
	if a, ok := j.known(d, e); ok {
		j.complain(&j.report.After, "after", d, "opened, and answered before: %s", a)
	}
}

// stirred is when that was last known, until e was told, on which it depends when e is due: that the calls were missed, and that
// what was owed before is over. Where records are corrected, any word may be of that kind.
func (j *callbackJudge) stirred(d *duty, e Stored) (last time.Time) {
	for _, m := range dataOf(e).MissedCalls {
		if since, ok := j.calls[m.CallID].since(missed); ok && !since.After(e.RecordedTime) {
			last = latest(last, since)
		}
	}
	for _, h := range j.byNumber[d.data().ExternalNumber] {
		if h.Corrected != nil && h.Corrected.Outcome != "" {
			last = latest(last, h.lastWord(e.RecordedTime))
		}
	}
	for _, other := range j.of[d.data().ExternalNumber] {
		if end, ok := other.ended(); ok && other != d && !end.RecordedTime.After(e.RecordedTime) {
			last = latest(last, end.RecordedTime)
		}
	}
	return last
}

// facts checks what is told of the missed calls.
func (j *callbackJudge) facts(d *duty) {
	for _, e := range d.events {
		c := dataOf(e)
		if c.Count < len(c.MissedCalls) || c.Count > len(c.MissedCalls) && c.Count <= events.MostMissedCalls || c.Steps < c.Step {
			j.complain(&j.report.WrongFacts, "wrong", d, "%s counts %d of %d calls, step %d of %d", e.Type, c.Count, len(c.MissedCalls), c.Step, c.Steps)
		}
		for _, m := range c.MissedCalls {
			h := j.calls[m.CallID]
			if !j.saidToEnd(h, m.At) {
				j.complain(&j.report.WrongFacts, "wrong", d, "%s says that %s was missed at %s, and that was %s", e.Type, m.CallID, clock(m.At), clock(h.Call.End))
			}
			if j.byEvent[m.EventID] != h {
				j.complain(&j.report.WrongFacts, "wrong", d, "%s says that %s was missed by event %s, which is not of it", e.Type, m.CallID, m.EventID)
			}
		}
	}
}

// attempts checks that each call back that nobody answered was told.
func (j *callbackJudge) attempts(d *duty) {
	told := map[*heard]bool{}
	for _, e := range d.events {
		if e.Type != events.CallbackAttempted {
			continue
		}
		j.report.Attempts++
		h := j.byEvent[e.CausationID]
		if told[h] = true; h == nil || h.Call.External() != d.data().ExternalNumber || h.Call.Direction != events.Outbound || !h.couldBe(tried) || h.Call.Start.Before(j.begin(e).Add(-j.o.slack())) {
			j.complain(&j.report.WrongFacts, "wrong", d, "there was no attempt %s", e.CausationID)
		}
	}
	for _, h := range j.byNumber[d.data().ExternalNumber] {
		since, ok := h.since(tried)
		if told[h] || !ok || h.really() != tried || !h.Call.Start.After(j.begin(d.last()).Add(j.o.slack())) {
			continue
		}
		if j.o.by(latest(since, d.first().RecordedTime), false).Before(j.over(d)) {
			j.complain(&j.report.WrongFacts, "wrong", d, "an attempt is not told: %s", describe(h.Truth))
		}
	}
}

// begin is when the first missed call of e began.
func (j *callbackJudge) begin(e Stored) time.Time {
	if h := j.calls[dataOf(e).MissedCalls[0].CallID]; h != nil {
		return h.Call.Start
	}
	return dataOf(e).FirstMissedAt
}

// over is when d ended, or when nobody looked any more.
func (j *callbackJudge) over(d *duty) time.Time {
	if e, ok := d.ended(); ok {
		return e.RecordedTime
	}
	return j.o.Until
}

// overlaps checks that a caller was not owed two callbacks at a time, but by two queues.
func (j *callbackJudge) overlaps(of []*duty) {
	for i, b := range of {
		for _, a := range of[:i] {
			_, ended := a.ended()
			if same := !j.o.ByQueue || a.group() == b.group(); same && (!ended || a.at[len(a.at)-1] > b.at[0]) {
				j.complain(&j.report.WrongStates, "state", b, "opened, and %s of the same caller was open", a.id)
			}
		}
	}
}

func (j *callbackJudge) complain(n *int, kind string, d *duty, format string, args ...any) {
	*n++
	j.complainOf(Discrepancy{
		Kind: kind, What: fmt.Sprintf(format, args...), Truth: j.describeCaller(d.data().ExternalNumber), Published: d.describe(),
	})
}

func (j *callbackJudge) complainOf(d Discrepancy) {
	if j.report.Discrepancies++; len(j.report.Listed) < j.o.List {
		j.report.Listed = append(j.report.Listed, d)
	}
}
