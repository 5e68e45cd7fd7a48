package pbxsim_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

func TestWhile1RowsAreThoseOfTheTruth(t *testing.T) {
	for name, wc := range map[string]pbxsim.While1Config{
		"usual":                    {},
		"plain":                    {Plain: true},
		"late records":             {Records: pbxsim.Records{LateRate: 0.5}},
		"late rows":                {LateRowRate: 0.5},
		"rows for no call":         {Records: pbxsim.Records{GarbageRate: 0.1}},
		"garbled at first":         {Records: pbxsim.Records{GarbledRate: 0.3}},
		"corrected":                {Records: pbxsim.Records{CorrectRate: 0.5}},
		"a fast clock":             {Skew: 90 * time.Second},
		"hashed":                   {Key: "secret"},
		"everything goes wrong":    {LateRowRate: 0.3, Records: pbxsim.Records{LateRate: 0.1, GarbageRate: 0.1, GarbledRate: 0.2, CorrectRate: 0.2}},
		"all rows written at once": {Spread: pbxsim.Span{Max: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := watchRomanian(pbxsim.Config{Seed: 12, Rate: 6}, wc)
			from := w.now
			for range 2 {
				w.now = w.now.Add(401 * time.Second)
				checkRomanian(t, w, wc, from)
			}
		})
	}
}

// checkRomanian reads all rows since from and holds them against the truth of this moment.
func checkRomanian(t *testing.T, w *romanian, wc pbxsim.While1Config, from time.Time) {
	t.Helper()
	c := newRomanianClient(w)
	c.key = wc.Key
	rows, err := c.all(c.between(from.Add(wc.Skew-time.Second), w.now.Add(wc.Skew))...)
	if err != nil {
		t.Fatal(err)
	}
	checkIDs(t, rows)
	got := c.callsOf(t, rows)
	for _, truth := range w.Truth(w.now) {
		k, listed := got[truth.VendorIDs["linkedid"]]
		if whole := !truth.Readable.After(w.now); whole && !listed || listed && truth.Appears.After(w.now) {
			t.Fatalf("at %s: call %d (to %s, listed from %s, readable from %s) listed: %t", w.now, truth.Call.N, truth.Call.End, truth.Appears, truth.Readable, listed)
		} else if whole {
			checkTold(t, truth, k, wc.Skew, w.now)
		}
		delete(got, truth.VendorIDs["linkedid"])
	}
	if len(got) > 0 {
		t.Fatalf("rows of no call: %v", got)
	}
}

// checkIDs wants ids that are unique and in order.
func checkIDs(t *testing.T, rows []row) {
	t.Helper()
	last := 0
	for _, r := range rows {
		id := r.integer(t, "id")
		if id <= last {
			t.Fatalf("id %d comes after %d", id, last)
		}
		last = id
	}
}

func checkTold(t *testing.T, truth pbxsim.Truth, k *told, skew time.Duration, now time.Time) {
	t.Helper()
	call, first := truth.Call, k.rows[0]
	if first.text("uniqueid") != truth.VendorIDs["uniqueid"] || first.text("id") != truth.VendorIDs["id"] {
		t.Errorf("call %d: the first row is %s, id %s; truth: %v", call.N, first.text("uniqueid"), first.text("id"), truth.VendorIDs)
	}
	if began := epoch(t, first.text("linkedid")); !began.Equal(call.Start.Add(skew).Truncate(time.Second)) {
		t.Errorf("call %d: began %s, linkedid says %s", call.N, call.Start, began)
	}
	outcome := call.Outcome
	if truth.Corrected != nil && truth.Corrected.Outcome != "" && now.Before(truth.Corrected.At) {
		outcome = truth.Corrected.Outcome
	}
	if k.outcome() != outcome || k.queue != truth.Queue {
		t.Errorf("call %d: %s (%v, talked %s), queue %q; want %s, %q", call.N, k.outcome(), k.statuses, k.talk, k.queue, outcome, truth.Queue)
	}
	if returned := truth.Returned != nil && !truth.Returned.At.After(now); k.returned != returned {
		t.Errorf("call %d: returned %t, want %t", call.N, k.returned, returned)
	}
	checkSides(t, call, k)
	checkTimes(t, call, k, skew)
}

