package while1

import (
	"strconv"

	"github.com/callbus/callbus/events"
)

// flow returns the way of a call, a step for each of its rows.
func flow(rows []facts) []events.Step {
	steps := make([]events.Step, len(rows))
	for i := range rows {
		f := &rows[i]
		kind, target := f.target()
		steps[i] = events.Step{Kind: kind, Target: target, StartedAt: &f.begin, EndedAt: &f.end, Result: told(f.status)}
		if f.talked() {
			steps[i].AnsweredAt = f.answeredAt(f.begin, f.end)
		}
	}
	return steps
}

// target returns what a row led to.
func (f *facts) target() (events.StepKind, *string) {
	switch {
	case f.direction == "OUT" && !f.toExt:
		return events.StepExternal, shown(f.to)
	case f.desk != "":
		return events.StepExtension, told(f.desk)
	case f.queue != "":
		return events.StepQueue, told(f.queue)
	case f.toExt:
		return events.StepExtension, f.to.Extension
	case orZero(f.menu) > 0 && orZero(f.ring) == 0:
		return events.StepMenu, shown(f.to)
	}
	return events.StepNumber, shown(f.to)
}

// shown returns a number as it is published, else as the vendor wrote it.
func shown(p events.Party) *string {
	if p.Number != nil {
		return p.Number
	}
	return p.Raw
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
