package ingest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/schemas"
)

// A trackerCase is a story: what is seen, step by step, and what the tracker makes of each. Times are seconds after
// epoch; calls are named A, B, ... in the order in which they are first told of.
type trackerCase struct {
	name  string
	with  func(*ingest.TrackerConfig)
	steps []step
	// forgetful is a case in which something was seen, and no event says it, that a new tracker would have to know.
	forgetful bool
	// joins, where a case gives it, is which record was found to be of which channel's call; "" is a call that only its
	// record shows.
	joins map[string]string
}

type step struct {
	see  ingest.Observation
	want []string
}

// sees is a step after which the tracker says want, line by line (see teller).
func sees(o ingest.Observation, want ...string) step { return step{o, want} }

const caller, otherCaller = "905000000101", "905000000102"

func sec(s float64) time.Time { return epoch.Add(time.Duration(s * float64(time.Second))) }

// ringing is a row that shows a call of caller to extension 101, which began within a second of began.
func ringing(channel string, began float64, more ...func(*ingest.ActiveCall)) ingest.ActiveCall {
	r := ingest.ActiveCall{Channel: channel, Began: ingest.Window{From: sec(began - 0.5), To: sec(began + 0.5)}, Direction: events.Inbound}
	r.From, r.To = numbers.Party(caller), numbers.Party("101")
	r.ExternalNumber = r.From.Number
	for _, m := range more {
		m(&r)
	}
	return r
}

func talking(r *ingest.ActiveCall) {
	r.Talking, r.Agent = true, &events.Agent{Extension: r.To.Extension}
}

// calling is an outbound call, of extension 101 to caller.
func calling(r *ingest.ActiveCall) {
	r.Direction, r.From, r.To = events.Outbound, numbers.Party("101"), numbers.Party(caller)
	r.ExternalNumber = r.To.Number
}

func rings(to string) func(*ingest.ActiveCall) {
	return func(r *ingest.ActiveCall) { r.To = numbers.Party(to) }
}

func of(from string) func(*ingest.ActiveCall) {
	return func(r *ingest.ActiveCall) {
		r.From = numbers.Party(from)
		r.ExternalNumber = r.From.Number
	}
}

func inQueue(id string) func(*ingest.ActiveCall) {
	return func(r *ingest.ActiveCall) { r.Queue = &events.Queue{ID: &id} }
}

func shows(at float64, rows ...ingest.ActiveCall) ingest.Snapshot {
	return ingest.Snapshot{Asked: sec(at - 0.1), At: sec(at), Calls: rows}
}

func showsPart(at float64, rows ...ingest.ActiveCall) ingest.Snapshot {
	s := shows(at, rows...)
	s.Partial = true
	return s
}

// record is one of a call of caller to extension 101, which nobody answered.
func record(id string, began, ended float64, more ...func(*events.Call)) ingest.CDR {
	f := events.Call{
		VendorIDs: map[string]string{"id": id, "calltype": "1"},
		Direction: events.Inbound, Media: events.Voice, From: numbers.Party(caller), To: numbers.Party("101"),
		StartedAt: new(sec(began)), EndedAt: new(sec(ended)),
		Outcome: new(events.NoAnswer), Missed: new(true), MissedReason: new(events.MissedNoAnswer),
		Hangup: events.Hangup{By: events.ByUnknown}, Recording: events.RecordingUnknown,
	}
	f.ExternalNumber = f.From.Number
	for _, m := range more {
		m(&f)
	}
	return ingest.CDR{Key: recordKey(f), Call: f}
}

func answered(f *events.Call) {
	f.Outcome, f.Missed, f.MissedReason = new(events.Answered), new(false), nil
}

func recorded(f *events.Call) { f.Recording = events.RecordingAvailable }

func called(f *events.Call) {
	f.Direction, f.From, f.To = events.Outbound, numbers.Party("101"), numbers.Party(caller)
	f.ExternalNumber, f.Missed, f.MissedReason = f.To.Number, new(false), nil
}

func by(from string) func(*events.Call) {
	return func(f *events.Call) {
		f.From = numbers.Party(from)
		f.ExternalNumber = f.From.Number
	}
}

func reached(to string) func(*events.Call) {
	return func(f *events.Call) { f.To = numbers.Party(to) }
}

func queued(id string) func(*events.Call) {
	return func(f *events.Call) { f.Queue = &events.Queue{ID: &id} }
}

// lists is a page that was asked for at a moment and covers the last day.
func lists(at float64, records ...ingest.CDR) ingest.Page {
	return ingest.Page{Asked: sec(at - 0.1), At: sec(at), Window: ingest.Window{From: sec(at).Add(-24 * time.Hour), To: sec(at)}, Records: records}
}

