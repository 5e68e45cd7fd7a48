package ingest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// story observes all of os and returns the events of each type, of which there is to be one.
func story(t *testing.T, os ...ingest.Observation) map[events.Type]events.Event {
	t.Helper()
	tracker, told := ingest.NewTracker(testConfig()), map[events.Type]events.Event{}
	for _, o := range os {
		for _, e := range tracker.Observe(o) {
			valid(t, e)
			if told[e.Type].ID != "" {
				t.Fatalf("%s is told twice", e.Type)
			}
			told[e.Type] = e
		}
	}
	return told
}

func TestWhatIsSaidOfACallThatBegins(t *testing.T) {
	t.Parallel()
	e := story(t, shows(4, ringing("SIP/1", 3, inQueue("640"))))[events.CallStarted]
	f := e.Data.(events.Call)
	begin := sec(3)
	want := events.Call{
		CallID: e.Subject, Account: "acme", Provider: "telsam", VendorIDs: map[string]string{"channel": "SIP/1"},
		Revision: 1, State: events.Provisional, Direction: events.Inbound, Media: events.Voice,
		From: numbers.Party(caller), To: numbers.Party("101"), ExternalNumber: numbers.Party(caller).Number,
		Queue: &events.Queue{ID: new("640")}, StartedAt: &begin,
		Hangup: events.Hangup{By: events.ByUnknown}, Recording: events.RecordingUnknown,
		Evidence:  []events.Evidence{events.FromSnapshot},
		Estimated: []string{"started_at"}, ObservedAfter: new(sec(2.5)), ObservedBefore: new(sec(3.5)),
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("the data is\n\t%+v\nwant\n\t%+v", f, want)
	}
	if !e.Time.Equal(begin) || !e.RecordedTime.Equal(sec(4)) || e.CorrelationID != e.Subject || e.CausationID != "" {
		t.Errorf("it happened %v, was learned %v, in conversation %q because of %q; want %v, %v, the call itself, and nothing",
			e.Time, e.RecordedTime, e.CorrelationID, e.CausationID, begin, sec(4))
	}
}

func TestWhatIsSaidOfAnAnswer(t *testing.T) {
	t.Parallel()
	e := story(t, shows(4, ringing("SIP/1", 3)), shows(6, ringing("SIP/1", 3, talking)))[events.CallAnswered]
	f := e.Data.(events.Call)
	if !e.Time.Equal(sec(6)) || !f.AnsweredAt.Equal(sec(6)) {
		t.Errorf("it was answered at %v, and happened at %v, want the first sight of it, %v", f.AnsweredAt, e.Time, sec(6))
	}
	if got, want := f.Estimated, []string{"started_at", "answered_at"}; !slices.Equal(got, want) {
		t.Errorf("estimated %v, want %v", got, want)
	}
	if !f.ObservedAfter.Equal(sec(2.5)) || !f.ObservedBefore.Equal(sec(6)) {
		t.Errorf("observed between %v and %v, want %v and %v", f.ObservedAfter, f.ObservedBefore, sec(2.5), sec(6))
	}
}

// TestAnAnswerOfUnknownTimeHappenedAtTheBegin holds the time of the event, which must be something.
func TestAnAnswerOfUnknownTimeHappenedAtTheBegin(t *testing.T) {
	t.Parallel()
	e := story(t, shows(600, ringing("SIP/1", 3, talking)))[events.CallAnswered]
	f := e.Data.(events.Call)
	if f.AnsweredAt != nil || !e.Time.Equal(*f.StartedAt) || slices.Contains(f.Estimated, "answered_at") {
		t.Errorf("answered at %v, happened at %v, estimated %v; want nil, the begin %v, and answered_at not among them", f.AnsweredAt, e.Time, f.Estimated, f.StartedAt)
	}
}

func TestWhatIsSaidOfAProvisionalEnd(t *testing.T) {
	t.Parallel()
	told := story(t, shows(4, ringing("SIP/1", 3)), shows(6, ringing("SIP/1", 3, talking)), shows(9), shows(20))
	e := told[events.CallEnded]
	f := e.Data.(events.Call)
	if !f.EndedAt.Equal(sec(9)) || !e.Time.Equal(sec(9)) || !e.RecordedTime.Equal(sec(20)) {
		t.Errorf("it ended at %v, happened at %v, was learned at %v; want the first snapshot without it, %v, and the one that decided, %v",
			f.EndedAt, e.Time, e.RecordedTime, sec(9), sec(20))
	}
	if got, want := f.Estimated, []string{"started_at", "answered_at", "ended_at"}; !slices.Equal(got, want) {
		t.Errorf("estimated %v, want %v", got, want)
	}
	if !f.ObservedAfter.Equal(sec(2.5)) || !f.ObservedBefore.Equal(sec(9)) {
		t.Errorf("observed between %v and %v, want %v and %v", f.ObservedAfter, f.ObservedBefore, sec(2.5), sec(9))
	}
	if f.TalkSeconds != nil || f.TotalSeconds != nil || f.MissedReason != nil || f.VendorResult != nil {
		t.Errorf("%+v: something is said that only a record can know", f)
	}
	if !slices.Equal(f.Evidence, []events.Evidence{events.FromSnapshot}) {
		t.Errorf("evidence %v, want the snapshots alone", f.Evidence)
	}
}

