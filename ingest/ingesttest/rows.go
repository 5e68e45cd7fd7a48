package ingesttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// neverRows are values that are no row of any vendor.
var neverRows = []string{`null`, `7`, `""`, `"a row"`, `true`, `[]`, `{}`, `[{}]`, `{"":{"":[null]}}`}

// shown returns a record as text, without what the vendor wrote literally.
func shown(r ingest.CDR) string {
	r.Call.Raw = nil
	r.Call.Evidence, r.Call.Estimated = []events.Evidence{}, []string{}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Sprintf("%+v: %v", r, err)
	}
	return string(b)
}

func scalarsWobble(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		for _, c := range four() {
			group := []string{v.Record(c), rewritten(v.Record(c), asText), rewritten(v.Record(c), asNumber)}
			f = append(f, v.unlike(t, c, group)...)
		}
		for _, group := range v.Alike {
			f = append(f, v.unlike(t, four()[0], group)...)
		}
		return f
	})
}

// unlike tells which of rows, each alone in a list, is not read as the first is.
func (v Vendor) unlike(t testing.TB, c Call, rows []string) (f finding) {
	var want string
	for i, text := range rows {
		a := v.readFrom(t, listed(written(c, text)))
		got := a.records()
		if a.err != nil || len(got) != 1 {
			f.add("%d records, %v %v; want one of the row %s", len(got), a.err, reasons(a.rejected()), text)
			continue
		}
		if i == 0 {
			want = shown(got[0])
		}
		f.unless(shown(got[0]) == want, "the row %s\nis read as    %s\nand the row %s\nis read as    %s", rows[0], want, text, shown(got[0]))
	}
	return f
}

func reasons(rows []ingest.Rejected) (all []string) {
	for _, r := range rows {
		all = append(all, r.Reason)
	}
	return all
}

// rewritten returns a JSON object with each of its scalars rewritten by f.
func rewritten(object string, f func(any) any) string {
	var members map[string]any
	in := json.NewDecoder(strings.NewReader(object))
	in.UseNumber()
	if in.Decode(&members) != nil {
		return object
	}
	for name, value := range members {
		members[name] = f(value)
	}
	b, err := json.Marshal(members)
	if err != nil {
		return object
	}
	return string(b)
}

// asText writes a number or a boolean as text.
func asText(scalar any) any {
	switch s := scalar.(type) {
	case json.Number:
		return s.String()
	case bool:
		return strconv.FormatBool(s)
	}
	return scalar
}

// asNumber writes text that is a whole number as a number.
func asNumber(scalar any) any {
	s, _ := scalar.(string)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
		return json.Number(s)
	}
	return scalar
}

func badRowsArePutAside(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		for _, row := range bad(v.BadRecords) {
			good := four()
			pbx := listed(v.row(good[0]), written(good[1], row.text), v.row(good[2]))
			a := v.readFrom(t, pbx)
			f.unless(a.err == nil, "the row %s stops its page: %v", row.text, a.err)
			have := byOutside(a.records())
			f.unless(has(have, good[0].Outside) && has(have, good[2].Outside), "the row %s hides those around it", row.text)
			f.unless(len(a.records()) == 2, "%d records around the row %s, want the two that are good", len(a.records()), row.text)
			f = append(f, mistold(row, a.rejected())...)
		}
		return f
	})
}

func has[V any](m map[string]V, key string) bool { _, ok := m[key]; return ok }

// A badRow is a row that cannot be read, and a text that the reason must hold.
type badRow struct{ text, reason string }

// bad returns rows, and those that are bad whoever the vendor is.
func bad(rows map[string][]string) (all []badRow) {
	for _, reason := range slices.Sorted(maps.Keys(rows)) {
		for _, text := range rows[reason] {
			all = append(all, badRow{text, reason})
		}
	}
	for _, text := range neverRows {
		all = append(all, badRow{text, ""})
	}
	return all
}

