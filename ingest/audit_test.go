package ingest_test

import (
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// TestTheSelfAudit: what was published while a call lasted is held against its record, and each call has one finding.
func TestTheSelfAudit(t *testing.T) {
	t.Parallel()
	seen := []ingest.Observation{shows(4, ringing("SIP/1", 3)), shows(6)}
	answers := []ingest.Observation{shows(4, ringing("SIP/1", 3, talking)), shows(6)}
	ended := append(seen[:2:2], shows(16), shows(18))
	missed := append(ended[:4:4], lists(200))
	for name, tc := range map[string]struct {
		sees []ingest.Observation
		then ingest.CDR
		want ingest.Finding
	}{
		"no snapshot had shown it":                          {nil, record("1", 3, 5), ingest.Unseen},
		"it rang, and nobody answered":                      {seen, record("1", 3, 5), ingest.Agreed},
		"it was answered and seen to be":                    {answers, record("1", 3, 5, answered), ingest.Agreed},
		"it was answered for less than polls can see":       {seen, record("1", 3, 5, answered, talked(5)), ingest.Agreed},
		"it was answered, and polls had the time to see it": {seen, record("1", 3, 5, answered, talked(7)), ingest.WrongOutcome},
		"it was said to be answered, and nobody had":        {answers, record("1", 3, 5), ingest.WrongOutcome},
		"a machine answered a fax":                          {seen, record("1", 3, 5, answered, talked(60), faxed), ingest.Agreed},
		"it ended without a record, which came late":        {ended, record("1", 3, 5), ingest.Agreed},
		"it was said to be missed, and was":                 {missed, record("1", 3, 5), ingest.Agreed},
		"it was said to be missed, and was not":             {missed, record("1", 3, 5, answered), ingest.WrongMissed},
		"it was said to be answered, and was missed":        {append(answers[:2:2], shows(16), shows(18)), record("1", 3, 5), ingest.WrongMissed},
		"it was handed to whom no snapshot showed":          {seen, record("1", 3, 5, answered, reaching("102")), ingest.WrongParties},
		"the PBX's clock is some seconds off":               {seen, record("1", 9, 11), ingest.WrongTimes},
		"it lasted for longer than it was said to":          {ended, record("1", 3, 12), ingest.WrongTimes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker := ingest.NewTracker(testConfig())
			for _, o := range tc.sees {
				tracker.Observe(o)
			}
			before := tracker.Tally().Audit
			tracker.Observe(lists(300, tc.then))
			tracker.Observe(lists(301, tc.then)) // is the same record, and no second call
			var want ingest.Audit
			want[tc.want] = 1
			if got := tracker.Tally().Audit; before != (ingest.Audit{}) || got != want {
				t.Errorf("found %v and then %v, want nothing and then %v", counted(before), counted(got), tc.want)
			}
		})
	}
}

func talked(seconds float64) func(*events.Call) {
	return func(f *events.Call) { f.TalkSeconds = &seconds }
}

func faxed(f *events.Call) { f.Media = events.Fax }

func reaching(to string) func(*events.Call) {
	return func(f *events.Call) { f.To = numbers.Party(to) }
}

// counted returns the findings that there are.
func counted(a ingest.Audit) map[string]int {
	m := map[string]int{}
	for f, n := range a {
		if n > 0 {
			m[ingest.Finding(f).String()] = n
		}
	}
	return m
}

// TestCallsWithoutRecordAreCountedOnce: an hour after their end, and by the life that was there then.
func TestCallsWithoutRecordAreCountedOnce(t *testing.T) {
	t.Parallel()
	first := ingest.NewTracker(testConfig())
	var told []events.Event
	see := func(tracker *ingest.Tracker, os ...ingest.Observation) {
		for _, o := range os {
			told = append(told, tracker.Observe(o)...)
		}
	}
	see(first, shows(4, ringing("SIP/1", 3)), shows(6), shows(16), shows(18), lists(200), lists(3500))
	if got := counted(first.Tally().Audit); len(got) > 0 {
		t.Errorf("within the hour it is found %v, want nothing", got)
	}
	see(first, lists(3700), lists(3800))
	if got := counted(first.Tally().Audit); got["unrecorded"] != 1 || len(got) != 1 {
		t.Errorf("after an hour it is found %v, want one call unrecorded", got)
	}
	cfg := testConfig()
	cfg.Since = epoch.Add(2 * time.Hour)
	second := ingest.NewTracker(cfg)
	for _, e := range told {
		second.Restore(e)
	}
	see(second, lists(7300))
	if got := counted(second.Tally().Audit); len(got) > 0 {
		t.Errorf("the next life finds %v of what the one before has counted", got)
	}
}