func checkSides(t *testing.T, call *pbxsim.Call, k *told) {
	t.Helper()
	first := k.rows[0]
	number, way := first.text("source"), "IN"
	if call.Direction != events.Inbound {
		number, way = first.text("destination"), "OUT"
	}
	if strings.HasPrefix(number, "00") {
		number = "+" + number[2:]
	}
	switch want := call.External(); {
	case want != "" && number != want,
		want == "" && call.Direction == events.Inbound && number != "anonymous",
		call.Direction == events.Internal && (first.text("source") != call.From.Extension || number != call.To.Extension):
		t.Errorf("call %d: from %s to %s, want %v to %v", call.N, first.text("source"), first.text("destination"), call.From, call.To)
	}
	if first.text("direction") != way {
		t.Errorf("call %d is %s: direction %q", call.N, call.Direction, first.text("direction"))
	}
}

// checkTimes wants the last row to end with the call, each to begin with its channel, and its parts to be in it.
func checkTimes(t *testing.T, call *pbxsim.Call, k *told, skew time.Duration) {
	t.Helper()
	bucharest, _ := time.LoadLocation("Europe/Bucharest")
	end := ""
	for _, r := range k.rows {
		end = max(end, r.text("time_end"))
		began := epoch(t, r.text("uniqueid"))
		if local := began.In(bucharest).Format(time.DateTime); local != r.text("time") {
			t.Errorf("call %d: the channel began %s, the row %s", call.N, local, r.text("time"))
		}
		if channelBefore(r.text("uniqueid"), r.text("linkedid")) {
			t.Errorf("call %d: channel %s is older than the call's first, %s", call.N, r.text("uniqueid"), r.text("linkedid"))
		}
		lasted := r.clock(t, "duration") + time.Second // cut; bill_duration is rounded up
		if max(r.clock(t, "bill_duration"), r.clock(t, "ring_time"), r.clock(t, "hold_time")-call.End.Sub(call.Start)) > lasted {
			t.Errorf("call %d: parts are longer than the whole: %v", call.N, r)
		}
		if minutes := r.integer(t, "bill_minutes"); minutes != int((r.clock(t, "bill_duration")+time.Minute-1)/time.Minute) {
			t.Errorf("call %d: %s are %d minutes", call.N, r.text("bill_duration"), minutes)
		}
	}
	if want := call.End.Add(skew).In(bucharest).Format(time.DateTime); end != want {
		t.Errorf("call %d: ends %s, want %s", call.N, end, want)
	}
}

// channelBefore compares two names of channels as numbers; their epochs have as many digits.
func channelBefore(a, b string) bool {
	as, an, _ := strings.Cut(a, ".")
	bs, bn, _ := strings.Cut(b, ".")
	return as < bs || as == bs && (len(an) < len(bn) || len(an) == len(bn) && an < bn)
}

// What the rows of each kind of call are.
func TestWhile1RowsOfEachKindOfCall(t *testing.T) {
	long(t)
	w := watchRomanian(pbxsim.Config{Seed: 1, Rate: 30}, pbxsim.While1Config{Plain: true})
	start := w.now
	w.now = w.now.Add(6 * time.Hour)
	c := newRomanianClient(w)
	rows, err := c.all(c.between(start, start.Add(150*time.Minute))...)
	if err != nil {
		t.Fatal(err)
	}
	calls, seen := c.callsOf(t, rows), map[string]int{}
	for _, truth := range w.Truth(start.Add(2 * time.Hour)) {
		if k := calls[truth.VendorIDs["linkedid"]]; !truth.Readable.After(w.now) {
			kind, want := whileShape(truth.Call)
			seen[kind]++
			if got := strings.Join(k.statuses, ", "); !slices.Contains(want, got) {
				t.Errorf("%s, call %d: %s; want one of %q", kind, truth.Call.N, got, want)
			}
		}
	}
	for _, kind := range []string{"group answered", "group in vain", "queue answered", "queue in vain", "menu in vain", "transferred", "one answered", "one in vain", "busy", "failed"} {
		if seen[kind] < 3 {
			t.Errorf("%s: %d calls, want some", kind, seen[kind])
		}
	}
}