func listsOnly(at, from, to float64, records ...ingest.CDR) ingest.Page {
	p := lists(at, records...)
	p.Window = ingest.Window{From: sec(from), To: sec(to)}
	return p
}

// aheadBy is o in a reply that dates itself that many seconds in the future.
func aheadBy(seconds float64, o ingest.Observation) ingest.Observation {
	ahead := time.Duration(seconds * float64(time.Second))
	if s, ok := o.(ingest.Snapshot); ok {
		s.Ahead = &ahead
		return s
	}
	p := o.(ingest.Page)
	p.Ahead = &ahead
	return p
}

func fails(list events.List, at float64) ingest.Failure {
	return ingest.Failure{List: list, At: sec(at), Reason: events.GapUnreachable}
}

func trackerFor(tc trackerCase) ingest.TrackerConfig {
	cfg := testConfig()
	if tc.with != nil {
		tc.with(&cfg)
	}
	return cfg
}

func trackerCases() []trackerCase {
	return slices.Concat(liveCases(), endCases(), recordCases(), revisionCases(), joinCases(), pastCases(), gapCases(), rowsCases(), detailCases())
}

func liveCases() []trackerCase {
	return []trackerCase{
		{name: "a call not seen before has started", steps: []step{
			sees(shows(2)),
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
		}},
		{name: "a call that talks already has started and is answered", steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
		}},
		{name: "a call unchanged says nothing", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6, ringing("SIP/1", 3))),
			sees(shows(8, ringing("SIP/1", 3))),
		}},
		{name: "an estimate of the begin that jitters is the same call", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6, ringing("SIP/1", 6.9))),
			sees(shows(8, ringing("SIP/1", -0.9))),
			sees(shows(10, ringing("SIP/1", 7.1)), "B started"), // which is too far
		}},
		{name: "two rows of one call are one call", steps: []step{
			sees(shows(4, ringing("SIP/1", 3), ringing("SIP/1", 3, talking)), "A started"),
		}},
		{name: "a call that talks now is answered, once", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6, ringing("SIP/1", 3, talking)), "A answered by 101"),
			sees(shows(8, ringing("SIP/1", 3, talking))),
			sees(shows(10, ringing("SIP/1", 3))), // on hold, say
			sees(shows(12, ringing("SIP/1", 3, talking))),
		}},
		{name: "a call first seen long after its begin, talking, was answered at a time that is not known", steps: []step{
			sees(shows(600, ringing("SIP/1", 3, talking)), "A started", "A answered by 101, when is not known"),
		}},
		{name: "a call that rings on while polls fail, and then talks, was answered at a time that is not known", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(70, ringing("SIP/1", 3, talking)), "A answered by 101, when is not known"),
		}},
		{name: "calls of one snapshot are told in the order of its rows", steps: []step{
			sees(shows(4, ringing("SIP/1", 3), ringing("SIP/2", 3, of(otherCaller), talking), ringing("SIP/3", 3, calling)),
				"A started", "B started", "B answered by 101", "C started"),
			sees(shows(6, ringing("SIP/3", 3, calling, talking), ringing("SIP/1", 3, talking), ringing("SIP/2", 3, of(otherCaller), talking)),
				"C answered", "A answered by 101"),
		}},
		{name: "a snapshot that is not newer than the last is old news", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(4)),
			sees(shows(3.5, ringing("SIP/2", 3, talking))),
			sees(shows(6, ringing("SIP/1", 3))),
		}},
	}
}

