package score_test

import (
	"slices"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// few is a small office, so that every single event can be tried.
func few(t *testing.T) *office {
	o := anOffice(t)
	o.truth = o.truth[:120]
	o.published = slices.DeleteFunc(o.published, func(e events.Event) bool {
		return !slices.ContainsFunc(o.truth, func(t pbxsim.Truth) bool { return e.Subject == glimpse(&t).CallID })
	})
	if report := o.score(); !report.Perfect() {
		t.Fatalf("not perfect before anything is wrong:\n%s", report)
	}
	return o
}

// mayLack names the events that a perfect stream may also be without.
func (o *office) mayLack(e events.Event) bool {
	i := slices.IndexFunc(o.truth, func(t pbxsim.Truth) bool { return e.Subject == glimpse(&t).CallID })
	t := o.truth[i]
	reversed := t.Corrected != nil && t.Corrected.Outcome != ""
	switch e.Type {
	case events.CallAnswered: // when the record wrongly said it first, an amendment tells it anyway, or nobody but a machine answered
		return reversed || isLate(&t) || t.Call.Media == events.Fax
	case events.CallMissed:
		return reversed
	case events.CallAmended: // the later of two, when the earlier has the same fields, or an earlier that the later makes good
		return isLate(&t) && t.Corrected != nil
	}
	return false
}

func TestNoEventCanBeLeftOut(t *testing.T) {
	o := few(t)
	all := o.published
	tried := 0
	for i, e := range all {
		if o.mayLack(e) {
			continue
		}
		tried++
		o.published = slices.Delete(slices.Clone(all), i, i+1)
		if o.score().Perfect() {
			t.Errorf("perfect without %s of %s", e.Type, e.Subject)
		}
	}
	if tried < 300 {
		t.Errorf("%d events tried, want at least 300", tried)
	}
}

func TestNoEventCanBeDoubled(t *testing.T) {
	o := few(t)
	all := o.published
	for i, e := range all {
		o.published = slices.Insert(slices.Clone(all), i, e)
		if o.score().Perfect() {
			t.Errorf("perfect with %s of %s twice", e.Type, e.Subject)
		}
	}
}

func TestNoTwoEventsOfACallCanChangePlaces(t *testing.T) {
	o := few(t)
	all := o.published
	for i, e := range all {
		k := slices.IndexFunc(all[i+1:], func(f events.Event) bool { return f.Subject == e.Subject }) + i + 1
		if k == i || all[k].Type == e.Type {
			continue
		}
		o.published = slices.Clone(all)
		o.published[i], o.published[k] = all[k], all[i]
		if o.score().Perfect() {
			t.Errorf("perfect with %s of %s before %s", all[k].Type, e.Subject, e.Type)
		}
	}
}

func TestCallsOfWhichTheRecordIsNotKnownAreFoundByLikeness(t *testing.T) {
	o := anOffice(t)
	until := o.options.Since.Add(11 * time.Minute)
	o.options.Until = until
	o.published = slices.DeleteFunc(o.published, func(e events.Event) bool { return e.RecordedTime.After(until) })
	report := o.score()
	if !report.Perfect() {
		t.Errorf("cut off while calls go on:\n%s", report)
	}
	// of a call that goes on, its beginning at least must be known
	i := o.find(t, events.CallStarted, func(t *pbxsim.Truth) bool {
		return t.Call.Start.Before(until.Add(-time.Minute)) && t.Call.End.After(until)
	})
	o.published = slices.Delete(o.published, i, i+1)
	if o.score().Perfect() {
		t.Error("perfect without the beginning of a call that goes on")
	}
}

func TestADifferentClockIsNoWrongFact(t *testing.T) {
	o := anOffice(t)
	const skew = 40 * time.Second
	for i := range o.published {
		o.change(i, func(c *events.Call) {
			if c.State == events.Final {
				c.StartedAt, c.EndedAt = new(c.StartedAt.Add(skew)), new(c.EndedAt.Add(skew))
			}
		})
	}
	if o.score().WrongFacts == 0 {
		t.Error("times that are 40 s off are right")
	}
	o.options.Skew = skew
	if report := o.score(); !report.Perfect() {
		t.Errorf("told in the PBX's time:\n%s", report)
	}
}

func TestAReportIsTheSameEachTime(t *testing.T) {
	o := anOffice(t)
	o.published = slices.Delete(o.published, 100, 140)
	if a, b := o.score().String(), o.score().String(); a != b {
		t.Errorf("two reports of one stream:\n%s\n%s", a, b)
	}
}

func BenchmarkScore(b *testing.B) {
	view := pbxsim.NewTelsam(pbxsim.NewWorld(pbxsim.Config{Seed: 1, Rate: 12}), pbxsim.TelsamConfig{}, time.Now)
	at := pbxsim.NewWorld(pbxsim.Config{}).Config().Start
	truth := view.Truth(at.Add(24 * time.Hour))
	var published []events.Event
	for i := range truth {
		published = append(published, tell(&truth[i])...)
	}
	for b.Loop() {
		if r := score.Of(truth, published, score.Options{Until: at.Add(48 * time.Hour)}); !r.Perfect() {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(len(published)), "events")
}
