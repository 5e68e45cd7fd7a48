package score_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// office is a world, its truth, and what somebody who knows everything publishes of it.
type office struct {
	truth     []pbxsim.Truth
	published []events.Event
	options   score.Options
}

// anOffice has every kind of call, late records and corrections. Calls are 20 minutes past when it is scored.
func anOffice(t *testing.T) *office {
	t.Helper()
	mix := pbxsim.DefaultMix()
	mix.Long = 0
	w := pbxsim.NewWorld(pbxsim.Config{Seed: 1, Rate: 20, Scale: 0.2, Mix: mix})
	view := pbxsim.NewTelsam(w, pbxsim.TelsamConfig{Records: pbxsim.Records{LateRate: 0.1, CorrectRate: 0.1}}, time.Now)
	at := w.Config().Start
	o := &office{truth: view.Truth(at.Add(20 * time.Minute)), options: score.Options{Since: at.Add(-time.Minute), Until: at.Add(40 * time.Minute), List: 3}}
	for i := range o.truth {
		o.published = append(o.published, tell(&o.truth[i])...)
	}
	slices.SortStableFunc(o.published, func(a, b events.Event) int { return a.RecordedTime.Compare(b.RecordedTime) })
	if len(o.truth) < 300 {
		t.Fatalf("%d calls are too few to try everything", len(o.truth))
	}
	return o
}

// isLate is true for records that come so late that the end is published without them.
func isLate(t *pbxsim.Truth) bool { return t.Readable.Sub(t.Call.End) > 10*time.Second }

// tell returns the events of one call, as they would be published by somebody who polls once a second.
func tell(t *pbxsim.Truth) []events.Event {
	c := t.Call
	said, recording := c.Outcome, true // what the record says when it can first be read
	if t.Corrected != nil {
		recording = !t.Corrected.Recording
		if t.Corrected.Outcome != "" {
			said = t.Corrected.Outcome
		}
	}
	var told []events.Event
	publish := func(typ events.Type, at time.Time, call events.Call) {
		told = append(told, event(typ, at, call))
	}
	seen := c.Start.Add(time.Second)
	if seen.After(c.End) {
		seen = c.End
	}
	publish(events.CallStarted, seen, glimpse(t))
	late := isLate(t)
	if said == events.Answered && c.Media == events.Voice && (!late || c.Answered()) {
		publish(events.CallAnswered, c.End, glimpse(t))
	}
	known := t.Readable
	end := record(t, said, recording)
	if late {
		known = c.End.Add(10 * time.Second)
		end = glimpse(t)
	}
	publish(events.CallEnded, known, end)
	if said != events.Answered && c.Direction == events.Inbound {
		publish(events.CallMissed, t.Readable, record(t, said, recording))
	}
	if late {
		told = append(told, amendment(t.Readable, 2, record(t, said, recording), "state", "outcome", "recording"))
	}
	if t.Corrected != nil {
		changed := []string{"recording"}
		if t.Corrected.Outcome != "" {
			changed = []string{"outcome", "missed", "recording"}
		}
		told = append(told, amendment(t.Corrected.At, 3, record(t, c.Outcome, true), changed...))
	}
	return told
}

func event(typ events.Type, recorded time.Time, c events.Call) events.Event {
	return events.Event{ID: events.ID("acme", c.CallID, typ, c.Revision), Type: typ, Account: "acme", Subject: c.CallID, Time: recorded, RecordedTime: recorded, Data: c}
}

func amendment(recorded time.Time, revision int, c events.Call, changed ...string) events.Event {
	c.Revision = revision
	e := event(events.CallAmended, recorded, c)
	e.Data = events.Amendment{Call: c, Changed: changed}
	return e
}

// glimpse is what a list of active calls shows.
func glimpse(t *pbxsim.Truth) events.Call {
	c := events.Call{
		CallID: fmt.Sprintf("call-%d", t.Call.N), Revision: 1, State: events.Provisional, Direction: t.Call.Direction, Media: t.Call.Media,
		VendorIDs: map[string]string{"channel": t.Channel}, StartedAt: &t.Call.Start,
	}
	if number := t.Call.External(); number != "" {
		c.ExternalNumber = &number
	}
	return c
}