func endCases() []trackerCase {
	return []trackerCase{
		{name: "a call gone from one snapshot is not over yet", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(15)),
		}},
		{name: "a call gone for SETTLE has ended, and nobody knows yet whether it was missed", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(shows(30)),
		}},
		{name: "a call that was answered and is gone for SETTLE was not missed", steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, answered, not missed"),
		}},
		{name: "an outbound call that is gone for SETTLE was not missed", steps: []step{
			sees(shows(4, ringing("SIP/1", 3, calling)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, not missed"),
		}},
		{name: "without SETTLE the second snapshot without a call ends it", with: func(c *ingest.TrackerConfig) { c.Settings.Settle = 0 }, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(shows(6)),
			sees(shows(8), "A ended: provisional, answered, not missed"),
		}},
		{name: "a call gone while polls fail is not gone", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(fails(events.ActiveCalls, 6)),
			sees(fails(events.ActiveCalls, 60), "gap opened: active_calls unreachable after 2 failures"),
			sees(shows(62, ringing("SIP/1", 3)), "gap closed: active_calls unreachable after 2 failures"),
		}},
		{name: "failures and records do not make the time for which a call is gone", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(fails(events.ActiveCalls, 8)),
			sees(lists(20)),
			sees(fails(events.CDRs, 22)),
			sees(fails(events.ActiveCalls, 24), "gap opened: active_calls unreachable after 2 failures"),
		}},
		{name: "a part of a snapshot ends nothing", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(showsPart(6)),
			sees(showsPart(40, ringing("SIP/2", 39, of(otherCaller), talking)), "B started", "B answered by 101"),
			sees(showsPart(60)),
			sees(shows(62)), // only now are they gone
			sees(shows(72), "B ended: provisional, answered, not missed", "A ended: provisional, unknown, missed not known"),
		}},
		{name: "a part of a snapshot does not end a call that is gone already", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(showsPart(20)),
			sees(showsPart(40)),
			sees(shows(42), "A ended: provisional, unknown, missed not known"),
		}},
		{name: "a call there again before SETTLE was never gone", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(14, ringing("SIP/1", 3))),
			sees(shows(16, ringing("SIP/1", 3))),
			sees(shows(30, ringing("SIP/1", 3))),
			sees(shows(32)),
			sees(shows(40)),
			sees(shows(42), "A ended: provisional, unknown, missed not known"),
		}},
		{name: "a call there again after its end is told by the amendment when it is gone again", forgetful: true, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(shows(18, ringing("SIP/1", 3))),
			sees(shows(20, ringing("SIP/1", 3, talking))),
			sees(shows(22)),
			sees(shows(32), "A amended to 2: ended_at outcome missed; supersedes ended"),
		}},
		{name: "a call there again after its end is told by the amendment when its record is here", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(shows(18, ringing("SIP/1", 3, talking))),
			sees(shows(20)),
			sees(lists(21, record("1", 3, 19, answered)), "A amended to 2: state ended_at outcome missed; supersedes ended"),
			sees(shows(40)),
		}},
		{name: "a channel that carries another call is two calls", steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(shows(20, ringing("SIP/1", 18, of(otherCaller))), "B started"),
			sees(shows(30, ringing("SIP/1", 18, of(otherCaller))), "A ended: provisional, answered, not missed"),
			sees(shows(32)),
			sees(shows(42), "B ended: provisional, unknown, missed not known"),
		}},
		{name: "a channel that carries another call while its record is here is two calls", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(lists(18, record("1", 3, 17, answered)), "A ended: final, answered, not missed"),
			sees(shows(20, ringing("SIP/1", 18)), "B started"),
			sees(shows(22, ringing("SIP/1", 18))),
		}},
		{name: "an inbound call without a record was missed once the records were read for two minutes", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(lists(125)),
			sees(lists(130), "A missed: unknown; because of ended"),
			sees(lists(135)),
		}},
		{name: "an inbound call without a record is not called missed while the records cannot be read", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(fails(events.CDRs, 100), "gap opened: cdrs unreachable after 1 failures"),
			sees(shows(200)),
			sees(fails(events.CDRs, 300)),
		}},
		{name: "an inbound call without a record is not called missed by a page that does not reach back to it", steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(listsOnly(200, 4, 200)),
			sees(listsOnly(205, -1000, 2)),
			sees(listsOnly(210, -1000, 3), "A missed: unknown; because of ended"),
		}},
		{name: "a call that talked is never called missed for want of a record", steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, answered, not missed"),
			sees(lists(300)),
		}},
	}
}

