package score_test

import (
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// A record may tell an outcome that is finer than the call's: then it is what must be published.
func TestTheRecordsOwnOutcomeCounts(t *testing.T) {
	o := few(t)
	for i := range o.truth {
		if plain(&o.truth[i]) && o.truth[i].Call.Outcome == events.NoAnswer {
			o.truth[i].Outcome = events.Cancelled
		}
	}
	if report := o.score(); report.WrongFacts == 0 {
		t.Error("no_answer is right although the records say cancelled")
	}
	of := map[string]*pbxsim.Truth{}
	for i := range o.truth {
		of[glimpse(&o.truth[i]).CallID] = &o.truth[i]
	}
	for i := range o.published {
		o.change(i, func(c *events.Call) {
			if c.State == events.Final && *c.Outcome == events.NoAnswer && of[c.CallID].Outcome == events.Cancelled {
				c.Outcome = new(events.Cancelled)
			}
		})
	}
	if report := o.score(); !report.Perfect() {
		t.Errorf("told as the records tell it:\n%s", report)
	}
}