func TestWhatIsSaidOfAFinalEnd(t *testing.T) {
	t.Parallel()
	rec := record("1", 3, 8, answered, recorded, func(f *events.Call) { f.TalkSeconds, f.VendorResult = new(2.0), new("ANSWERED") })
	told := story(t, shows(4, ringing("SIP/1", 3, inQueue("640"))), shows(6, ringing("SIP/1", 3, inQueue("640"), talking)), shows(9), lists(10, rec))
	f := told[events.CallEnded].Data.(events.Call)
	want := rec.Call
	want.CallID, want.Account, want.Provider, want.Revision, want.State = told[events.CallStarted].Subject, "acme", "telsam", 1, events.Final
	want.VendorIDs = map[string]string{"channel": "SIP/1", "id": "1", "calltype": "1"}
	want.Evidence = []events.Evidence{events.FromSnapshot, events.FromCDR}
	// What the record does not tell, the snapshots did.
	want.Queue, want.Agent = &events.Queue{ID: new("640")}, &events.Agent{Extension: new("101")}
	want.AnsweredAt, want.Estimated = new(sec(6)), []string{"answered_at"}
	want.ObservedAfter, want.ObservedBefore = new(sec(3.9)), new(sec(6)) // the snapshot before was asked for at 3.9
	if !reflect.DeepEqual(f, want) {
		t.Errorf("the data is\n\t%+v\nwant\n\t%+v", f, want)
	}
}

// TestTheRecordDecidesWhoAnswered: a snapshot may have shown the one who was rung first.
func TestTheRecordDecidesWhoAnswered(t *testing.T) {
	t.Parallel()
	rec := record("1", 3, 8, answered, func(f *events.Call) { f.Agent, f.AnsweredAt = &events.Agent{Extension: new("102")}, new(sec(5)) })
	told := story(t, shows(4, ringing("SIP/1", 3, talking)), shows(9), lists(10, rec))
	f := told[events.CallEnded].Data.(events.Call)
	if *f.Agent.Extension != "102" || !f.AnsweredAt.Equal(sec(5)) || len(f.Estimated) > 0 || f.ObservedAfter != nil {
		t.Errorf("agent %v, answered %v, estimated %v after %v, want the record's 102 at %v, and nothing estimated",
			*f.Agent.Extension, f.AnsweredAt, f.Estimated, f.ObservedAfter, sec(5))
	}
}

// TestAnEstimatedAnswerLiesInTheCall, also when the PBX's clock says that it was over before it was seen to be answered.
func TestAnEstimatedAnswerLiesInTheCall(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ began, ended, want float64 }{
		"a record that fits":             {3, 9, 6},
		"a record that ends before":      {0, 5, 5},
		"a record that begins only then": {6.5, 12, 6.5},
	} {
		t.Run(name, func(t *testing.T) {
			told := story(t, shows(4, ringing("SIP/1", 3)), shows(6, ringing("SIP/1", 3, talking)), shows(8), lists(10, record("1", tc.began, tc.ended, answered)))
			f := told[events.CallEnded].Data.(events.Call)
			if f.AnsweredAt == nil || !f.AnsweredAt.Equal(sec(tc.want)) {
				t.Fatalf("answered at %v, want %v", f.AnsweredAt, sec(tc.want))
			}
			if f.ObservedAfter.After(*f.AnsweredAt) || f.ObservedBefore.Before(*f.AnsweredAt) {
				t.Errorf("observed between %v and %v, want around %v", f.ObservedAfter, f.ObservedBefore, f.AnsweredAt)
			}
		})
	}
}

