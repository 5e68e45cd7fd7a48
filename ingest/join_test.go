package ingest_test

import (
	"fmt"
	"testing"

	"github.com/callbus/callbus/ingest"
)

// joining lives through n calls whose records begin off seconds after the snapshots say they did, and returns the tracker
// and the second at which the last was over. Nothing dates a reply: only the joins teach the PBX's clock.
func joining(t *testing.T, n int, off float64) (*ingest.Tracker, float64) {
	t.Helper()
	tracker, at := ingest.NewTracker(testConfig()), 0.0
	for i := range n {
		at = float64(i) * 100
		tracker.Observe(shows(at+4, ringing(fmt.Sprint("SIP/", i), at+3)))
		tracker.Observe(shows(at + 6))
		tracker.Observe(lists(at+7, record(fmt.Sprint(i), at+3+off, at+5+off)))
	}
	if got := tracker.Tally().Joined; got != n {
		t.Fatalf("%d of %d calls found their records", got, n)
	}
	return tracker, at + 100
}

// finds tells whether a record that begins off seconds after its call does is found to be the call's.
func finds(tracker *ingest.Tracker, at, off float64) bool {
	before := tracker.Tally().Joined
	tracker.Observe(shows(at+4, ringing("SIP/last", at+3)))
	tracker.Observe(shows(at + 6))
	tracker.Observe(lists(at+7, record("last", at+3+off, at+5+off)))
	return tracker.Tally().Joined > before
}

func TestTheClockIsLearnedFromJoins(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		joins int
		off   float64 // by which those records were off
		last  float64 // by which the last one is
		found bool
	}{
		{"nothing is known: ten seconds are forgiven", 0, 0, 10, true},
		{"nothing is known: ten seconds are forgiven, also the other way", 0, 0, -11, true},
		{"nothing is known: not more than that", 0, 0, 11, false},
		{"nothing is known: not more than that, nor the other way", 0, 0, -12, false},
		{"two joins are not enough to doubt a third", 2, 0, 8, true},
		{"three joins agree: another call began eight seconds off", 3, 0, 8, false},
		{"three joins agree: five seconds are forgiven", 3, 0, 5, true},
		{"the clock is two seconds ahead, and so is the measure", 8, 2, 7, true},
		{"the clock is two seconds behind, and so is the measure", 8, -2, 5, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tracker, at := joining(t, tc.joins, tc.off)
			if got := finds(tracker, at, tc.last); got != tc.found {
				t.Errorf("a record that begins %v s after its call does is found to be the call's: %v, want %v", tc.last, got, tc.found)
			}
		})
	}
}

// TestCallsWithoutRecordsShakeTheBelief: when the PBX's clock was set, no record fits any more.
func TestCallsWithoutRecordsShakeTheBelief(t *testing.T) {
	t.Parallel()
	tracker, at := joining(t, 3, 0)
	tracker.Observe(shows(at+4, ringing("SIP/none", at+3, of(otherCaller))))
	tracker.Observe(shows(at + 6))
	tracker.Observe(shows(at + 16))
	if !finds(tracker, at+100, 8) {
		t.Error("a record that begins 8 s after its call is another's, though the last call found none")
	}
}

// TestTheClockOfThePBXIsSet: what it says of its clock is believed again when it differs.
func TestTheClockOfThePBXIsSet(t *testing.T) {
	t.Parallel()
	tracker := ingest.NewTracker(testConfig())
	for i, ahead := range []float64{40, 40, 40, 40, -15, -15} {
		at := float64(i) * 100
		tracker.Observe(aheadBy(ahead, shows(at+4, ringing(fmt.Sprint("SIP/", i), at+3))))
		tracker.Observe(aheadBy(ahead, shows(at+6)))
		tracker.Observe(aheadBy(ahead, lists(at+7, record(fmt.Sprint(i), at+3+ahead, at+5+ahead))))
	}
	if got := tracker.Tally().Joined; got != 6 {
		t.Errorf("%d calls are joined, want 6", got)
	}
}

// TestTheBestPairIsJoinedFirst: two calls of one caller overlap, and either record could be of either.
func TestTheBestPairIsJoinedFirst(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		records []ingest.CDR
		want    map[string]string
	}{
		"by the begin":       {[]ingest.CDR{record("1", 3, 33), record("2", 6, 33)}, map[string]string{"SIP/1": "1", "SIP/2": "2"}},
		"by the begin, back": {[]ingest.CDR{record("2", 6, 33), record("1", 3, 33)}, map[string]string{"SIP/1": "1", "SIP/2": "2"}},
		"by where they went": {[]ingest.CDR{record("2", 4.5, 33, reached("102")), record("1", 4.5, 33)}, map[string]string{"SIP/1": "1", "SIP/2": "2"}},
		"one of them alone":  {[]ingest.CDR{record("2", 6, 33, reached("102"))}, map[string]string{"SIP/2": "2"}},
		"three for two":      {[]ingest.CDR{record("1", 3, 33), record("3", 20, 21), record("2", 6, 33)}, map[string]string{"SIP/1": "1", "SIP/2": "2", "": "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := ingest.NewTracker(testConfig())
			for at := 8.0; at < 34; at += 2 {
				tracker.Observe(shows(at, ringing("SIP/1", 3), ringing("SIP/2", 6, rings("102"))))
			}
			tracker.Observe(shows(34))
			got := joins(tracker.Observe(lists(35, tc.records...)))
			if len(got) != len(tc.want) {
				t.Fatalf("records by channel %v, want %v", got, tc.want)
			}
			for channel, id := range tc.want {
				if got[channel] != id {
					t.Errorf("records by channel %v, want %v", got, tc.want)
				}
			}
		})
	}
}

// TestTheLengthTellsCallsApart: two calls of one caller that began in one second, of which one was over at once.
func TestTheLengthTellsCallsApart(t *testing.T) {
	t.Parallel()
	tracker := ingest.NewTracker(testConfig())
	tracker.Observe(shows(4, ringing("SIP/1", 3), ringing("SIP/2", 3)))
	tracker.Observe(shows(6, ringing("SIP/2", 3)))
	tracker.Observe(shows(30, ringing("SIP/2", 3)))
	tracker.Observe(shows(32))
	got := joins(tracker.Observe(lists(33, record("2", 3, 31), record("1", 3, 5))))
	if got["SIP/1"] != "1" || got["SIP/2"] != "2" {
		t.Errorf("records by channel %v, want the short one to be SIP/1's", got)
	}
}
