package score

import (
	"fmt"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// judge counts.
type judge struct {
	o         Options
	report    Report
	latencies []time.Duration
}

// verdict is what the truth asks of one type of event of one call.
type verdict int

const (
	forbidden verdict = iota
	allowed
	expected
)

// standing says how much can be asked about a call.
type standing int

const (
	over      standing = iota // it ended before callbus looked: nothing may be published
	open                      // at the edge of what callbus can know: anything true may be published, nothing must
	beginning                 // that it began must be known, nothing more
	settled                   // its record could long be read: everything must be known
)

func (j *judge) standing(t *pbxsim.Truth) standing {
	c, o := t.Call, j.o
	switch {
	case !o.Since.IsZero() && c.End.Before(o.Since.Add(-o.Look)):
		return over
	case !o.Since.IsZero() && c.End.Before(o.Since.Add(o.Look)):
		return open
	case !t.Readable.Add(o.Grace).After(o.Until):
		return settled
	case o.RecordsOnly:
		return open
	case earlier(c.End, o.Until).Sub(c.Start) >= o.Grace+o.SeenAfter:
		return beginning
	}
	return open
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// call judges what was published of one call; s is nil when that is nothing.
func (j *judge) call(t *pbxsim.Truth, s *story) {
	st := j.standing(t)
	for _, typ := range types {
		j.count(typ, j.verdict(typ, t, s, st), t, s)
	}
	if st == settled {
		j.report.Calls++
	}
	if s == nil {
		return
	}
	j.order(t, s)
	j.premature(t, s)
	j.falseMissed(t, s)
	if st >= beginning {
		j.latency(t, s)
		j.facts(t, s, st)
	}
}

func (j *judge) verdict(typ events.Type, t *pbxsim.Truth, s *story, st standing) verdict {
	if st == over {
		return forbidden
	}
	v := j.settledVerdict(typ, t, s)
	if v == expected && !(st == settled || st == beginning && typ == events.CallStarted) {
		return allowed
	}
	return v
}

// settledVerdict is what is asked once everything about the call can be known.
func (j *judge) settledVerdict(typ events.Type, t *pbxsim.Truth, s *story) verdict {
	switch typ {
	case events.CallAnswered:
		return j.answered(t, s)
	case events.CallMissed:
		return j.missed(t)
	case events.CallAmended:
		return j.amended(t, s)
	}
	return expected // started, ended
}

func (j *judge) answered(t *pbxsim.Truth, s *story) verdict {
	switch {
	case t.Call.Media == events.Fax:
		return forbidden // a machine answered
	case t.Call.Answered() && (toldByAmendment(s) || j.undecided(t)):
		return allowed
	case t.Call.Answered():
		return expected
	case t.Corrected != nil && t.Corrected.Outcome == events.Answered:
		return allowed // its record said so
	}
	return forbidden
}

// toldByAmendment is true when the call's end was published before anybody could know that it had been answered: then
// an amendment says so, because an answer may not come after the end.
func toldByAmendment(s *story) bool {
	end := s.first(events.CallEnded)
	if end < 0 || isAnswered(s.calls[end]) || s.first(events.CallAnswered) >= 0 {
		return false
	}
	return slices.ContainsFunc(s.events, func(e events.Event) bool {
		a, ok := e.Data.(events.Amendment)
		return ok && slices.Contains(a.Changed, "outcome") && isAnswered(a.Call)
	})
}

func isAnswered(c events.Call) bool { return c.Outcome != nil && *c.Outcome == events.Answered }

func (j *judge) missed(t *pbxsim.Truth) verdict {
	said := events.Outcome("") // by the record before it was corrected
	if t.Corrected != nil {
		said = t.Corrected.Outcome
	}
	inbound := t.Call.Direction == events.Inbound
	switch {
	case inbound && said == events.NoAnswer, t.Call.Missed && said == events.Answered:
		return allowed
	case t.Call.Missed:
		return expected
	}
	return forbidden
}

// amended expects an amendment where the end was published with facts that are no longer the record's.
func (j *judge) amended(t *pbxsim.Truth, s *story) verdict {
	at := s.first(events.CallEnded)
	switch {
	case at < 0:
		return forbidden
	case s.calls[at].State == events.Provisional:
		return expected
	case t.Corrected == nil && explained(t, s) == len(s.amendments()):
		return allowed
	case t.Corrected == nil:
		return forbidden
	case j.undecided(t) || !outdated(s.calls[at], t):
		return allowed
	}
	return expected
}

// outdated tells whether the published end says what the vendor corrected since.
func outdated(ended events.Call, t *pbxsim.Truth) bool {
	if t.Corrected.Recording {
		return ended.Recording != events.RecordingAvailable
	}
	return ended.Outcome == nil || *ended.Outcome != t.Said()
}

// undecided is true when the vendor's correction is so recent, or yet to come, that either may be published.
func (j *judge) undecided(t *pbxsim.Truth) bool {
	return t.Corrected != nil && t.Corrected.At.Add(j.o.Grace).After(j.o.Until)
}

// mostAmendments is how often a call may be amended: once when its record comes after its end was published, once when
// its record takes back an answer that was published, and once when the vendor corrects it.
func mostAmendments(t *pbxsim.Truth, s *story) int {
	n := 0
	if at := s.first(events.CallEnded); at >= 0 && (s.calls[at].State == events.Provisional || s.takenBack(s.calls[at])) {
		n++
	}
	if t.Corrected != nil {
		n++
	}
	return n + explained(t, s)
}

// explained counts the amendments that tell what the first record of the call did not: what the vendor told of it when
// asked for it alone, that it was called back, or what stood in rows that were written later.
func explained(t *pbxsim.Truth, s *story) int {
	n := 0
	for _, a := range s.amendments() {
		late := a.event.RecordedTime.Before(t.Readable.Add(time.Minute)) && s.endedBefore(t.Readable)
		detail := slices.Contains(a.Changed, "flow") && a.Flow != nil
		returned := slices.Contains(a.Changed, "returned") && t.Returned != nil
		if late || detail || returned {
			n++
		}
	}
	return n
}

// endedBefore tells whether the end of the story was published before t.
func (s *story) endedBefore(t time.Time) bool {
	at := s.first(events.CallEnded)
	return at >= 0 && s.events[at].RecordedTime.Before(t)
}

type amendment struct {
	events.Amendment
	event events.Event
}

func (s *story) amendments() (all []amendment) {
	if s == nil {
		return nil
	}
	for _, e := range s.events {
		if a, ok := e.Data.(events.Amendment); ok {
			all = append(all, amendment{a, e})
		}
	}
	return all
}

// takenBack tells whether the story had been answered, and its end says that it was not.
func (s *story) takenBack(ended events.Call) bool {
	return s.first(events.CallAnswered) >= 0 && (ended.Outcome == nil || *ended.Outcome != events.Answered)
}

// count holds the events of one type against what is asked.
func (j *judge) count(typ events.Type, v verdict, t *pbxsim.Truth, s *story) {
	line := j.report.line(typ)
	got, doubles := s.count(typ)
	line.Got += got
	line.Duplicates += doubles
	if doubles > 0 {
		j.complain("doubled", t, s, "%s %d times too often", typ, doubles)
	}
	most := 1
	if typ == events.CallAmended && s != nil {
		most = max(1, mostAmendments(t, s))
	}
	switch fresh := got - doubles; {
	case v == forbidden && fresh > 0:
		j.complain("untrue", t, s, "%s was published", typ)
	case fresh > most:
		line.Right += most
		j.complain("untrue", t, s, "%s published %d times, %d would do", typ, fresh, most)
	default:
		line.Right += fresh
	}
	if v != expected {
		return
	}
	line.Expected++
	if j.told(typ, t, s) {
		line.Told++
		return
	}
	j.complain("left out", t, s, "%s", typ)
}

// told tells whether the story has the event, and an amendment what it is for.
func (j *judge) told(typ events.Type, t *pbxsim.Truth, s *story) bool {
	if typ != events.CallAmended || t.Corrected == nil || j.undecided(t) {
		return s.first(typ) >= 0
	}
	if !outdated(s.calls[s.first(events.CallEnded)], t) {
		return s.first(typ) >= 0 // only a provisional end had to be amended
	}
	field := "outcome"
	if t.Corrected.Recording {
		field = "recording"
	}
	return slices.ContainsFunc(s.events, func(e events.Event) bool {
		a, ok := e.Data.(events.Amendment)
		return ok && slices.Contains(a.Changed, field)
	})
}

// count returns how many events of type typ the story has, and how many of them repeat another: any but the first, or,
// of amendments, any with a revision that was there before.
func (s *story) count(typ events.Type) (n, doubles int) {
	if s == nil {
		return 0, 0
	}
	revisions := map[int]bool{}
	for i, e := range s.events {
		if e.Type != typ {
			continue
		}
		revision := 0
		if typ == events.CallAmended {
			revision = s.calls[i].Revision
		}
		if n++; revisions[revision] {
			doubles++
		}
		revisions[revision] = true
	}
	return n, doubles
}

func (j *judge) order(t *pbxsim.Truth, s *story) {
	for i := 1; i < len(s.events); i++ {
		before, after := s.events[i-1].Type, s.events[i].Type
		if slices.Index(types, after) < slices.Index(types, before) && !turnedMissed(t, before, after) {
			j.report.OutOfOrder++
			j.complain("out of order", t, s, "%s after %s", after, before)
		}
	}
}

// turnedMissed tells whether after had to follow before: the vendor said at first that somebody had answered, and that
// was an amendment already.
func turnedMissed(t *pbxsim.Truth, before, after events.Type) bool {
	return before == events.CallAmended && after == events.CallMissed && t.Corrected != nil && t.Corrected.Outcome == events.Answered
}

// premature counts what was known before it happened: above all an end while the call lasted.
func (j *judge) premature(t *pbxsim.Truth, s *story) {
	happened := map[events.Type]time.Time{
		events.CallStarted: t.Call.Start, events.CallAnswered: t.Call.Answer, events.CallEnded: t.Call.End, events.CallMissed: t.Call.End,
	}
	for _, e := range s.events {
		at := happened[e.Type]
		if !at.IsZero() && !e.RecordedTime.IsZero() && e.RecordedTime.Add(j.o.Tolerance).Before(at) {
			j.report.Premature++
			j.complain("premature", t, s, "%s was recorded %s before it happened", e.Type, at.Sub(e.RecordedTime))
		}
	}
}

func (j *judge) falseMissed(t *pbxsim.Truth, s *story) {
	if s.first(events.CallMissed) >= 0 && j.missed(t) == forbidden {
		j.report.FalseMissed++
	}
}

func (j *judge) latency(t *pbxsim.Truth, s *story) {
	at := s.first(events.CallStarted)
	if at < 0 || t.Call.End.Sub(t.Call.Start) < j.o.SeenAfter || t.Call.Start.Before(j.o.Since) {
		return
	}
	j.latencies = append(j.latencies, s.events[at].RecordedTime.Sub(t.Call.Start))
}

// madeUp counts a story that is about no call.
func (j *judge) madeUp(s *story) {
	j.report.MadeUp++
	for _, e := range s.events {
		j.report.line(e.Type).Got++
		if e.Type == events.CallMissed {
			j.report.FalseMissed++
		}
	}
	j.complain("made up", nil, s, "there was no such call")
}

// doubled counts a second story about a call.
func (j *judge) doubled(s *story) {
	j.report.Doubled++
	for _, e := range s.events {
		line := j.report.line(e.Type)
		line.Got++
		line.Duplicates++
	}
	j.complain("doubled", s.truth, s, "the call was published under another id as well")
}

func (j *judge) complain(kind string, t *pbxsim.Truth, s *story, format string, args ...any) {
	j.report.Discrepancies++
	if len(j.report.Listed) < j.o.List {
		j.report.Listed = append(j.report.Listed, Discrepancy{
			Kind: kind, What: fmt.Sprintf(format, args...), Truth: describe(t), Published: s.describe(),
		})
	}
}