// whileShape names the kind of c and the statuses that its rows may have.
func whileShape(c *pbxsim.Call) (kind string, statuses []string) {
	losers := slices.Repeat([]string{"NO ANSWER"}, len(c.Rings))
	in := func(statuses ...string) []string { return []string{strings.Join(statuses, ", ")} }
	switch {
	case c.Outcome == events.Busy:
		return "busy", []string{"BUSY"}
	case c.Outcome == events.Failed:
		return "failed", []string{"FAILED", "CONGESTION"}
	case len(c.Transfers) > 0:
		return "transferred", in(append(losers[:max(0, len(losers)-1)], "ANSWERED", "ANSWERED")...)
	case c.Queue == nil && c.Menu != "":
		return "menu in vain", []string{"ANSWERED", "NO ANSWER"}
	case c.Queue == nil && c.Answered():
		return "one answered", in("ANSWERED")
	case c.Queue == nil:
		return "one in vain", in("NO ANSWER")
	}
	kind = map[bool]string{true: "group", false: "queue"}[c.Queue.Group]
	if c.Answered() {
		return kind + " answered", in(append(losers[1:], "ANSWERED")...)
	}
	return kind + " in vain", append(in(losers...), in(append([]string{"ANSWERED"}, losers...)...)...)
}

// A queue or a menu that picks up is billed nothing.
func TestWhile1TalksAreThoseOfPeople(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 2, Rate: 12}, pbxsim.While1Config{Plain: true})
	w.now = w.now.Add(2 * time.Hour)
	c := newRomanianClient(w)
	rows, err := c.all(param{"call_status", "ANSWERED"}, param{"direction", "IN"})
	if err != nil {
		t.Fatal(err)
	}
	picked := 0
	for _, r := range rows {
		if r.text("bill_duration") != "00:00:00" {
			continue
		}
		picked++
		if r.text("dstchannel_formatted") != "" || r.text("user_fullname") != "" || r.text("call_codes") != "in no answer" {
			t.Errorf("nobody talked, and the row says %v", r)
		}
	}
	if picked < 20 {
		t.Errorf("%d of %d rows tell of a queue or menu that picked up in vain, want more", picked, len(rows))
	}
}

func TestWhile1HasTheShapeOfTheVendorsDocument(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 3, Rate: 12}, pbxsim.While1Config{Plain: true})
	body, err := newRomanianClient(w).post("/api/cdr")
	if want := `{"has_error":false,"messages":[],"pagination":{"row_count":0,"page_size":100,"current_page":0,"max_page":0},"results":[]}`; err != nil || string(body) != want {
		t.Errorf("no rows: %s, %v, want %s", body, err, want)
	}
	w.now = w.now.Add(time.Hour)
	rows, err := newRomanianClient(w).all()
	if err != nil || len(rows) < 1000 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var sample row
	if err := json.Unmarshal([]byte(while1SampleRow), &sample); err != nil {
		t.Fatal(err)
	}
	// these are null or text: the document shows null, or both
	optional := []string{"user_fullname", "qname", "recording_file", "recording_url", "transfers", "inbound_route", "inbound_route_id", "call_status_info", "is_recovered", "ivr_log"}
	for _, r := range rows {
		for name, v := range sample {
			got, ok := r[name]
			if fits := sameType(got, v) || slices.Contains(optional, name) && (got == nil || sameType(got, "")); !ok || !fits {
				t.Fatalf("%s is %#v, and %#v in the document", name, got, v)
			}
		}
		if len(r) != len(sample) {
			t.Fatalf("%d fields, %d in the document", len(r), len(sample))
		}
	}
}

func sameType(got, want any) bool {
	if _, ok := got.(json.Number); ok {
		_, ok = want.(float64)
		return ok
	}
	return reflect.TypeOf(got) == reflect.TypeOf(want)
}

// while1SampleRow is a row as the vendor's document prints one, names and numbers replaced.
const while1SampleRow = `{
	"id": "29056", "uniqueid": "1710401324.480", "linkedid": "1710401324.480",
	"time": "2024-03-14 09:28:44", "time_end": "2024-03-14 09:29:00",
	"caller_id": "\"Ana Pop\" <0310000201>", "source": "0310000201", "destination": "0700000000", "direction": "OUT",
	"channel_formatted": "PJSIP/ana-pop", "dstchannel_formatted": "", "customer_id": null, "user_fullname": "Ana Pop",
	"qname": null, "code": "outbound", "call_status": "FAILED",
	"call_status_info": "DS:CONGESTION|HC:34|HI:SIP 503 Service Unavailable", "call_codes": "out no answer",
	"accounting_code": null, "accounting_value": null, "comments": null, "monitor_files": null, "monitor_urls": null,
	"recording_file": null, "recording_url": null, "transfers": null, "project": "My Project",
	"inbound_route": null, "inbound_route_id": null, "queue_log": null, "ivr_log": null, "external_id": null,
	"external_info": null, "agent_details": null, "is_recovered": null, "transcription_id": null, "transcription_text": null,
	"bill_duration": "00:00:00", "duration": "00:00:15", "bill_minutes": 0, "ivr_duration": "00:00:00",
	"hold_time": "00:00:00", "ring_time": "00:00:00"
}`