func recordCases() []trackerCase {
	return []trackerCase{
		{name: "the record of a call ends it and says that it was missed", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(lists(7, record("1", 3, 5)), "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(shows(30)),
			sees(lists(31, record("1", 3, 5))),
		}},
		{name: "the record of a call that talked ends it", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(shows(6)),
			sees(lists(7, record("1", 3, 5, answered)), "A ended: final, answered, not missed"),
		}},
		{name: "the record says that a call was answered, which no snapshot showed", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(lists(7, record("1", 3, 5, answered)), "A answered, when is not known", "A ended: final, answered, not missed"),
		}},
		{name: "the record says when and by whom a call was answered", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(lists(7, record("1", 3, 5, answered, func(f *events.Call) {
				f.AnsweredAt, f.Agent = new(sec(4)), &events.Agent{Extension: new("101")}
			})), "A answered by 101", "A ended: final, answered, not missed"),
		}},
		{name: "a record that is here before any snapshot, and a late snapshot that shows the call still", steps: []step{
			sees(lists(6, record("1", 3, 5.5)), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(ingest.Snapshot{Asked: sec(5), At: sec(6.5), Calls: []ingest.ActiveCall{ringing("SIP/1", 3)}}),
			sees(shows(8)),
			sees(shows(20)),
		}},
		{name: "a record that is here while the snapshot shows the call still", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(lists(6, record("1", 3, 5.5)), "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(ingest.Snapshot{Asked: sec(5), At: sec(6.5), Calls: []ingest.ActiveCall{ringing("SIP/1", 3, talking)}}),
			sees(shows(8)),
			sees(shows(20)),
		}},
		{name: "a new call of the same caller right after a record is no late snapshot", steps: []step{
			sees(lists(6, record("1", 3, 5.5)), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(shows(12, ringing("SIP/1", 11)), "B started"),
		}},
		{name: "a missed call that only its record shows", joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(2)),
			sees(lists(7, record("1", 3, 5)), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(lists(12, record("1", 3, 5))),
		}},
		{name: "an answered call that only its record shows", joins: map[string]string{"": "1"}, steps: []step{
			sees(lists(7, record("1", 3, 5, answered)), "A started", "A answered, when is not known", "A ended: final, answered, not missed"),
			sees(shows(8)),
		}},
		{name: "an outbound call that only its record shows is not missed", steps: []step{
			sees(lists(7, record("1", 3, 5, called)), "A started", "A ended: final, no_answer, not missed"),
		}},
		{name: "records of one page are told oldest first, however listed, and each once", steps: []step{
			sees(lists(60, record("3", 50, 51, called), record("1", 3, 5, called), record("2", 30, 31, called, answered), record("1", 3, 5, called)),
				"A started", "A ended: final, no_answer, not missed",
				"B started", "B answered, when is not known", "B ended: final, answered, not missed",
				"C started", "C ended: final, no_answer, not missed"),
		}},
		{name: "the record after a provisional end says that the call was missed", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(lists(20, record("1", 3, 5)), "A missed: no_answer; because of ended",
				"A amended to 2: state ended_at outcome missed missed_reason; supersedes ended"),
			sees(lists(25, record("1", 3, 5))),
		}},
		{name: "the record after a provisional end says that the call was answered", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(lists(20, record("1", 3, 5, answered)), "A amended to 2: state ended_at outcome missed; supersedes ended"),
		}},
		{name: "the record after a provisional end agrees with it in all but the time", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, answered, not missed"),
			sees(lists(20, record("1", 3, 5, answered)), "A amended to 2: state ended_at; supersedes ended"),
		}},
		{name: "the record after a call was called missed without it says that it was answered", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(lists(130), "A missed: unknown; because of ended"),
			sees(lists(140, record("1", 3, 5, answered)), "A amended to 2: state ended_at outcome missed missed_reason; supersedes missed"),
		}},
		{name: "the record after a call was called missed without it says so too", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(16), "A ended: provisional, unknown, missed not known"),
			sees(lists(130), "A missed: unknown; because of ended"),
			sees(lists(140, record("1", 3, 5)), "A amended to 2: state ended_at outcome missed_reason; supersedes missed"),
		}},
		{name: "a snapshot said that it talks, and the record that nobody answered", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(shows(6)),
			sees(lists(7, record("1", 3, 5)), "A ended: final, no_answer, missed", "A missed: no_answer; because of ended",
				"A amended to 2: answered_at agent; supersedes answered"),
			sees(lists(12, record("1", 3, 5))),
		}},
		{name: "a snapshot said long after the begin that it talks, and the record that nobody answered", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(600, ringing("SIP/1", 3, talking, func(r *ingest.ActiveCall) { r.Agent = nil })), "A started", "A answered, when is not known"),
			sees(lists(612, record("1", 3, 610)), "A ended: final, no_answer, missed", "A missed: no_answer; because of ended",
				"A amended to 2: outcome; supersedes answered"),
		}},
	}
}