func record(t *pbxsim.Truth, said events.Outcome, recording bool) events.Call {
	c := glimpse(t)
	c.State, c.Outcome, c.EndedAt = events.Final, &said, &t.Call.End
	missed := t.Call.Direction == events.Inbound && said != events.Answered
	c.Missed = &missed
	c.VendorIDs = maps.Clone(t.VendorIDs)
	c.VendorIDs["channel"] = t.Channel
	if t.Queue != "" {
		c.Queue = &events.Queue{ID: &t.Queue}
	}
	c.Recording = events.RecordingNone
	if recording {
		c.Recording = events.RecordingAvailable
	}
	return c
}

func (o *office) score() score.Report { return score.Of(o.truth, o.published, o.options) }

// find returns the place of the first event of type typ about a call of which is is true.
func (o *office) find(t *testing.T, typ events.Type, is func(*pbxsim.Truth) bool) int {
	t.Helper()
	of := map[string]*pbxsim.Truth{}
	for i := range o.truth {
		of[fmt.Sprintf("call-%d", o.truth[i].Call.N)] = &o.truth[i]
	}
	for i, e := range o.published {
		if e.Type == typ && is(of[e.Subject]) {
			return i
		}
	}
	t.Fatalf("there is no %s of that kind", typ)
	return -1
}

// change changes the data of event i.
func (o *office) change(i int, f func(*events.Call)) {
	switch d := o.published[i].Data.(type) {
	case events.Call:
		f(&d)
		o.published[i].Data = d
	case events.Amendment:
		f(&d.Call)
		o.published[i].Data = d
	}
}

func plain(t *pbxsim.Truth) bool {
	return t.Corrected == nil && !isLate(t) && t.Call.Media == events.Voice && t.Call.Outcome != events.Failed
}

func answered(t *pbxsim.Truth) bool { return plain(t) && t.Call.Answered() }

func inQueue(t *pbxsim.Truth) bool { return answered(t) && t.Queue != "" && t.Call.External() != "" }

func missed(t *pbxsim.Truth) bool { return plain(t) && t.Call.Missed }

func reversed(t *pbxsim.Truth) bool {
	return t.Corrected != nil && t.Corrected.Outcome != "" && !isLate(t)
}

func recordingCame(t *pbxsim.Truth) bool {
	return t.Corrected != nil && t.Corrected.Recording && !isLate(t)
}

func TestWhoKnowsEverythingIsPerfect(t *testing.T) {
	o := anOffice(t)
	report := o.score()
	if !report.Perfect() {
		t.Errorf("not perfect:\n%s", report)
	}
	for _, l := range report.Types {
		if l.Expected < 10 || l.Recall() != 1 || l.Precision() != 1 {
			t.Errorf("%+v, want some and all", l)
		}
	}
	if report.Latency.Calls < 100 || report.Latency.P50 != time.Second || report.Latency.Max != time.Second {
		t.Errorf("latency %+v, want a second", report.Latency)
	}
	if table := report.String(); !strings.Contains(table, "call.missed") || !strings.Contains(table, "p95 1s") {
		t.Errorf("the table lacks something:\n%s", table)
	}
}

func TestNothingIsNotPerfect(t *testing.T) {
	if score.Of(nil, nil, score.Options{Until: time.Now()}).Perfect() {
		t.Error("a world without calls is perfect")
	}
	o := anOffice(t)
	o.published = nil
	report := o.score()
	if report.Perfect() || report.Line(events.CallStarted).Recall() != 0 || report.Line(events.CallMissed).Told != 0 {
		t.Errorf("nothing was published:\n%s", report)
	}
}