func TestWhile1FormsWobbleUnlessPlain(t *testing.T) {
	long(t)
	forms := []string{`"id":"`, `"id":2`, `"bill_minutes":0`, `"bill_minutes":"0"`, `"qname":null`, `"qname":""`,
		`"page_size":"100"`, `"page_size":100`, `"row_count":0,`, `"is_recovered":"1"`, `"is_recovered":1`, `"is_recovered":true`}
	for plain, want := range map[bool][]string{
		true:  {`"id":"`, `"bill_minutes":0`, `"qname":null`, `"page_size":100`, `"is_recovered":"1"`},
		false: forms,
	} {
		w := watchRomanian(pbxsim.Config{Seed: 5, Rate: 3}, pbxsim.While1Config{Plain: plain})
		w.now = w.now.Add(time.Hour)
		var got []string
		text := ""
		for page := range 60 {
			body, err := newRomanianClient(w).post("/api/cdr", param{"page", fmt.Sprint(1 + page%3)})
			if err != nil {
				t.Fatal(err)
			}
			text += string(body)
		}
		for _, form := range forms {
			if strings.Contains(text, form) {
				got = append(got, form)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("plain %t: %q, want %q", plain, got, want)
		}
	}
}

// The same rows have the same ids, whoever asked before, how often, and in what order; also where the world forgets.
func TestWhile1IDsDependOnNothingButTheWorld(t *testing.T) {
	long(t)
	config := pbxsim.Config{Seed: 6, Rate: 10}
	wc := pbxsim.While1Config{Plain: true, LateRowRate: 0.2, Records: pbxsim.Records{GarbageRate: 0.05, LateRate: 0.1}}
	read := func(config pbxsim.Config, steps ...time.Duration) []row {
		w := watchRomanian(config, wc)
		c := newRomanianClient(w)
		for _, step := range append(steps, 3*time.Hour) {
			w.now = start().Add(step)
			if _, err := c.rows(1); err != nil {
				t.Fatal(err)
			}
			w.Truth(w.now.Add(step / 2))
		}
		rows, err := c.all(c.between(start().Add(150*time.Minute), w.now)...)
		if err != nil || len(rows) < 300 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		return rows
	}
	want := read(config)
	if got := read(config, time.Second, time.Hour, 90*time.Minute, 2*time.Hour); !reflect.DeepEqual(got, want) {
		t.Error("asked several times, other rows")
	}
	config.Keep = 20 * time.Minute
	forgetful := read(config)
	if first := forgetful[0].integer(t, "id"); first < want[0].integer(t, "id") || !reflect.DeepEqual(forgetful[len(forgetful)-150:], want[len(want)-150:]) {
		t.Errorf("a world that forgets has other rows, from %d", first)
	}
	config.Seed++
	if reflect.DeepEqual(read(config), want) {
		t.Error("another seed has the same rows")
	}
}

// A reader that follows the ids must expect that a smaller one turns up after a greater one, a moment later.
func TestWhile1NeighboursMayBeListedOutOfOrder(t *testing.T) {
	long(t)
	w := watchRomanian(pbxsim.Config{Seed: 7, Rate: 60}, pbxsim.While1Config{})
	c := newRomanianClient(w)
	seen, greatest, late := map[int]time.Time{}, 0, 0
	until := w.now.Add(8 * time.Minute)
	for ; w.now.Before(until); w.now = w.now.Add(500 * time.Millisecond) {
		rows, err := c.all(param{"from_id", fmt.Sprint(greatest - 12)})
		if err != nil {
			t.Fatal(err)
		}
		before := greatest
		for _, r := range rows {
			id := r.integer(t, "id")
			if _, ok := seen[id]; !ok && id < before {
				late++
				if after := seen[before]; w.now.Sub(after) > 2*time.Second {
					t.Errorf("row %d is listed %s after a greater one", id, w.now.Sub(after))
				}
			}
			if _, ok := seen[id]; !ok {
				seen[id] = w.now
			}
			greatest = max(greatest, id)
		}
	}
	first := slices.Min(idsOf(seen))
	if late < 3 || len(seen) < 400 || greatest-first-len(seen) > 5 {
		t.Errorf("%d of %d rows came out of order, ids %d to %d; want a few, and no gaps", late, len(seen), first, greatest)
	}
}

func idsOf(seen map[int]time.Time) (ids []int) {
	for id := range seen {
		ids = append(ids, id)
	}
	return ids
}

func TestWhile1RowOfACallMayComeAfterTheOthers(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 8, Rate: 12}, pbxsim.While1Config{LateRowRate: 0.3})
	w.now = w.now.Add(5 * time.Hour)
	truths := w.Truth(start().Add(2 * time.Hour))
	several, late, turned := 0.0, 0.0, 0
	for _, truth := range truths {
		if len(truth.Call.Rings) < 2 && len(truth.Call.Transfers) == 0 {
			continue
		}
		several++
		if truth.Readable.Sub(truth.Appears) < 12*time.Second {
			continue
		}
		late++
		if truth.Corrected == nil || !truth.Corrected.At.Equal(truth.Readable) {
			t.Errorf("call %d was whole at %s; correction %v", truth.Call.N, truth.Readable, truth.Corrected)
		} else if truth.Corrected.Outcome != "" {
			turned++
			checkBefore(t, w, truth)
		}
	}
	near(t, "late rows", late/several, 0.3, 0.2)
	if turned < 10 {
		t.Errorf("%d calls seemed unanswered until a row came, want some", turned)
	}
}

