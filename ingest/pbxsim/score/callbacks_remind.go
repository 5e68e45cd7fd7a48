package score

import (
	"time"

	"github.com/callbus/callbus/events"
)

// reminders checks those that were told, and that none is missing.
func (j *callbackJudge) reminders(d *duty) {
	told := map[int]bool{}
	for _, e := range d.events {
		if e.Type != events.CallbackDue {
			continue
		}
		j.report.Reminders++
		step := dataOf(e).Step
		if before := j.report.Discrepancies; !told[step] {
			j.reminder(d, e)
			if j.report.Discrepancies == before {
				j.report.Right++
			}
		}
		told[step] = true
	}
	for step := 1; step <= len(j.o.After); step++ {
		if !told[step] && j.mustRemind(d, step) {
			j.complain(&j.report.Missing, "missing", d, "reminder %d, due at %s", step, clock(j.dueAt(d, step)))
		}
	}
}

// reminder checks one: that it was told when it was due, to somebody who was there, and that a call back was still owed.
func (j *callbackJudge) reminder(d *duty, e Stored) {
	c, now := dataOf(e), e.RecordedTime
	if c.Step < 1 || c.Step > len(j.o.After) || c.DueAt == nil {
		j.complain(&j.report.Mistimed, "mistimed", d, "there is no reminder %d", c.Step)
		return
	}
	due := j.o.due(c.FirstMissedAt, j.o.After[c.Step-1])
	if c.DueAt.Sub(due).Abs() > exact || now.Before(due.Add(-exact)) {
		j.complain(&j.report.Mistimed, "mistimed", d, "reminder %d was told at %s as due at %s, and is due at %s", c.Step, clock(now), clock(*c.DueAt), clock(due))
	}
	if by := j.o.by(latest(due, d.first().RecordedTime, j.stirred(d, e)), true); now.After(by) {
		j.complain(&j.report.Mistimed, "mistimed", d, "reminder %d was told at %s, after %s", c.Step, clock(now), clock(by))
	}
	if !j.o.open(now) {
		j.complain(&j.report.Outside, "outside", d, "reminder %d was told at %s, outside hours", c.Step, clock(now))
	}
	if expires := c.LastMissedAt.Add(j.o.MaxAge); now.After(expires.Add(j.o.Known)) {
		j.complain(&j.report.Mistimed, "mistimed", d, "reminder %d was told at %s, and it was too late at %s", c.Step, clock(now), clock(expires))
	}
	if a, ok := j.known(d, e); ok {
		j.complain(&j.report.After, "after", d, "reminder %d was told at %s, and it was answered before: %s", c.Step, clock(now), a)
	}
}

// mustRemind tells whether the reminder had to be told: callbus was at work when it was due, it was open, a call back was still
// owed, and the next reminder was not due as well.
func (j *callbackJudge) mustRemind(d *duty, step int) bool {
	due := j.dueAt(d, step)
	if due.IsZero() {
		return false
	}
	by := j.o.by(latest(due, d.first().RecordedTime, j.stirred(d, d.last())), true)
	if step < len(j.o.After) && !by.Before(j.dueAt(d, step+1)) {
		return false
	}
	return by.Before(j.over(d)) && by.Before(d.data().LastMissedAt.Add(j.o.MaxAge))
}

// dueAt is when a reminder was due: where an amendment moved that, the later.
func (j *callbackJudge) dueAt(d *duty, step int) (due time.Time) {
	for _, e := range d.events {
		due = latest(due, j.o.due(dataOf(e).FirstMissedAt, j.o.After[step-1]))
	}
	return due
}