// Each case does one thing wrong and says where that must show.
func TestWhatIsWrongShows(t *testing.T) {
	wrongFact := func(r score.Report) bool { return r.WrongFacts == 1 }
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, o *office)
		shows func(score.Report) bool
	}{
		"started left out":   {drop(events.CallStarted, answered), unheard(events.CallStarted)},
		"answered left out":  {drop(events.CallAnswered, answered), unheard(events.CallAnswered)},
		"missed left out":    {drop(events.CallMissed, missed), unheard(events.CallMissed)},
		"amended left out":   {drop(events.CallAmended, recordingCame), unheard(events.CallAmended)},
		"started twice":      {double(events.CallStarted, plain), repeated(events.CallStarted)},
		"answered twice":     {double(events.CallAnswered, answered), repeated(events.CallAnswered)},
		"ended twice":        {double(events.CallEnded, plain), repeated(events.CallEnded)},
		"missed twice":       {double(events.CallMissed, missed), repeated(events.CallMissed)},
		"amended twice":      {double(events.CallAmended, recordingCame), repeated(events.CallAmended)},
		"direction":          {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.Direction = events.Outbound }), wrongFact},
		"media":              {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.Media = events.Fax }), wrongFact},
		"number":             {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.ExternalNumber = new("+905000099999") }), wrongFact},
		"no number":          {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.ExternalNumber = nil }), wrongFact},
		"queue":              {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.Queue = &events.Queue{ID: new("699")} }), wrongFact},
		"no queue":           {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.Queue = nil }), wrongFact},
		"start":              {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.StartedAt = new(c.StartedAt.Add(3 * time.Second)) }), wrongFact},
		"end":                {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.EndedAt = new(c.EndedAt.Add(-3 * time.Second)) }), wrongFact},
		"no end":             {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.EndedAt = nil }), wrongFact},
		"outcome":            {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.Outcome = new(events.NoAnswer) }), wrongFact},
		"no outcome":         {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.Outcome = nil }), wrongFact},
		"missed fact":        {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.Missed = new(true) }), wrongFact},
		"corrected outcome":  {falsify(events.CallAmended, reversed, func(c *events.Call) { c.Outcome = new(events.Busy) }), wrongFact},
		"never final":        {falsify(events.CallEnded, inQueue, func(c *events.Call) { c.State = events.Provisional }), func(r score.Report) bool { return r.NeverFinal == 1 }},
		"never finalised":    {drop(events.CallAmended, func(t *pbxsim.Truth) bool { return isLate(t) && t.Corrected == nil }), unheard(events.CallAmended)},
		"correction unheard": {drop(events.CallAmended, reversed), func(r score.Report) bool { return unheard(events.CallAmended)(r) && r.WrongFacts > 0 }},
		"ended too early":    {hasten(events.CallEnded, answered, time.Minute), func(r score.Report) bool { return r.Premature == 1 }},
		"answered too early": {hasten(events.CallAnswered, answered, time.Hour), func(r score.Report) bool { return r.Premature == 1 }},
		"made up": {add(events.CallMissed, answered, func(c *events.Call) {
			c.CallID, c.ExternalNumber, c.VendorIDs = "nobody", new("+905000099999"), nil
		}), func(r score.Report) bool { return r.MadeUp == 1 && r.FalseMissed == 1 }},
		"made up, with a record": {add(events.CallStarted, answered, func(c *events.Call) {
			c.CallID, c.VendorIDs = "nobody", map[string]string{"id": "5000001", "calltype": "incoming"}
		}), func(r score.Report) bool { return r.MadeUp == 1 }},
		"under two ids":                   {add(events.CallEnded, answered, func(c *events.Call) { c.CallID = "again" }), func(r score.Report) bool { return r.Doubled == 1 }},
		"under two ids, without a record": {add(events.CallStarted, inQueue, func(c *events.Call) { c.CallID, c.VendorIDs = "again", nil }), func(r score.Report) bool { return r.Doubled == 1 }},
		"missed, though answered":         {add(events.CallMissed, answered, func(*events.Call) {}), func(r score.Report) bool { return r.FalseMissed == 1 && r.Line(events.CallMissed).Precision() < 1 }},
		"answered, though missed":         {addBefore(events.CallAnswered, events.CallEnded, missed), untrue(events.CallAnswered)},
		"amended for nothing":             {add(events.CallAmended, answered, func(c *events.Call) { c.Revision = 2 }), untrue(events.CallAmended)},
		"out of order":                    {swap(events.CallEnded, missed), func(r score.Report) bool { return r.OutOfOrder > 0 }},
		"of before anybody looked": {func(_ *testing.T, o *office) { o.options.Since = o.options.Since.Add(11 * time.Minute) }, func(r score.Report) bool {
			return r.Line(events.CallEnded).Precision() < 0.9
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := anOffice(t)
			tc.spoil(t, o)
			if report := o.score(); report.Perfect() || !tc.shows(report) || report.Discrepancies == 0 {
				t.Errorf("it does not show:\n%s", report)
			}
		})
	}
}

