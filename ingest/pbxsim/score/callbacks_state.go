package score

import (
	"fmt"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// answer is what ends an obligation: a conversation, or the vendor's word.
type answer struct {
	by    *heard
	known time.Time // from when the bus says so
	at    time.Time
	how   events.Resolution
}

func (a answer) String() string {
	return fmt.Sprintf("%s, known at %s, %s", a.how, clock(a.known), describe(a.by.Truth))
}

// answers are those, of the calls with a number, to a call that was missed and began at a time, which is known up to slack.
// The word on a missed call that members does not hold may be about another obligation.
func (j *callbackJudge) answers(number string, began time.Time, slack time.Duration, members []events.MissedCall) (all []answer) {
	for _, h := range j.byNumber[number] {
		if since, ok := h.since(spoken); ok && h.really() == spoken && h.Call.Start.After(began.Add(slack)) {
			all = append(all, answer{h, since, h.Call.Answer, howOf(h)})
		}
		w, ok := h.marked()
		isMember := slices.ContainsFunc(members, func(m events.MissedCall) bool { return m.CallID == h.id })
		if ok && h.really() == missed && !h.Call.Start.Before(began) && (members == nil || isMember) {
			all = append(all, answer{h, w.stored, w.recorded, events.ResolutionVendor})
		}
	}
	return all
}

func howOf(h *heard) events.Resolution {
	if h.Call.Direction == events.Outbound {
		return events.ResolutionReturned
	}
	return events.ResolutionCallerReachedUs
}

// sure are the answers to the first missed call of e.
func (j *callbackJudge) sure(e Stored) []answer {
	c := dataOf(e)
	return j.answers(c.ExternalNumber, j.begin(e), j.o.slack(), c.MissedCalls)
}

// known returns an answer that was known when e was told: a conversation, the vendor's word, or that no call was missed after
// all.
func (j *callbackJudge) known(d *duty, e Stored) (string, bool) {
	long := func(t time.Time) bool { return t.Add(j.o.Known).Before(e.RecordedTime) }
	for _, a := range j.sure(e) {
		if long(a.known) {
			return a.String(), true
		}
	}
	if at, ok := j.undone(e); ok && long(at) {
		return "none of its calls was missed after all, known at " + clock(at), true
	}
	return "", false
}

// undone is from when it is known that none of the calls of e was missed after all.
func (j *callbackJudge) undone(e Stored) (at time.Time, ok bool) {
	for _, m := range dataOf(e).MissedCalls {
		h := j.calls[m.CallID]
		since, is := h.since(spoken)
		if !is || h.really() != spoken {
			return at, false
		}
		at = latest(at, since)
	}
	return at, true
}

// state checks how d ended, or that it is rightly open.
func (j *callbackJudge) state(d *duty) {
	e, ended := d.ended()
	if !ended {
		j.report.Open++
		j.stillOpen(d)
		return
	}
	switch e.Type {
	case events.CallbackCompleted:
		j.completed(d, e)
	case events.CallbackCancelled:
		j.report.Cancelled++
		j.cancelled(d, e)
	case events.CallbackExpired:
		j.report.Expired++
		j.expired(d, e)
	}
}

// stillOpen checks that nothing ended d long enough ago to be told.
func (j *callbackJudge) stillOpen(d *duty) {
	last := d.last()
	past := func(t time.Time) bool {
		return j.o.by(latest(t, d.first().RecordedTime), false).Before(j.o.Until)
	}
	for _, a := range j.sure(last) {
		if past(a.known) {
			j.complain(&j.report.WrongStates, "state", d, "open, and answered: %s", a)
			return
		}
	}
	if at, ok := j.undone(last); ok && past(at) {
		j.complain(&j.report.WrongStates, "state", d, "open, and no call was missed, known at %s", clock(at))
	} else if expires := j.lastMissed(d).Add(j.o.MaxAge); past(latest(expires, j.stirred(d, last))) {
		j.complain(&j.report.WrongStates, "state", d, "open, and expired at %s", clock(expires))
	}
}

// lastMissed is when the last call was missed that is owed an answer with d: also one that came after the last event about d.
func (j *callbackJudge) lastMissed(d *duty) time.Time {
	last := d.data().LastMissedAt
	for _, h := range j.byNumber[d.data().ExternalNumber] {
		if since, ok := h.since(missed); ok && h.Call.End.After(last) && !since.After(last.Add(j.o.MaxAge+j.o.Late)) {
			last = h.Call.End.Add(max(0, j.o.Skew))
		}
	}
	return last
}

func (j *callbackJudge) expired(d *duty, e Stored) {
	expires := dataOf(e).LastMissedAt.Add(j.o.MaxAge)
	if e.RecordedTime.Before(expires.Add(-exact)) {
		j.complain(&j.report.WrongStates, "state", d, "expired at %s, before %s", clock(e.RecordedTime), clock(expires))
	}
	if by := j.o.by(latest(expires, d.first().RecordedTime, j.stirred(d, e)), false); e.RecordedTime.After(by) {
		j.complain(&j.report.Mistimed, "mistimed", d, "expired at %s, after %s", clock(e.RecordedTime), clock(by))
	}
	if a, ok := j.known(d, e); ok {
		j.complain(&j.report.WrongStates, "state", d, "expired, and answered before: %s", a)
	}
}

// cancelled checks that the bus had said of each call that somebody had answered it.
func (j *callbackJudge) cancelled(d *duty, e Stored) {
	for _, m := range dataOf(e).MissedCalls {
		if h := j.calls[m.CallID]; !h.couldBe(spoken) || !h.saidBy(spoken, e.RecordedTime.Add(j.o.Known)) {
			j.complain(&j.report.WrongStates, "state", d, "cancelled, and missed: %s", describe(h.Truth))
			return
		}
	}
	if at, ok := j.undone(e); ok && e.RecordedTime.After(j.o.by(latest(at, d.first().RecordedTime), false)) {
		j.complain(&j.report.Mistimed, "mistimed", d, "cancelled at %s, known at %s", clock(e.RecordedTime), clock(at))
	}
}

// completed checks that d was ended by the answer that was the first, of those that were known.
func (j *callbackJudge) completed(d *duty, e Stored) {
	c := dataOf(e)
	a, ok := j.resolving(e)
	if !ok {
		j.complain(&j.report.WrongCalls, "wrong call", d, "completed by %s %s, which is no answer", resolution(c.Resolution), text(c.ResolvedByCallID))
		return
	}
	for _, b := range j.sure(e) {
		if b.at.Add(j.o.slack()).Before(a.at) && b.known.Add(j.o.Known).Before(e.RecordedTime) {
			j.complain(&j.report.WrongCalls, "wrong call", d, "completed by %s, and before that by %s", a, b)
			return
		}
	}
	if by := j.o.by(latest(a.known, d.first().RecordedTime), false); e.RecordedTime.After(by) {
		j.complain(&j.report.Mistimed, "mistimed", d, "completed at %s, after %s", clock(e.RecordedTime), clock(by))
	}
	j.report.Completed[a.how]++
	j.tookSoLong(d, e, a)
}

// resolving is the answer that e names, as far as it is one.
func (j *callbackJudge) resolving(e Stored) (answer, bool) {
	c := dataOf(e)
	if c.Resolution == nil {
		return answer{}, false
	}
	if *c.Resolution == events.ResolutionVendor {
		return j.vendorsWord(e)
	}
	h := j.calls[text(c.ResolvedByCallID)]
	known := e.RecordedTime.Add(j.o.Known)
	if h == nil || h.Call.External() != c.ExternalNumber || howOf(h) != *c.Resolution || !h.couldBe(spoken) || !h.saidBy(spoken, known) || !h.Call.Start.After(j.begin(e).Add(-j.o.slack())) {
		return answer{}, false
	}
	a := answer{h, h.firstSaid(spoken), h.Call.Answer, *c.Resolution}
	if since, ok := h.since(spoken); ok && since.Before(known) {
		a.known = since
	}
	if !h.Call.Start.After(j.begin(e).Add(j.o.slack())) { // which of them began first may be known only with their records
		a.known = latest(h.lastWord(e.RecordedTime), j.calls[c.MissedCalls[0].CallID].lastWord(e.RecordedTime))
	}
	if !h.Call.Answered() { // its record said so
		a.at = h.Call.Start
	}
	return a, true
}

func (h *heard) firstSaid(m matter) time.Time {
	i := slices.IndexFunc(h.words, func(w word) bool { return w.matter == m })
	return h.words[i].stored
}

// vendorsWord is the first that e may be about.
func (j *callbackJudge) vendorsWord(e Stored) (first answer, ok bool) {
	for _, a := range j.answers(dataOf(e).ExternalNumber, j.begin(e).Add(-j.o.slack()), 0, nil) {
		if a.how == events.ResolutionVendor && a.by.Returned != nil && !a.known.After(e.RecordedTime.Add(j.o.Known)) && (!ok || a.at.Before(first.at)) {
			first, ok = a, true
		}
	}
	return first, ok
}

// tookSoLong checks how long the caller waited, and keeps it.
func (j *callbackJudge) tookSoLong(d *duty, e Stored, a answer) {
	c := dataOf(e)
	if c.SecondsToReturn == nil {
		j.complain(&j.report.WrongFacts, "wrong", d, "nothing says how long it took")
		return
	}
	told := time.Duration(*c.SecondsToReturn * float64(time.Second))
	was := max(0, a.at.Sub(j.calls[c.MissedCalls[0].CallID].Call.End))
	if a.by.Call.Answered() || a.how == events.ResolutionVendor {
		if (told - was).Abs() > 2*j.o.slack() {
			j.complain(&j.report.WrongFacts, "wrong", d, "it took %s, and is said to have taken %s", was, told)
		}
		j.published, j.really = append(j.published, told), append(j.really, was)
	}
}

func resolution(r *events.Resolution) string {
	if r == nil {
		return "null"
	}
	return string(*r)
}
