package score

import (
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// facts holds what was last published of a call against the truth. Of a call that lasts, only what a list of active
// calls shows can be held against it.
func (j *judge) facts(t *pbxsim.Truth, s *story, st standing) {
	c := s.last()
	wrong := func(field, got, want string) {
		j.report.WrongFacts++
		j.complain("wrong", t, s, "%s is %s, and was %s", field, got, want)
	}
	if c.Direction != t.Call.Direction && (st == settled || c.Direction != events.UnknownDirection) {
		wrong("direction", string(c.Direction), string(t.Call.Direction))
	}
	if got := text(c.ExternalNumber); got != t.Call.External() && (st == settled || got != "") {
		wrong("external_number", quote(got), quote(t.Call.External()))
	}
	if st != settled {
		return
	}
	if c.State != events.Final {
		j.report.NeverFinal++
		j.complain("never final", t, s, "its record can be read since %s", clock(t.Readable))
		return
	}
	j.recordFacts(t, c, wrong)
}

// recordFacts checks what only the record tells.
func (j *judge) recordFacts(t *pbxsim.Truth, c events.Call, wrong func(field, got, want string)) {
	if c.Media != t.Call.Media {
		wrong("media", string(c.Media), string(t.Call.Media))
	}
	if got := queueOf(c); got != t.Queue {
		wrong("queue", quote(got), quote(t.Queue))
	}
	j.moment("started_at", c.StartedAt, t.Call.Start, wrong)
	j.moment("ended_at", c.EndedAt, t.Call.End, wrong)
	j.returned(t, c, wrong)
	if t.Corrected != nil && j.undecided(t) {
		return // outcome and missed may be either
	}
	if c.Outcome == nil || *c.Outcome != t.Said() {
		wrong("outcome", outcome(c.Outcome), string(t.Said()))
	}
	if c.Missed == nil || *c.Missed != t.Call.Missed {
		wrong("missed", yesNo(c.Missed), yesNo(&t.Call.Missed))
	}
}

// returned checks that a missed call says that it was called back once the vendor says so. If that was a moment ago,
// either will do.
func (j *judge) returned(t *pbxsim.Truth, c events.Call, wrong func(field, got, want string)) {
	switch {
	case t.Returned == nil && c.Returned != nil:
		wrong("returned", "told", "never")
	case t.Returned == nil || t.Returned.At.Add(j.o.Reread).After(j.o.Until):
	case c.Returned == nil:
		wrong("returned", "null", clock(t.Returned.At))
	case t.Returned.CallID != "" && text(c.Returned.CallID) != t.Returned.CallID:
		wrong("returned.call_id", quote(text(c.Returned.CallID)), quote(t.Returned.CallID))
	}
}

func (j *judge) moment(field string, got *time.Time, want time.Time, wrong func(field, got, want string)) {
	switch {
	case got == nil:
		wrong(field, "null", clock(want))
	case j.o.apart(*got, want) > j.o.Tolerance:
		wrong(field, clock(*got), clock(want))
	}
}

func queueOf(c events.Call) string {
	if c.Queue == nil {
		return ""
	}
	return text(c.Queue.ID)
}