func TestWhatIsSaidOfTheBeginOfACallThatOnlyItsRecordShows(t *testing.T) {
	t.Parallel()
	told := story(t, lists(7, record("1", 3, 5, answered, recorded, func(f *events.Call) {
		f.AnsweredAt, f.RingSeconds, f.Agent = new(sec(4)), new(1.0), &events.Agent{Extension: new("101")}
		f.Returned, f.Price, f.Flow = &events.Returned{}, &events.Price{Amount: "1"}, []events.Step{{Kind: events.StepExtension}}
	})))
	f := told[events.CallStarted].Data.(events.Call)
	if f.AnsweredAt != nil || f.EndedAt != nil || f.Outcome != nil || f.Missed != nil || f.Agent != nil || f.RingSeconds != nil ||
		f.Returned != nil || f.Price != nil || f.Flow != nil || f.Recording != events.RecordingUnknown {
		t.Errorf("%+v: when a call begins nobody knows how it ends", f)
	}
	if len(f.Estimated) > 0 || f.ObservedAfter != nil || f.ObservedBefore != nil || !f.StartedAt.Equal(sec(3)) {
		t.Errorf("it started at %v, estimated %v, want the record's %v, and nothing estimated", f.StartedAt, f.Estimated, sec(3))
	}
	if a := told[events.CallAnswered].Data.(events.Call); a.EndedAt != nil || a.Outcome != nil || !a.AnsweredAt.Equal(sec(4)) || a.RingSeconds == nil {
		t.Errorf("%+v: when a call is answered nobody knows how it ends", a)
	}
	if !slices.Equal(f.Evidence, []events.Evidence{events.FromCDR}) {
		t.Errorf("evidence %v, want the record alone", f.Evidence)
	}
}

func TestWhatIsSaidOfACallMissedForWantOfARecord(t *testing.T) {
	t.Parallel()
	told := story(t, shows(4, ringing("SIP/1", 3)), shows(6), shows(16), lists(300))
	e := told[events.CallMissed]
	f := e.Data.(events.Call)
	if f.State != events.Provisional || !*f.Missed || *f.MissedReason != events.MissedUnknown || *f.Outcome != events.UnknownOutcome || f.Revision != 1 {
		t.Errorf("%+v: want provisional, missed for an unknown reason, revision 1", f)
	}
	if !e.Time.Equal(sec(6)) || !e.RecordedTime.Equal(sec(300)) || e.CausationID != told[events.CallEnded].ID {
		t.Errorf("it happened at %v, was learned at %v because of %s; want %v, %v, the ended event", e.Time, e.RecordedTime, e.CausationID, sec(6), sec(300))
	}
}

// TestWhatIsPublishedIsNotChangedAfterwards: events wait in a queue while the tracker goes on.
func TestWhatIsPublishedIsNotChangedAfterwards(t *testing.T) {
	t.Parallel()
	for _, tc := range trackerCases() {
		t.Run(tc.name, func(t *testing.T) {
			tracker := ingest.NewTracker(trackerFor(tc))
			var published []events.Event
			var then []string
			for _, s := range tc.steps {
				evs := tracker.Observe(s.see)
				published = append(published, evs...)
				then = append(then, wires(t, evs)...)
			}
			if now := wires(t, published); !slices.Equal(now, then) {
				t.Errorf("published was\n\t%v\nwhich is now\n\t%v", then, now)
			}
		})
	}
}

func TestTheRecordsThatAreWaitedFor(t *testing.T) {
	t.Parallel()
	tracker := ingest.NewTracker(testConfig())
	missing := func(want string, ws ...ingest.Window) {
		t.Helper()
		if got := tracker.Missing(5 * time.Minute); !slices.Equal(got, ws) {
			t.Errorf("%s: the records of %v are waited for, want %v", want, got, ws)
		}
	}
	around := func(from, to float64) ingest.Window { return ingest.Window{From: sec(from - 10.5), To: sec(to + 10.5)} }
	tracker.Observe(shows(104, ringing("SIP/1", 3), ringing("SIP/2", 100, of(otherCaller)), ringing("SIP/3", 103, calling)))
	missing("calls that go on")
	tracker.Observe(shows(106, ringing("SIP/3", 103, calling)))
	missing("calls that are gone, newest first", around(100, 100), around(3, 3))
	tracker.Observe(shows(108))
	missing("two that touch are one", around(100, 103), around(3, 3))
	tracker.Observe(lists(109, record("2", 100, 105, by(otherCaller))))
	missing("one that is here", around(103, 103), around(3, 3))
	tracker.Observe(shows(130))
	missing("calls that ended without them", around(103, 103), around(3, 3))
	tracker.Observe(shows(407))
	missing("not for ever", around(103, 103))
	tracker.Observe(shows(500))
	missing("not for ever")
	tracker.Observe(shows(502, ringing("SIP/4", 501)))
	tracker.Observe(shows(504))
	missing("a call that is gone", around(501, 501))
	tracker.Observe(shows(506, ringing("SIP/4", 501)))
	missing("a call that is back")
}