func revisionCases() []trackerCase {
	missed := []string{"A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"}
	return []trackerCase{
		{name: "a record in which a recording appears", steps: []step{
			sees(lists(7, record("1", 3, 5, answered)), "A started", "A answered, when is not known", "A ended: final, answered, not missed"),
			sees(lists(12, record("1", 3, 5, answered, recorded)), "A amended to 2: recording; supersedes ended"),
			sees(lists(17, record("1", 3, 5, answered, recorded))),
			sees(lists(22, record("1", 3, 5, answered)), "A amended to 3: recording; supersedes amended"),
		}},
		{name: "a record that turns from no answer to answered", steps: []step{
			sees(lists(7, record("1", 3, 5)), missed...),
			sees(lists(12, record("1", 3, 5, answered)), "A amended to 2: outcome missed missed_reason; supersedes missed"),
			sees(lists(17, record("1", 3, 5, answered))),
		}},
		{name: "a record that turns from answered to no answer", steps: []step{
			sees(lists(7, record("1", 3, 5, answered)), "A started", "A answered, when is not known", "A ended: final, answered, not missed"),
			sees(lists(12, record("1", 3, 5)), "A missed: no_answer; because of ended", "A amended to 2: outcome missed missed_reason; supersedes ended"),
			sees(lists(17, record("1", 3, 5))),
		}},
		{name: "a record that cannot make up its mind is missed once", steps: []step{
			sees(lists(7, record("1", 3, 5)), missed...),
			sees(lists(12, record("1", 3, 5, answered)), "A amended to 2: outcome missed missed_reason; supersedes missed"),
			sees(lists(17, record("1", 3, 5)), "A amended to 3: outcome missed missed_reason; supersedes amended"),
			sees(lists(22, record("1", 3, 5))),
		}},
		{name: "a record that says that the call was returned", steps: []step{
			sees(lists(7, record("1", 3, 5)), missed...),
			sees(lists(12, record("1", 3, 5, func(f *events.Call) { f.Returned = &events.Returned{CallID: new("2")} })),
				"A amended to 2: returned; supersedes missed"),
			sees(lists(17, record("1", 3, 5, func(f *events.Call) { f.Returned = &events.Returned{CallID: new("2")} }))),
		}},
		{name: "a record that says the same of another evidence, in other objects", steps: []step{
			sees(lists(7, record("1", 3, 5, queued("640"), func(f *events.Call) { f.Price = &events.Price{Amount: "1.20", Currency: new("TRY")} })), missed...),
			sees(lists(12, record("1", 3, 5, queued("640"), func(f *events.Call) { f.Price = &events.Price{Amount: "1.20", Currency: new("TRY")} }))),
			sees(lists(17, record("1", 3, 5, queued("640"), func(f *events.Call) { f.Price = &events.Price{Amount: "1.30", Currency: new("TRY")} })),
				"A amended to 2: price; supersedes missed"),
		}},
		{name: "a record that is no longer listed stays as it was", steps: []step{
			sees(lists(7, record("1", 3, 5)), missed...),
			sees(lists(12)),
			sees(lists(17, record("1", 3, 5))),
		}},
	}
}