type which func(*pbxsim.Truth) bool

func drop(typ events.Type, of which) func(*testing.T, *office) {
	return func(t *testing.T, o *office) {
		i := o.find(t, typ, of)
		o.published = slices.Delete(o.published, i, i+1)
	}
}

func double(typ events.Type, of which) func(*testing.T, *office) {
	return func(t *testing.T, o *office) {
		i := o.find(t, typ, of)
		o.published = slices.Insert(o.published, i, o.published[i])
	}
}

func falsify(typ events.Type, of which, f func(*events.Call)) func(*testing.T, *office) {
	return func(t *testing.T, o *office) {
		i := o.find(t, typ, of)
		o.change(i, f)
		// the last event of the call is what counts
		for k := i + 1; k < len(o.published); k++ {
			if o.published[k].Subject == o.published[i].Subject {
				o.change(k, f)
			}
		}
	}
}

func hasten(typ events.Type, of which, by time.Duration) func(*testing.T, *office) {
	return func(t *testing.T, o *office) {
		i := o.find(t, typ, of)
		o.published[i].RecordedTime = o.published[i].RecordedTime.Add(-by)
	}
}

// add publishes another event of type typ at the end, made from the end of a call.
func add(typ events.Type, of which, f func(*events.Call)) func(*testing.T, *office) {
	return func(t *testing.T, o *office) {
		e := o.published[o.find(t, events.CallEnded, of)]
		c := e.Data.(events.Call)
		f(&c)
		e = event(typ, e.RecordedTime, c)
		if typ == events.CallAmended {
			e.Data = events.Amendment{Call: c, Changed: []string{"queue"}}
		}
		o.published = append(o.published, e)
	}
}

func addBefore(typ, before events.Type, of which) func(*testing.T, *office) {
	return func(t *testing.T, o *office) {
		i := o.find(t, before, of)
		e := o.published[i]
		o.published = slices.Insert(o.published, i, event(typ, e.RecordedTime, e.Data.(events.Call)))
	}
}

// swap lets an event change places with the next of its call.
func swap(typ events.Type, of which) func(*testing.T, *office) {
	return func(t *testing.T, o *office) {
		i := o.find(t, typ, of)
		for k := i + 1; k < len(o.published); k++ {
			if o.published[k].Subject == o.published[i].Subject {
				o.published[i], o.published[k] = o.published[k], o.published[i]
				return
			}
		}
		t.Fatal("it is the last event of its call")
	}
}

func unheard(typ events.Type) func(score.Report) bool {
	return func(r score.Report) bool {
		l := r.Line(typ)
		return l.Told == l.Expected-1 && l.Recall() < 1
	}
}

func repeated(typ events.Type) func(score.Report) bool {
	return func(r score.Report) bool {
		l := r.Line(typ)
		return l.Duplicates == 1 && l.Recall() == 1 && l.Precision() < 1
	}
}

func untrue(typ events.Type) func(score.Report) bool {
	return func(r score.Report) bool {
		l := r.Line(typ)
		return l.Right == l.Got-1 && l.Duplicates == 0
	}
}
