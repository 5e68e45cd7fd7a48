package ingesttest

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/schemas"
)

// A finding collects what is wrong.
type finding []string

func (f *finding) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// unless adds a line if what is wanted is not so.
func (f *finding) unless(so bool, format string, args ...any) {
	if !so {
		f.add(format, args...)
	}
}

// readFrom returns what a new client reads of a server that answers with h.
func (v Vendor) readFrom(t testing.TB, pbx PBX) answer {
	srv := start(v.serve(pbx))
	defer srv.stop()
	return reading(srv.open(t, v))
}

// each reads the records of four calls and hands over each record with its call.
func (v Vendor) each(t testing.TB, f *finding, judge func(c Call, r ingest.CDR)) {
	a := v.readFrom(t, v.with(four()...))
	f.unless(a.err == nil, "reading four records: %v", a.err)
	for _, r := range a.rejected() {
		f.add("a good row is rejected: %s: %s", r.Reason, r.Row)
	}
	byNumber := byOutside(a.records())
	for _, c := range four() {
		r, ok := byNumber[c.Outside]
		if !ok {
			f.add("there is no record of the call with %s, inbound %t, answered %t", c.Outside, c.Inbound, c.Answered())
			continue
		}
		judge(c, r)
	}
}

// byOutside returns records by the number outside, which no two calls of the suite share.
func byOutside(records []ingest.CDR) map[string]ingest.CDR {
	m := map[string]ingest.CDR{}
	for _, r := range records {
		m[value(r.Call.ExternalNumber)] = r
	}
	return m
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func recordsSayWhatRowsSay(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		v.each(t, &f, func(c Call, r ingest.CDR) { f = append(f, differs(c, r.Call)...) })
		return f
	})
}

// differs tells what got says otherwise than c.
func differs(c Call, got events.Call) (f finding) {
	name := fmt.Sprintf("inbound %t, answered %t", c.Inbound, c.Answered())
	direction, inside := events.Outbound, got.From
	if c.Inbound {
		direction, inside = events.Inbound, got.To
	}
	f.unless(got.Direction == direction, "%s: direction %q", name, got.Direction)
	f.unless(value(got.StartedAt).Equal(c.Began), "%s: started at %v, want %v", name, value(got.StartedAt), c.Began)
	f.unless(value(got.EndedAt).Sub(c.Ended()).Abs() < time.Second, "%s: ended at %v, want %v", name, value(got.EndedAt), c.Ended())
	f.unless(value(inside.Extension) == c.Inside, "%s: extension %q, want %q", name, value(inside.Extension), c.Inside)
	f.unless((value(got.Outcome) == events.Answered) == c.Answered(), "%s: outcome %q", name, value(got.Outcome))
	f.unless(value(got.Missed) == (c.Inbound && !c.Answered()), "%s: missed %t", name, value(got.Missed))
	f.unless(got.TotalSeconds == nil || *got.TotalSeconds == c.Lasted().Seconds(), "%s: total_seconds %v, want %v", name, value(got.TotalSeconds), c.Lasted().Seconds())
	f.unless(got.TalkSeconds == nil || *got.TalkSeconds == c.Talked.Seconds(), "%s: talk_seconds %v, want %v", name, value(got.TalkSeconds), c.Talked.Seconds())
	f.unless(got.AnsweredAt == nil || c.Answered() && got.AnsweredAt.Sub(c.Began.Add(c.Rang)).Abs() < time.Second,
		"%s: answered_at %v", name, value(got.AnsweredAt))
	return f
}

func recordsAreSound(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		v.each(t, &f, func(_ Call, r ingest.CDR) {
			f.unless(r.Key != "", "a record without a Key")
			f = append(f, unsound(r.Call)...)
			f = append(f, zeros(r.Call)...)
		})
		return f
	})
}

// unsound tells what c lacks or has of what every record has or leaves to the tracker.
func unsound(c events.Call) (f finding) {
	if c.StartedAt == nil || c.EndedAt == nil || c.Outcome == nil || c.Missed == nil {
		f.add("a record without started_at, ended_at, outcome or missed")
		return f
	}
	f.unless(!c.EndedAt.Before(*c.StartedAt), "ended at %v, before it started at %v", c.EndedAt, c.StartedAt)
	f.unless(*c.Missed == (c.MissedReason != nil), "missed %t, with the reason %q", *c.Missed, value(c.MissedReason))
	f.unless(!*c.Missed || c.Direction == events.Inbound && *c.Outcome != events.Answered, "missed, though %s and %s", c.Direction, *c.Outcome)
	outside := map[events.Direction]*string{events.Inbound: c.From.Number, events.Outbound: c.To.Number}
	if number, known := outside[c.Direction]; known {
		f.unless(value(number) == value(c.ExternalNumber), "%s, with the number %q outside and external_number %q", c.Direction, value(number), value(c.ExternalNumber))
	}
	f.unless(c.Direction != "" && c.Media != "" && c.Hangup.By != "" && c.Recording != "",
		"direction %q, media %q, hangup by %q, recording %q: none of them may be empty", c.Direction, c.Media, c.Hangup.By, c.Recording)
	f.unless(len(c.VendorIDs) > 0, "vendor_ids is empty: nothing leads from the call to the vendor's record")
	f.unless(c.CallID+c.Account+c.Provider+string(c.State) == "" && c.Revision == 0 && c.Evidence == nil && c.Estimated == nil &&
		c.ObservedAfter == nil && c.ObservedBefore == nil && !c.Backfill, "a field is set that is the tracker's")
	f.unless(c.Raw != nil && strings.HasPrefix(string(c.Raw), "{"), "raw is asked for, and is no object: %s", c.Raw)
	return f
}