func TestTheTally(t *testing.T) {
	t.Parallel()
	tracker := ingest.NewTracker(testConfig())
	for _, o := range []ingest.Observation{
		shows(4, ringing("SIP/1", 3), ringing("SIP/2", 3, of(otherCaller)), ringing("SIP/3", 3, calling)),
		shows(6, ringing("SIP/2", 3, of(otherCaller))),
		lists(7, record("1", 3, 5)), // SIP/1's
		shows(8, ringing("SIP/2", 3, of(otherCaller))),
		shows(9, ringing("SIP/1", 3), ringing("SIP/2", 3, of(otherCaller))), // stale
		lists(10, record("1", 3, 5), record("9", 1, 2, by("905000000103"))), // nobody's
		shows(20, ringing("SIP/2", 3, of(otherCaller))),                     // SIP/3 ended
		lists(21, record("3", 3, 5, called)),
	} {
		tracker.Observe(o)
	}
	want := ingest.Tally{Joined: 2, RecordOnly: 1, Provisional: 1, Late: 1, Amended: 1, Stale: 1}
	want.Audit[ingest.Agreed], want.Audit[ingest.Unseen] = 2, 1
	if got := tracker.Tally(); got != want {
		t.Errorf("the tally is %+v, want %+v", got, want)
	}
	if n := tracker.Live(); n != 1 {
		t.Errorf("%d calls are going on, want 1", n)
	}
}

// TestATrackerForgets lives through a month of calls: some that only a record shows, some whose record never comes, some
// long, and one that never ends.
func TestATrackerForgets(t *testing.T) {
	t.Parallel()
	const perDay = 240
	days := 30
	if testing.Short() {
		days = 8
	}
	tracker, rnd := ingest.NewTracker(testConfig()), rand.New(rand.NewPCG(1, 2))
	endless := ringing("SIP/endless", 1, of("905000000199"))
	listed := []ingest.CDR{}
	most := map[int]int{} // by day
	for i := range perDay * days {
		at := float64(i) * 86400 / perDay
		lasts := float64(rnd.IntN(100))
		who := fmt.Sprintf("9050000%05d", rnd.IntN(90_000))
		rec := record(fmt.Sprint(i), at, at+lasts, by(who))
		seen, comes := rnd.IntN(3) > 0, rnd.IntN(5) > 0
		if seen {
			tracker.Observe(shows(at+1, endless, ringing(fmt.Sprintf("SIP/%08x", i), at, of(who))))
			tracker.Observe(shows(at+lasts+2, endless))
		}
		if comes || !seen {
			listed = append(listed, rec)
		}
		tracker.Observe(shows(at+lasts+14, endless))
		if i%20 == 19 {
			slices.Reverse(listed)
			tracker.Observe(lists(at+lasts+15, listed...))
			listed = listed[:0]
			most[i/perDay] = max(most[i/perDay], tracker.Remembered())
		}
	}
	// A call is in some five places, for the look-back and two hours more.
	if limit := perDay * 5 * 27 / 24; most[days-1] > limit {
		t.Errorf("on the last of %d days %d entries are held, want at most %d", days, most[days-1], limit)
	}
	if most[days-1] > most[3]*11/10 {
		t.Errorf("what is held grows from day to day: %v", slices.Collect(maps.Values(most)))
	}
	if tracker.Live() != 1 {
		t.Errorf("%d calls are going on, want the endless one", tracker.Live())
	}
	if evs := tracker.Observe(shows(float64(86400*days+100), endless)); len(evs) > 0 {
		t.Errorf("a call that goes on for a month says %v, want nothing", brief(evs))
	}
}

// TestACallThatOnlyItsRecordShowedIsSoonOverForGood: it is looked for in late snapshots for a minute, not for a day.
func TestACallThatOnlyItsRecordShowedIsSoonOverForGood(t *testing.T) {
	t.Parallel()
	tracker := ingest.NewTracker(testConfig())
	tracker.Observe(lists(7, record("1", 3, 5)))
	before := tracker.Remembered()
	tracker.Observe(lists(700))
	if after := tracker.Remembered(); after >= before {
		t.Errorf("%d entries are held after ten minutes, want less than the %d at first", after, before)
	}
	if evs := tracker.Observe(lists(705, record("1", 3, 5))); len(evs) > 0 {
		t.Errorf("the record, seen again, says %v, want nothing", brief(evs))
	}
}