// checkBefore looks at a call just before its last row is listed.
func checkBefore(t *testing.T, w *romanian, truth pbxsim.Truth) {
	t.Helper()
	now := w.now
	defer func() { w.now = now }()
	c := newRomanianClient(w)
	for _, at := range []time.Time{truth.Readable.Add(-1), truth.Readable} {
		w.now = at
		rows, err := c.all(param{"linkedid", truth.VendorIDs["linkedid"]})
		if err != nil || len(rows) == 0 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		want := truth.Call.Outcome
		if at.Before(truth.Readable) {
			want = truth.Corrected.Outcome
		}
		if k := c.callsOf(t, rows)[truth.VendorIDs["linkedid"]]; k.outcome() != want {
			t.Errorf("call %d, %s before its last row: %s, want %s", truth.Call.N, truth.Readable.Sub(at), k.outcome(), want)
		}
	}
}

func TestWhile1MissedCallsAreMarkedOnceTheyWereReturned(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 9, Rate: 12}, pbxsim.While1Config{RecoverAfter: pbxsim.Span{Min: time.Second, Max: 30 * time.Second}})
	w.now = w.now.Add(6 * time.Hour)
	truths := w.Truth(start().Add(3 * time.Hour))
	byN := map[int]pbxsim.Truth{}
	for _, truth := range truths {
		byN[truth.Call.N] = truth
	}
	marked := 0
	for _, truth := range truths {
		if truth.Call.Returns < 0 || !truth.Call.Answered() {
			continue
		}
		marked++
		mark := byN[truth.Call.Returns].Returned
		if mark == nil || mark.CallID != "" || mark.At.Before(truth.Appears.Add(time.Second)) || mark.At.After(truth.Appears.Add(30*time.Second)) {
			t.Errorf("call %d, listed from %s, returns call %d: marked %v", truth.Call.N, truth.Appears, truth.Call.Returns, mark)
		}
	}
	n := 0
	for _, truth := range truths {
		if truth.Returned != nil {
			n++
			checkMark(t, w, truth)
		}
	}
	if n < 20 || n < marked {
		t.Errorf("%d calls are marked, %d were returned", n, marked)
	}
}

// checkMark looks at a missed call just before it is marked, and then.
func checkMark(t *testing.T, w *romanian, truth pbxsim.Truth) {
	t.Helper()
	now := w.now
	defer func() { w.now = now }()
	c := newRomanianClient(w)
	for _, at := range []time.Time{truth.Returned.At.Add(-1), truth.Returned.At} {
		w.now = at
		rows, err := c.all(param{"linkedid", truth.VendorIDs["linkedid"]})
		if err != nil || len(rows) == 0 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, r := range rows {
			if marked := r.text("is_recovered") != ""; marked == at.Before(truth.Returned.At) {
				t.Errorf("call %d, marked at %s: at %s is_recovered is %v", truth.Call.N, truth.Returned.At, at, r["is_recovered"])
			}
		}
	}
}