// mistold tells how rejected is not the one row that is bad.
func mistold(bad badRow, rejected []ingest.Rejected) (f finding) {
	if len(rejected) != 1 {
		f.add("%d rows are rejected for the row %s: %q", len(rejected), bad.text, reasons(rejected))
		return f
	}
	r := rejected[0]
	f.unless(sameJSON(r.Row, []byte(bad.text)), "of the row %s, there is rejected %s", bad.text, r.Row)
	f.unless(r.Reason != "" && strings.Contains(r.Reason, bad.reason), "the row %s is rejected because of %q, want that it says %q", bad.text, r.Reason, bad.reason)
	return f
}

// sameJSON tells whether two documents hold the same.
func sameJSON(a, b []byte) bool {
	var x, y any
	inA, inB := json.NewDecoder(bytes.NewReader(a)), json.NewDecoder(bytes.NewReader(b))
	inA.UseNumber()
	inB.UseNumber()
	return json.Valid(a) && inA.Decode(&x) == nil && inB.Decode(&y) == nil && reflect.DeepEqual(x, y)
}

// goingOn is a call that goes on, talking or not.
func goingOn(i int, talking bool) Call {
	c := call(2*i, time.Minute)
	if c.Talked = 0; talking {
		c.Talked = time.Minute - c.Rang
	}
	return c
}

// snapshot asks for the active calls of pbx. There is none where the provider lists none.
func (v Vendor) snapshot(t testing.TB, pbx PBX) (s ingest.Snapshot, err error, ok bool) {
	srv := start(v.serve(pbx))
	defer srv.stop()
	l, ok := srv.open(t, v).(ingest.ActiveLister)
	if !ok {
		return s, nil, false
	}
	a := patiently(answerOf(l))
	return a.Snapshot, a.err, true
}

func activeCallsAreThoseShown(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		talking, ringing := goingOn(1, true), goingOn(2, false)
		s, err, ok := v.snapshot(t, v.showing(talking, ringing))
		f.unless(ok == (v.Active != nil), "the provider lists active calls: %t; the vendor shows them: %t", ok, v.Active != nil)
		if !ok || v.Active == nil {
			return f
		}
		f.unless(err == nil && len(s.Calls) == 2, "%d calls of two, %v", len(s.Calls), err)
		f.unless(!s.Partial && len(s.Rejected) == 0, "partial %t with %q rejected, though all is right", s.Partial, reasons(s.Rejected))
		f.unless(!s.Asked.IsZero() && !s.At.Before(s.Asked), "asked at %v, here at %v", s.Asked, s.At)
		for _, c := range []Call{talking, ringing} {
			f = append(f, notShown(c, s.Calls)...)
		}
		return f
	})
}

// notShown tells what a list of active calls says otherwise than c.
func notShown(c Call, active []ingest.ActiveCall) (f finding) {
	i := slices.IndexFunc(active, func(a ingest.ActiveCall) bool { return value(a.ExternalNumber) == c.Outside })
	if i < 0 {
		f.add("the call with %s is not shown", c.Outside)
		return f
	}
	a := active[i]
	f.unless(a.Channel != "", "an active call without a channel")
	f.unless(a.Talking == c.Answered(), "talking %t of a call that was answered: %t", a.Talking, c.Answered())
	f.unless(a.Direction == events.Inbound, "direction %q of a call from outside", a.Direction)
	near := ingest.Window{From: a.Began.From.Add(-time.Second), To: a.Began.To.Add(time.Second)}
	f.unless(near.Contains(c.Began) && !a.Began.To.Before(a.Began.From) && !a.Began.To.After(time.Now()), "began between %v and %v, want around %v", a.Began.From, a.Began.To, c.Began)
	for j, other := range active {
		f.unless(i == j || other.Channel != a.Channel, "two calls of the channel %s", a.Channel)
	}
	return f
}

func badActiveRowsArePutAside(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		for _, row := range bad(v.BadActive) {
			if v.Active == nil {
				break
			}
			pbx := v.showing(goingOn(1, true), goingOn(2, false))
			pbx.Active = slices.Insert(pbx.Active, 1, written(goingOn(3, true), row.text))
			s, err, _ := v.snapshot(t, pbx)
			f.unless(err == nil, "the row %s stops its list: %v", row.text, err)
			f.unless(len(s.Calls) == 2, "%d calls around the row %s, want the two that are good", len(s.Calls), row.text)
			f = append(f, mistold(row, s.Rejected)...)
		}
		return f
	})
}