// zeros tells what is zero in c where null would say that it is unknown, and times that are not in UTC.
func zeros(c events.Call) (f finding) {
	c.Raw = nil
	walk("", reflect.ValueOf(c), func(path string, v reflect.Value) {
		switch v := v.Interface().(type) {
		case time.Time:
			f.unless(!v.IsZero(), "%s is the zero time, want null", path)
			f.unless(v.Location() == time.UTC, "%s is in %s, want UTC", path, v.Location())
		case float64:
			f.unless(v >= 0 && !math.IsNaN(v) && !math.IsInf(v, 0), "%s is %v seconds", path, v)
		case string:
			f.unless(v != "", "%s is empty, want null", path)
		}
	})
	for name, id := range c.VendorIDs {
		f.unless(id != "", "vendor_ids has an empty %s", name)
	}
	f.unless(c.Queue == nil || c.Queue.ID != nil || c.Queue.Name != nil, "queue is there and has neither id nor name, want null")
	f.unless(c.Agent == nil || c.Agent.Extension != nil || c.Agent.Name != nil, "agent is there and has neither extension nor name, want null")
	f.unless(c.Price == nil || c.Price.Amount != "", "price has no amount, want null")
	f.unless(value(c.Outcome) != events.Answered || c.TalkSeconds == nil || *c.TalkSeconds > 0, "answered, with talk_seconds 0: null, if it is unknown")
	return f
}

// walk shows f everything that a pointer in v leads to, with the names of the fields on the way.
func walk(path string, v reflect.Value, f func(path string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				walk(strings.TrimPrefix(path+"."+field.Name, "."), v.Field(i), f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i), f)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			f(path, v.Elem())
			walk(path, v.Elem(), f)
		}
	}
}

func recordsCanBePublished(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		v.each(t, &f, func(_ Call, r ingest.CDR) {
			wire, err := ended(published(r.Call)).MarshalJSON()
			f.unless(err == nil, "a call cannot be written: %v", err)
			if err == nil {
				err = schemas.Validate(wire)
				f.unless(err == nil, "%v\n%s", err, wire)
			}
		})
		return f
	})
}

func publishedCallsLeadBack(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		srv := start(v.serve(PBX{}))
		defer srv.stop()
		c := srv.open(t, v)
		v.each(t, &f, func(_ Call, r ingest.CDR) {
			call := published(r.Call)
			f.unless(c.RecordKey(call) == r.Key, "RecordKey of the record %q is %q", r.Key, c.RecordKey(call))
			if back, ok := readBack(call); ok {
				f.unless(c.RecordKey(back) == r.Key, "RecordKey of the record %q is %q after it was on the wire", r.Key, c.RecordKey(back))
			}
		})
		f.unless(c.RecordKey(events.Call{}) == "", "RecordKey of a call of which nothing is known is %q, want none", c.RecordKey(events.Call{}))
		return f
	})
}

// readBack returns call as who reads the stream has it.
func readBack(call events.Call) (events.Call, bool) {
	wire, err := ended(call).MarshalJSON()
	if err != nil {
		return call, false
	}
	e, err := events.Parse(wire)
	if err != nil {
		return call, false
	}
	return e.Call()
}

func readingsAreRepeatable(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		pbx := v.with(calls(40)...)
		srv := start(v.serve(pbx))
		defer srv.stop()
		c := srv.open(t, v)
		first := byKey(reading(c).records(), &f)
		f.unless(len(first) == len(pbx.Records), "%d keys of %d calls", len(first), len(pbx.Records))
		f.unless(maps.Equal(first, byKey(reading(c).records(), &f)), "the same client reads the same list otherwise the second time")
		f.unless(maps.Equal(first, byKey(v.readFrom(t, pbx).records(), &f)), "another client reads the same list otherwise")
		return f
	})
}

// byKey returns what records say, by key.
func byKey(records []ingest.CDR, f *finding) map[string]string {
	m := map[string]string{}
	for _, r := range records {
		said := shown(r)
		if before, twice := m[r.Key]; twice {
			f.unless(before == said, "two records have the key %q:\n%s\n%s", r.Key, before, said)
		}
		m[r.Key] = said
	}
	return m
}

func emptyIsNoError(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		v.sampled(t).asks(t, v.serve(PBX{}), func(q question, a answer, _ *server) {
			if !slices.Contains([]string{"CDRs", "NewCDRs", "ActiveCalls"}, q.name) {
				return
			}
			f.unless(a.err == nil, "%s of a PBX without calls: %v", q.name, a.err)
			f.unless(len(a.records())+len(a.rejected())+len(a.Snapshot.Calls) == 0 && !a.Snapshot.Partial, "%s of a PBX without calls: %+v", q.name, a)
		})
		return f
	})
}
