package ingest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// inRows is a record that was made of so many of the vendor's rows.
func inRows(n int, r ingest.CDR) ingest.CDR {
	r.Rows = n
	return r
}

// undecided is a record of a call that something answered: a person, or a menu.
func undecided(r ingest.CDR) ingest.CDR {
	r.Undecided = true
	r.Call.Outcome, r.Call.Missed, r.Call.MissedReason = new(events.UnknownOutcome), new(false), nil
	r.Call.AnsweredAt = new(*r.Call.StartedAt)
	return r
}

// tells is the detail of the call behind a record: it went to queue 600, and 102 answered, or nobody did.
func tells(at float64, r ingest.CDR, answered bool) ingest.Detail {
	queue, agent := "600", "102"
	d := ingest.Detail{
		Key: r.Key, Asked: sec(at - 0.1), At: sec(at), Queue: &events.Queue{ID: &queue}, Answered: &answered,
		Flow: []events.Step{{Kind: events.StepQueue, Target: &queue, StartedAt: r.Call.StartedAt, EndedAt: r.Call.EndedAt}},
	}
	if answered {
		d.Agent, d.AnsweredAt = &events.Agent{Extension: &agent}, new(r.Call.StartedAt.Add(2*time.Second))
	}
	return d
}

func detailed(c *ingest.TrackerConfig) {
	c.Details = true
	c.Settings.CallFlow = ingest.MissedFlow
}