func joinCases() []trackerCase {
	return []trackerCase{
		{name: "two calls of the same parties within seconds, each with its record", joins: map[string]string{"SIP/1": "1", "SIP/2": "2"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(8)),
			sees(shows(10, ringing("SIP/2", 9)), "B started"),
			sees(shows(14)),
			sees(lists(15, record("2", 9, 12, answered), record("1", 3, 7)),
				"A ended: final, no_answer, missed", "A missed: no_answer; because of ended",
				"B answered, when is not known", "B ended: final, answered, not missed"),
		}},
		{name: "two calls of the same parties within seconds, the second record first", joins: map[string]string{"SIP/1": "1", "SIP/2": "2"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(8)),
			sees(shows(10, ringing("SIP/2", 9)), "B started"),
			sees(shows(14)),
			sees(lists(15, record("2", 9, 12, answered)), "B answered, when is not known", "B ended: final, answered, not missed"),
			sees(lists(18, record("2", 9, 12, answered), record("1", 3, 7)),
				"A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "two calls of the same parties, one of which ended while the other goes on", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(8, ringing("SIP/2", 7)), "B started"),
			sees(shows(30, ringing("SIP/2", 7)), "A ended: provisional, unknown, missed not known"),
			sees(lists(31, record("1", 3, 6)), "A missed: no_answer; because of ended", "A amended to 2: state ended_at outcome missed missed_reason; supersedes ended"),
		}},
		{name: "a queue is shown first, then the agent, and the record names the agent", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, rings("640"), inQueue("640"))), "A started"),
			sees(shows(6, ringing("SIP/1", 3, rings("102"), inQueue("640"), talking)), "A answered by 102"),
			sees(shows(8)),
			sees(lists(9, record("1", 3, 7, reached("102"), answered)), "A ended: final, answered, not missed"),
		}},
		{name: "a queue is shown first, then the agent, and the record names the queue", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, rings("640"), inQueue("640"))), "A started"),
			sees(shows(6, ringing("SIP/1", 3, rings("102"), inQueue("640"), talking)), "A answered by 102"),
			sees(shows(8)),
			sees(lists(9, record("1", 3, 7, reached("640"), queued("640"), answered)), "A ended: final, answered, not missed"),
		}},
		{name: "a withheld caller who was handed on between two polls is joined by when", forgetful: true, joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, of("anonymous"))), "A started"),
			sees(shows(6)),
			sees(lists(7, record("1", 3, 5, by("anonymous"), reached("105"), answered)), "A answered, when is not known", "A ended: final, answered, not missed"),
		}},
		{name: "a withheld caller to another extension seconds later is not the one that was seen", joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, of("anonymous"))), "A started"),
			sees(shows(6)),
			sees(lists(9, record("1", 5.5, 8, by("anonymous"), reached("105"), answered)), "B started", "B answered, when is not known", "B ended: final, answered, not missed"),
		}},
		{name: "a withheld caller is joined by where the call went", joins: map[string]string{"SIP/1": "1", "SIP/2": "2"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, of("")), ringing("SIP/2", 3, of(""), rings("102"))), "A started", "B started"),
			sees(shows(6)),
			sees(lists(7, record("2", 3, 5, by(""), reached("102")), record("1", 3, 5, by(""))),
				"B ended: final, no_answer, missed", "B missed: no_answer; because of ended",
				"A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "opposite directions are never one call", joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, calling)), "A started"),
			sees(shows(6)),
			sees(lists(7, record("1", 3, 5)), "B started", "B ended: final, no_answer, missed", "B missed: no_answer; because of ended"),
		}},
		{name: "other numbers are never one call", joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(lists(7, record("1", 3, 5, by(otherCaller))), "B started", "B ended: final, no_answer, missed", "B missed: no_answer; because of ended"),
		}},
		{name: "one extension calls two numbers", joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, calling)), "A started"),
			sees(shows(6)),
			sees(lists(7, record("1", 3, 5, called, func(f *events.Call) { f.To = numbers.Party(otherCaller); f.ExternalNumber = f.To.Number })),
				"B started", "B ended: final, no_answer, not missed"),
		}},
		{name: "two calls of one caller that were passed on, each with the record of whom it rang first", joins: map[string]string{"SIP/1": "1", "SIP/2": "2"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3), ringing("SIP/2", 3, rings("103"))), "A started", "B started"),
			sees(shows(6, ringing("SIP/1", 3, rings("102")), ringing("SIP/2", 3, rings("102")))),
			sees(shows(8)),
			sees(lists(9, record("2", 3, 7, reached("103")), record("1", 3, 7)),
				"B ended: final, no_answer, missed", "B missed: no_answer; because of ended",
				"A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "a record that begins too far off is of another call", joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(60, ringing("SIP/1", 59)), "A started"),
			sees(shows(62)),
			sees(lists(63, record("1", 46, 48)), "B started", "B ended: final, no_answer, missed", "B missed: no_answer; because of ended"),
		}},
		{name: "a record of a call that was over before the other was last seen is of another call", forgetful: true, joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(40, ringing("SIP/1", 3))),
			sees(lists(41, record("1", 3, 5)), "B started", "B ended: final, no_answer, missed", "B missed: no_answer; because of ended"),
		}},
		{name: "a record of a call that was over before the other, which is gone too, was last seen", forgetful: true, joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(40, ringing("SIP/1", 3))),
			sees(shows(42)),
			sees(lists(43, record("1", 3, 5)), "B started", "B ended: final, no_answer, missed", "B missed: no_answer; because of ended"),
		}},
		{name: "a record that was listed before the other call was last seen", forgetful: true, joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6, ringing("SIP/1", 3))),
			sees(lists(5.5, record("1", 3, 5)), "B started", "B ended: final, no_answer, missed", "B missed: no_answer; because of ended"),
		}},
		{name: "a call that only seemed gone is not held to how long it was seen until then", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(shows(8, ringing("SIP/1", 3))),
			sees(shows(30, ringing("SIP/1", 3))),
			sees(lists(32, record("1", 9, 31)), "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "the clock of the PBX is ahead, as its replies say", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(aheadBy(20, shows(4, ringing("SIP/1", 3))), "A started"),
			sees(aheadBy(20, shows(6))),
			sees(aheadBy(20, lists(7, record("1", 23, 25))), "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "the clock of the PBX is behind, as a page says", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(aheadBy(-20, lists(7, record("1", -17, -15))), "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "the clock of the PBX is twenty seconds ahead, and nothing says so", joins: map[string]string{"": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3)), "A started"),
			sees(shows(6)),
			sees(lists(7, record("1", 23, 25)), "B started", "B ended: final, no_answer, missed", "B missed: no_answer; because of ended"),
		}},
	}
}