func TestWhile1RecordingOfATalk(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 10, Rate: 8}, pbxsim.While1Config{Records: pbxsim.Records{CorrectRate: 0.5}})
	w.now = w.now.Add(6 * time.Hour)
	c := newRomanianClient(w)
	later := 0
	for _, truth := range w.Truth(start().Add(time.Hour)) {
		if truth.Corrected == nil || !truth.Corrected.Recording {
			continue
		}
		later++
		for _, at := range []time.Time{truth.Corrected.At.Add(-1), truth.Corrected.At} {
			w.now = at
			rows, err := c.all(param{"linkedid", truth.VendorIDs["linkedid"]})
			if err != nil {
				t.Fatal(err)
			}
			has := slices.ContainsFunc(rows, func(r row) bool { return r.text("recording_url") != "" && r.text("recording_file") != "" })
			if has == at.Before(truth.Corrected.At) {
				t.Errorf("call %d, recording from %s: at %s %t", truth.Call.N, truth.Corrected.At, at, has)
			}
		}
	}
	if later < 20 {
		t.Errorf("%d recordings came later, want some", later)
	}
}

// The row says what a clock on the wall showed, so the hour that is repeated holds the rows of two. Their channels tell
// which is which.
func TestWhile1ClocksThatAreTurnedBack(t *testing.T) {
	long(t)
	turned := time.Date(2024, 10, 27, 1, 0, 0, 0, time.UTC) // 04:00 becomes 03:00
	for name, skew := range map[string]time.Duration{"right clock": 0, "fast clock": 90 * time.Second} {
		t.Run(name, func(t *testing.T) {
			wc := pbxsim.While1Config{Skew: skew}
			w := watchRomanian(pbxsim.Config{Seed: 3, Rate: 6, Start: turned.Add(-2 * time.Hour)}, wc)
			w.now = turned.Add(5 * time.Hour)
			c := newRomanianClient(w)
			rows, err := c.all(param{"date_between[0]", "2024-10-27 03:00:00"}, param{"date_between[1]", "2024-10-27 03:59:59"})
			if err != nil {
				t.Fatal(err)
			}
			got := c.callsOf(t, rows)
			hours := map[int]int{}
			for _, truth := range w.Truth(w.now) {
				began := truth.Call.Start.Add(skew)
				if began.In(c.zone).Hour() != 3 {
					continue
				}
				hours[began.Hour()]++
				if k := got[truth.VendorIDs["linkedid"]]; k == nil || !epoch(t, k.rows[0].text("linkedid")).Equal(began.Truncate(time.Second)) {
					t.Errorf("call %d of %s is not listed, or its channel is of another time", truth.Call.N, began)
				}
			}
			if hours[0] < 250 || hours[1] < 250 {
				t.Errorf("calls of each hour: %v, want both", hours)
			}
		})
	}
}

func TestWhile1RowsOfLastYearAreListedThisYear(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 4, Rate: 5, Start: time.Date(2025, 12, 31, 21, 0, 0, 0, time.UTC)}, pbxsim.While1Config{})
	w.now = w.now.Add(3 * time.Hour) // two hours into the year, in Bucharest
	checkRomanian(t, w, pbxsim.While1Config{}, w.world.Config().Start)
}

func TestWhile1RatesOfWhatBefallsRecords(t *testing.T) {
	long(t)
	w := watchRomanian(pbxsim.Config{Seed: 8, Rate: 60, Scale: 0.2}, pbxsim.While1Config{Records: pbxsim.Records{
		LateRate: 0.1, GarbageRate: 0.03, GarbledRate: 0.05, CorrectRate: 0.2,
	}})
	w.now = w.now.Add(2 * time.Hour)
	truths := w.Truth(start().Add(40 * time.Minute))
	var late, garbled, corrected float64
	for _, truth := range truths {
		if truth.Appears.Sub(truth.Call.End) > 5*time.Second {
			late++
		}
		if truth.Readable.Sub(truth.Appears) > 4500*time.Millisecond { // the rows of a call come within 4 s
			garbled++
		}
		if truth.Corrected != nil {
			corrected++
		}
	}
	n := float64(len(truths))
	near(t, "late", late/n, 0.1, 0.2)
	near(t, "garbled", garbled/n, 0.05, 0.2)
	near(t, "corrected", corrected/n, 0.2*0.9, 0.2)
	c := newRomanianClient(w)
	rows, err := c.all(c.between(start(), start().Add(40*time.Minute))...)
	if err != nil {
		t.Fatal(err)
	}
	garbage := 0.0
	for _, r := range rows {
		if !c.readable(r) {
			garbage++
		}
	}
	near(t, "garbage", garbage/n, 0.03, 0.25)
}