// rowsCases are those of a vendor that writes several rows for one call.
func rowsCases() []trackerCase {
	return []trackerCase{
		{name: "a call of several rows is decided SETTLE after its last row", steps: []step{
			sees(lists(30, inRows(1, record("1", 3, 25)))),
			sees(lists(35, inRows(2, record("1", 3, 28, answered)))),
			sees(lists(40, inRows(2, record("1", 3, 28, answered)))),
			sees(lists(44.9)),
			sees(lists(45.1, inRows(2, record("1", 3, 28, answered))), "A started", "A answered, when is not known", "A ended: final, answered, not missed"),
			sees(lists(50, inRows(2, record("1", 3, 28, answered)))),
		}},
		{name: "a row that comes after SETTLE amends", steps: []step{
			sees(lists(30, inRows(1, record("1", 3, 25)))),
			sees(lists(41, inRows(1, record("1", 3, 25))), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(lists(60, inRows(2, record("1", 3, 28, answered))), "A amended to 2: ended_at outcome missed missed_reason; supersedes missed"),
		}},
		{name: "the first row of a call may have ended long before its last", steps: []step{
			sees(lists(1000, inRows(1, record("1", 3, 25)))),
			sees(lists(1005, inRows(2, record("1", 3, 990, answered)))),
			sees(lists(1015, inRows(2, record("1", 3, 990, answered))), "A started", "A answered, when is not known", "A ended: final, answered, not missed"),
		}},
		{name: "without SETTLE a call of several rows is decided at once", with: func(c *ingest.TrackerConfig) { c.Settings.Settle = 0 }, steps: []step{
			sees(lists(30, inRows(1, record("1", 3, 25))), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
		}},
		{name: "of two readings that crossed the older one says nothing", steps: []step{
			sees(lists(30, record("1", 3, 25, answered)), "A started", "A answered, when is not known", "A ended: final, answered, not missed"),
			sees(lists(40, record("1", 3, 25, answered, recorded)), "A amended to 2: recording; supersedes ended"),
			sees(lists(39, record("1", 3, 25, answered))),
		}},
	}
}

// detailCases are those of a vendor that tells more of a call when it is asked for it alone.
func detailCases() []trackerCase {
	open, closed := undecided(record("1", 3, 25)), record("1", 3, 25)
	return []trackerCase{
		{name: "what the detail adds amends", with: detailed, steps: []step{
			sees(lists(30, closed), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(tells(31, closed, false), "A amended to 2: queue flow; supersedes missed"),
			sees(lists(35, closed)), // the list does not repeat it
			sees(tells(36, closed, false)),
		}},
		{name: "a detail that tells nothing new says nothing", with: detailed, steps: []step{
			sees(lists(30, closed), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(ingest.Detail{Key: closed.Key, At: sec(31), Flow: []events.Step{}}),
			sees(ingest.Detail{Key: "another", At: sec(32), Flow: []events.Step{}}),
		}},
		{name: "whether a menu or a person answered waits for the detail, and it was a menu", with: detailed, steps: []step{
			sees(lists(30, open)),
			sees(lists(35, open)),
			sees(tells(36, open, false), "A started", "A ended: final, no_answer, missed", "A missed: abandoned_in_queue; because of ended"),
			sees(lists(40, open)),
		}},
		{name: "whether a menu or a person answered waits for the detail, and it was a person", with: detailed, steps: []step{
			sees(lists(30, open)),
			sees(tells(36, open, true), "A started", "A answered by 102", "A ended: final, answered, not missed"),
			sees(lists(40, open)),
		}},
		{name: "a detail that cannot be had for two minutes is not waited for, and still decides", with: detailed, steps: []step{
			sees(lists(30, open)),
			sees(lists(149, open)),
			sees(lists(150, open), "A started", "A ended: final, unknown, not missed"),
			sees(tells(200, open, false), "A missed: abandoned_in_queue; because of ended", "A amended to 2: queue answered_at talk_seconds outcome missed missed_reason flow; supersedes ended"),
			sees(lists(210, open)),
		}},
		{name: "a record that says something else, and leaves it open again, waits for the detail again", with: detailed, steps: []step{
			sees(lists(30, closed), "A started", "A ended: final, no_answer, missed", "A missed: no_answer; because of ended"),
			sees(tells(31, closed, false), "A amended to 2: queue flow; supersedes missed"),
			sees(lists(40, open)),
			sees(lists(45, open)),
			sees(tells(46, open, true), "A amended to 3: agent answered_at talk_seconds outcome missed missed_reason; supersedes amended"),
			sees(lists(50, open)),
		}},
		{name: "where no detail is asked for, what is most likely is said at once", with: func(c *ingest.TrackerConfig) { c.Details, c.Settings.CallFlow = true, ingest.NoFlow }, steps: []step{
			sees(lists(30, open), "A started", "A ended: final, unknown, not missed"),
		}},
	}
}

func TestWhichDetailsAreWanted(t *testing.T) {
	t.Parallel()
	missed, talked, open := record("1", 3, 25), record("2", 4, 26, answered, by(otherCaller)), undecided(record("3", 1, 27))
	for name, tc := range map[string]struct {
		flow ingest.CallFlow
		then []ingest.Observation
		want []string
	}{
		"none":                              {ingest.NoFlow, nil, nil},
		"of missed calls":                   {ingest.MissedFlow, nil, []string{"3", "1"}},
		"of all, undecided ones first":      {ingest.AllFlow, nil, []string{"3", "2", "1"}},
		"not of those that are here":        {ingest.AllFlow, []ingest.Observation{tells(31, missed, false), tells(31, open, true)}, []string{"2"}},
		"not of those that are long past":   {ingest.AllFlow, []ingest.Observation{lists(25 * 3600)}, nil},
		"of one that was decided meanwhile": {ingest.MissedFlow, []ingest.Observation{lists(200)}, []string{"1", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Details, cfg.Settings.CallFlow, cfg.Settings.Lookback = true, tc.flow, 24*time.Hour
			tracker := ingest.NewTracker(cfg)
			for _, o := range append([]ingest.Observation{lists(30, missed, talked, open)}, tc.then...) {
				tracker.Observe(o)
			}
			var got []string
			for _, rec := range tracker.Wanted(10) {
				got = append(got, rec.Call.VendorIDs["id"])
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("wanted are details of %v, want %v", got, tc.want)
			}
		})
	}
}

// A missed call's detail was told; then the process ended, and the record was corrected: something picked the call up after all.
func TestANewLifeAsksAgainForTheDetailOfARecordThatChangedMeanwhile(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	detailed(&cfg)
	open, closed := undecided(record("1", 3, 25)), record("1", 3, 25)
	for name, tc := range map[string]struct {
		before []ingest.Observation
		asked  bool
	}{
		"nothing had picked it up": {[]ingest.Observation{lists(30, closed), tells(31, closed, false)}, true},
		"a machine had":            {[]ingest.Observation{lists(30, open), tells(31, open, false)}, false},
		"a person had":             {[]ingest.Observation{lists(30, open), tells(31, open, true)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker := ingest.NewTracker(cfg)
			var told []events.Event
			for _, o := range tc.before {
				told = append(told, tracker.Observe(o)...)
			}
			again := ingest.NewTracker(cfg)
			for _, e := range told {
				again.Restore(e)
			}
			if more := again.Observe(lists(40, open)); len(more) > 0 {
				t.Errorf("told at once: %v", more)
			}
			if got := len(again.Wanted(10)) > 0; got != tc.asked {
				t.Fatalf("the detail is asked for: %v, want %v", got, tc.asked)
			}
			if !tc.asked {
				return
			}
			more := again.Observe(tells(41, open, true))
			if len(more) != 1 || more[0].Type != events.CallAmended {
				t.Fatalf("told is %v, want an amendment", more)
			}
			if c, _ := more[0].Call(); *c.Outcome != events.Answered || *c.Missed {
				t.Errorf("%s, missed %v", *c.Outcome, *c.Missed)
			}
		})
	}
}