func pastCases() []trackerCase {
	firstSeen := func(first ingest.First) func(*ingest.TrackerConfig) {
		return func(c *ingest.TrackerConfig) { c.FirstSeen, c.Settings.First = sec(10), first }
	}
	hour := 3600.0
	return []trackerCase{
		{name: "calls that ended before the account was first seen are no news", with: firstSeen(ingest.Baseline), steps: []step{
			sees(lists(12, record("1", 3, 9)), []string{}...),
			sees(lists(13, record("1", 3, 9), record("2", 4, 11)), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "calls that ended before the account was first seen are told as the past", with: firstSeen(ingest.FromBackfill), steps: []step{
			sees(lists(12, record("1", 3, 9)), "A started (backfill)", "A ended: final, no_answer, missed (backfill)", "A missed: no_answer; because of ended (backfill)"),
			sees(lists(13, record("1", 3, 9, recorded), record("2", 4, 11)),
				"A amended to 2: recording; supersedes missed (backfill)",
				"B started", "B ended: final, no_answer, missed", "B missed: no_answer; because of ended"),
		}},
		{name: "a record older than the look-back may have been told and forgotten", steps: []step{
			sees(lists(25*hour+10, record("1", 9, 12))),
			sees(lists(25*hour+10, record("2", 11, 12)), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "a record older than the look-back is that of a long call that snapshots showed", joins: map[string]string{"SIP/1": "1"}, steps: []step{
			sees(shows(4, ringing("SIP/1", 3, talking)), "A started", "A answered by 101"),
			sees(shows(30*hour, ringing("SIP/1", 3, talking))),
			sees(shows(30*hour + 2)),
			sees(lists(30*hour+3, record("1", 3, 30*hour+1, answered)), "A ended: final, answered, not missed"),
			sees(lists(30*hour+9, record("1", 3, 30*hour+1, answered))),
			sees(lists(31*hour+5, record("1", 3, 30*hour+1, answered))),
		}},
	}
}

func gapCases() []trackerCase {
	return []trackerCase{
		{name: "an account that cannot be read for three polls is no news, and for longer is", steps: []step{
			sees(shows(4)),
			sees(fails(events.ActiveCalls, 6)),
			sees(fails(events.ActiveCalls, 8)),
			sees(fails(events.ActiveCalls, 10)),
			sees(fails(events.ActiveCalls, 10.1), "gap opened: active_calls unreachable after 4 failures"),
			sees(fails(events.ActiveCalls, 12)),
			sees(shows(14), "gap closed: active_calls unreachable after 5 failures"),
			sees(shows(16)),
		}},
		{name: "each list has its own gap, and its own time", steps: []step{
			sees(shows(4)),
			sees(lists(5)),
			sees(fails(events.ActiveCalls, 20), "gap opened: active_calls unreachable after 1 failures"),
			sees(fails(events.CDRs, 20)),
			sees(fails(events.CDRs, 21), "gap opened: cdrs unreachable after 2 failures"),
			sees(lists(22), "gap closed: cdrs unreachable after 2 failures"),
			sees(shows(23), "gap closed: active_calls unreachable after 1 failures"),
		}},
		{name: "an account that was never read has a gap from when it was first asked", steps: []step{
			sees(fails(events.ActiveCalls, 6)),
			sees(ingest.Failure{List: events.ActiveCalls, At: sec(7), Reason: events.GapRefused}, "gap opened: active_calls unreachable after 2 failures"),
			sees(ingest.Failure{List: events.CDRs, At: sec(16), Reason: events.GapRefused}, "gap opened: cdrs credentials after 1 failures"),
		}},
		{name: "a reply that is older than the last one does not close a gap", steps: []step{
			sees(shows(4)),
			sees(lists(4)),
			sees(fails(events.ActiveCalls, 20), "gap opened: active_calls unreachable after 1 failures"),
			sees(fails(events.CDRs, 20), "gap opened: cdrs unreachable after 1 failures"),
			sees(shows(3)),
			sees(shows(4)),
			sees(lists(3)),
			sees(lists(4)),
			sees(shows(22), "gap closed: active_calls unreachable after 1 failures"),
			sees(lists(22), "gap closed: cdrs unreachable after 1 failures"),
		}},
		{name: "two gaps are told as two", steps: []step{
			sees(fails(events.ActiveCalls, 20), "gap opened: active_calls unreachable after 1 failures"),
			sees(shows(22), "gap closed: active_calls unreachable after 1 failures"),
			sees(fails(events.ActiveCalls, 40), "gap opened: active_calls unreachable after 1 failures"),
			sees(shows(42), "gap closed: active_calls unreachable after 1 failures"),
		}},
	}
}

// A teller writes events as a person would, a line each, and holds each to its schema and to its id.
type teller struct {
	t     *testing.T
	names map[string]string // of calls, by subject
	types map[string]string // of events, by id
}

func newTeller(t *testing.T) *teller {
	return &teller{t, map[string]string{}, map[string]string{}}
}

func (l *teller) tell(evs []events.Event) []string {
	l.t.Helper()
	var lines []string
	for _, e := range evs {
		lines = append(lines, l.line(e))
	}
	return lines
}

func (l *teller) line(e events.Event) string {
	l.t.Helper()
	valid(l.t, e)
	kind := strings.TrimPrefix(string(e.Type), "call.")
	l.types[e.ID] = kind
	if g, ok := e.Data.(events.Gap); ok {
		return fmt.Sprintf("gap %s: %s %s after %d failures", strings.TrimPrefix(kind, "source.gap."), g.List, g.Reason, g.Failures)
	}
	if l.names[e.Subject] == "" {
		l.names[e.Subject] = string(rune('A' + len(l.names)))
	}
	f, _ := e.Call()
	line := l.names[e.Subject] + " " + kind + l.facts(e, f)
	if f.Backfill {
		line += " (backfill)"
	}
	if f.Backfill != e.ExpiryTime.Equal(e.RecordedTime) || !f.Backfill && !e.ExpiryTime.IsZero() {
		l.t.Errorf("%s: backfill is %v, and it expires at %v", line, f.Backfill, e.ExpiryTime)
	}
	return line
}

func (l *teller) facts(e events.Event, f events.Call) string {
	switch e.Type {
	case events.CallAnswered:
		return answer(f)
	case events.CallEnded:
		return fmt.Sprintf(": %s, %s, %s", f.State, *f.Outcome, verdict(f.Missed))
	case events.CallMissed:
		return fmt.Sprintf(": %s; because of %s", *f.MissedReason, l.types[e.CausationID])
	case events.CallAmended:
		a := e.Data.(events.Amendment)
		if e.CausationID != a.Supersedes {
			l.t.Errorf("an amendment that supersedes %s is caused by %s", a.Supersedes, e.CausationID)
		}
		return fmt.Sprintf(" to %d: %s; supersedes %s", a.Revision, strings.Join(a.Changed, " "), l.types[a.Supersedes])
	}
	return ""
}

func answer(f events.Call) string {
	var line string
	if f.Agent != nil && f.Agent.Extension != nil {
		line = " by " + *f.Agent.Extension
	}
	if f.AnsweredAt == nil {
		line += ", when is not known"
	}
	return line
}

func verdict(missed *bool) string {
	switch {
	case missed == nil:
		return "missed not known"
	case *missed:
		return "missed"
	}
	return "not missed"
}

// valid holds e to its schema and its id to what it stands for.
func valid(t testing.TB, e events.Event) {
	t.Helper()
	wire, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.Validate(wire); err != nil {
		t.Fatalf("%v\n%s", err, wire)
	}
	revision := 1
	if f, ok := e.Call(); ok {
		revision = f.Revision
	}
	if want := events.ID(e.Account, e.Subject, e.Type, revision); e.ID != want {
		t.Errorf("%s in its revision %d has the id %s, want %s", e.Type, revision, e.ID, want)
	}
}

func TestTracker(t *testing.T) {
	t.Parallel()
	for _, tc := range trackerCases() {
		t.Run(tc.name, func(t *testing.T) {
			tracker, teller := ingest.NewTracker(trackerFor(tc)), newTeller(t)
			var stream []events.Event
			for i, s := range tc.steps {
				evs := tracker.Observe(s.see)
				stream = append(stream, evs...)
				if got := teller.tell(evs); !slices.Equal(got, s.want) {
					t.Errorf("step %d, at %v: it says\n\t%s\nwant\n\t%s", i, seenAt(s.see).Sub(epoch),
						strings.Join(got, "\n\t"), strings.Join(s.want, "\n\t"))
				}
			}
			if got := joins(stream); tc.joins != nil && !maps.Equal(got, tc.joins) {
				t.Errorf("records by channel: %v, want %v", got, tc.joins)
			}
		})
	}
}

// joins returns the ids of records by the channel of the call that they were found to be of.
func joins(stream []events.Event) map[string]string {
	m := map[string]string{}
	for _, e := range stream {
		if f, ok := e.Call(); ok && f.VendorIDs["id"] != "" {
			m[f.VendorIDs["channel"]] = f.VendorIDs["id"]
		}
	}
	return m
}

func TestWhatIsSeenTwiceIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range trackerCases() {
		t.Run(tc.name, func(t *testing.T) {
			tracker := ingest.NewTracker(trackerFor(tc))
			for i, s := range tc.steps {
				tracker.Observe(s.see)
				if evs := tracker.Observe(s.see); len(evs) > 0 {
					t.Errorf("step %d, seen again, says %v", i, newTeller(t).tell(evs))
				}
			}
		})
	}
}

func TestTheSameObservationsGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	for _, tc := range trackerCases() {
		t.Run(tc.name, func(t *testing.T) {
			once, again := ingest.NewTracker(trackerFor(tc)), ingest.NewTracker(trackerFor(tc))
			for i, s := range tc.steps {
				a, b := wires(t, once.Observe(s.see)), wires(t, again.Observe(s.see))
				if !slices.Equal(a, b) {
					t.Errorf("step %d: %v\nand then %v", i, a, b)
				}
			}
		})
	}
}

func wires(t testing.TB, evs []events.Event) []string {
	t.Helper()
	var all []string
	for _, e := range evs {
		wire, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(wire))
	}
	return all
}
