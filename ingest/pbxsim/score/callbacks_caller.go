package score

import (
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// caller checks that each of somebody's missed calls led to what it had to.
func (j *callbackJudge) caller(calls []*heard) {
	were := 0
	for _, h := range calls {
		if _, ok := h.since(missed); ok && h.really() == missed && !h.backfilled() {
			were++
			j.missedCall(h)
		}
	}
	if were > 0 {
		j.report.Callers++
		j.report.Missed += were
	}
}

func (h *heard) backfilled() bool {
	return slices.ContainsFunc(h.words, func(w word) bool { return w.backfill })
}

// missedCall checks that a call is part of one obligation, or that nothing had to be told of it.
func (j *callbackJudge) missedCall(h *heard) {
	of := j.dutiesOf(h)
	switch {
	case len(of) > 1:
		j.complain(&j.report.WrongStates, "state", of[1], "%s is owed an answer twice", h.id)
	case len(of) == 1, j.joined(h):
	case j.answeredInTime(h):
		j.report.Answered++
	case j.tooLate(h), j.notYet(h), j.covered(h):
		j.report.Untold++
	default:
		j.unheard(h)
	}
}

// dutiesOf are those that h is part of in the end.
func (j *callbackJudge) dutiesOf(h *heard) (of []*duty) {
	for _, d := range j.of[h.Call.External()] {
		isMember := slices.ContainsFunc(d.data().MissedCalls, func(m events.MissedCall) bool { return m.CallID == h.id })
		if isMember && d.last().Type != events.CallbackCancelled {
			of = append(of, d)
		}
	}
	return of
}

// joined tells whether h is part of an obligation of which nothing was told since h was known.
func (j *callbackJudge) joined(h *heard) bool {
	since, _ := h.since(missed)
	return slices.ContainsFunc(j.of[h.Call.External()], func(d *duty) bool {
		_, ended := d.ended()
		same := !j.o.ByQueue || d.group() == h.Queue || d.group() == "" // the queue may be known later
		return same && !ended && !d.last().RecordedTime.After(j.o.by(since, false))
	})
}

// ready is when h had to be told of, if nothing was in the way: it was known, and had stood for so long. Where the records of
// this caller's calls were corrected, not before that was known.
func (j *callbackJudge) ready(h *heard) time.Time {
	since, _ := h.since(missed)
	ready := latest(since, j.later(h.Call.End).Add(j.o.Grace))
	for _, other := range j.byNumber[h.Call.External()] {
		if other.Corrected != nil && other.Corrected.Outcome != "" {
			ready = latest(ready, other.lastWord(j.o.Until))
		}
	}
	return j.o.by(ready, false)
}

// later is the latest that callbus may take t for.
func (j *callbackJudge) later(t time.Time) time.Time { return t.Add(max(0, j.o.Skew) + j.o.Tolerance) }

func (j *callbackJudge) notYet(h *heard) bool { return !j.ready(h).Before(j.o.Until) }

// answeredInTime tells whether somebody spoke with the caller before the call had to be told of.
func (j *callbackJudge) answeredInTime(h *heard) bool {
	ready := j.ready(h)
	return slices.ContainsFunc(j.answers(h.Call.External(), h.Call.Start, -j.o.slack(), nil), func(a answer) bool {
		return !a.known.After(ready)
	})
}

// tooLate tells whether the call was known only when nobody waits for an answer any more.
func (j *callbackJudge) tooLate(h *heard) bool {
	since, _ := h.since(missed)
	return !h.Call.End.Add(j.o.MaxAge - j.o.slack()).After(j.o.by(since, false))
}

// covered tells whether the call was known only when an obligation was over that it would have been part of.
func (j *callbackJudge) covered(h *heard) bool {
	since, _ := h.since(missed)
	return slices.ContainsFunc(j.of[h.Call.External()], func(d *duty) bool {
		e, ended := d.ended()
		if !ended || e.Type == events.CallbackCancelled || e.RecordedTime.After(j.o.by(since, false)) {
			return false
		}
		return !h.Call.Start.After(j.until(e).Add(j.o.slack()))
	})
}

// until is what calls e ends the obligation for: those that began by then.
func (j *callbackJudge) until(e Stored) time.Time {
	if a, ok := j.resolving(e); ok {
		return a.by.Call.Start
	}
	calls := dataOf(e).MissedCalls
	return j.calls[calls[len(calls)-1].CallID].Call.Start
}

func (j *callbackJudge) unheard(h *heard) {
	told := []string{"nothing of it"}
	for _, d := range j.of[h.Call.External()] {
		told = append(told, d.describe())
	}
	j.report.WrongStates++
	j.complainOf(Discrepancy{
		Kind: "state", What: "missed, and nothing was told of it by " + clock(j.ready(h)) + ": " + describe(h.Truth),
		Truth: j.describeCaller(h.Call.External()), Published: strings.Join(told, nextLine),
	})
}
