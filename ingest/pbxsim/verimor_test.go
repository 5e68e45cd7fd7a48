package pbxsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

func verimorStamp(r row, name string) (time.Time, error) {
	return time.Parse("2006-01-02 15:04:05 -0700", r.text(name))
}

// clockOf reads hours, minutes and seconds, or seconds.
func clockOf(text string) (time.Duration, error) {
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	var h, m, s int
	if n, err := fmt.Sscanf(text, "%d:%d:%d", &h, &m, &s); n != 3 {
		return 0, fmt.Errorf("%q: %w", text, err)
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second, nil
}

// readableVerimor is as lenient as a reader can be: a start may be worked out, or read in a UUID that tells it, and so
// may an end.
func readableVerimor(r row) bool {
	_, noStart := verimorStamp(r, "start_stamp")
	_, noEnd := verimorStamp(r, "end_stamp")
	_, noTotal := clockOf(r.text("duration"))
	_, noAnswer := verimorStamp(r, "answer_stamp")
	_, noTalk := clockOf(r.text("talk_duration"))
	if noStart != nil {
		return r.text("call_uuid")[14] == '1' || noEnd == nil && noTotal == nil
	}
	return noEnd == nil || noTotal == nil || noAnswer == nil && noTalk == nil
}

// What each word means, as the vendor's table of causes has it.
var verimorWords = map[string]events.Outcome{
	"Cevaplandı": events.Answered, "Meşgul": events.Busy, "Meşgule atıldı": events.Rejected, "Reddedildi": events.Rejected,
	"Vazgeçildi": events.Cancelled, "Cevapsız": events.NoAnswer, "Ulaşılamıyor": events.Unreachable,
	"Genel Hata": events.Failed, "Çağrı bağlanamadı": events.Failed, "İletişim sorunu": events.Failed,
}

var verimorWays = map[string]events.Direction{
	"Gelen": events.Inbound, "Giden": events.Outbound, "Giden (API)": events.Outbound, "Giden (IVR)": events.Outbound, "Santral içi": events.Internal,
}

func checkVerimor(t *testing.T, l *lister, truth pbxsim.Truth, r row) {
	t.Helper()
	c := truth.Call
	began, err1 := verimorStamp(r, "start_stamp")
	ended, err2 := verimorStamp(r, "end_stamp")
	lasted, err3 := clockOf(r.text("duration"))
	talked, err4 := clockOf(r.text("talk_duration"))
	_, err5 := clockOf(r.text("queue_wait_seconds"))
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatalf("%v: %v", err, r)
		}
	}
	if !sameSecond(began, c.Start) || !sameSecond(ended, c.End) || ended.Sub(began) != lasted || talked > lasted {
		t.Errorf("call %d from %s to %s: record says %v", c.N, c.Start, c.End, r)
	}
	missed := r.text("missed") == "true"
	outcome := verimorWords[r.text("result")]
	if missed && outcome == events.Answered {
		outcome = events.NoAnswer
	}
	answered := saysAnswered(truth, l.now)
	if answered != (outcome == events.Answered) || missed != (c.Direction == events.Inbound && !answered) {
		t.Errorf("call %d: %s, missed %s; truth: answered %t", c.N, r.text("result"), r.text("missed"), answered)
	}
	if !reversed(truth, l.now) && outcome != truth.Said() {
		t.Errorf("call %d, %s: record says %s", c.N, truth.Said(), r.text("result"))
	}
	if verimorWays[r.text("direction")] != c.Direction || r.text("queue") != truth.Queue {
		t.Errorf("call %d, %s, queue %q: record says %v", c.N, c.Direction, truth.Queue, r)
	}
	number := r.text("caller_id_number")
	if c.Direction == events.Outbound {
		number = r.text("destination_number")
	}
	if c.External() != "" && !slices.Contains([]string{c.External()[1:], "0" + c.External()[3:]}, number) {
		t.Errorf("call %d: number %q, want %s", c.N, number, c.External())
	}
	want := ""
	if m := truth.Returned; m != nil && !l.now.Before(m.At) {
		want = m.CallID
	}
	if r.text("return_uuid") != want {
		t.Errorf("call %d: returned by %q, want %q", c.N, r.text("return_uuid"), want)
	}
}

func TestVerimorWritesAsItsDocument(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 1, Rate: 8}, pbxsim.VerimorConfig{Plain: true})
	empty := shapes{}
	empty.addList(t, l.get(t, "/cdrs"))
	like := shapes{}
	for _, name := range []string{"cdrs_normal", "cdrs_missed", "cdrs_busy", "cdrs_empty"} {
		like.addList(t, sample(t, "verimor/"+name+".json"))
	}
	like.may("sip_hangup_disposition", "null") // of a call that the PBX ended: the samples have one that goes on
	l.now = l.now.Add(2 * time.Hour)
	got := shapes{}
	got.addList(t, l.get(t, "/cdrs", "limit", "100"))
	got.allow(t, like)
	empty.allow(t, like)
	if len(got) != 3 {
		t.Errorf("%d kinds of object, want rows, pagination and list: %v", len(got), got)
	}
	like, got = shapes{}, shapes{}
	like.addDeep(t, sample(t, "verimor/cdr_detail_normal.json"))
	for _, name := range []string{"ip_address", "sip_user_agent", "write_codec", "read_codec", "sip_hangup_disposition"} {
		like.may(name, "null") // a menu has no telephone
	}
	like.may("return_uuid", "text")
	like.may("answer_stamp", "null")
	for _, id := range l.ids(l.all(t))[:200] {
		got.addDeep(t, l.get(t, "/cdrs/"+id))
	}
	got.allow(t, like)
}

func TestVerimorsRecordsAreThoseOfTheTruth(t *testing.T) {
	for name, vc := range map[string]pbxsim.VerimorConfig{
		"usual":                 {},
		"late":                  {Records: pbxsim.Records{LateRate: 0.5}},
		"with rows for no call": {Records: pbxsim.Records{GarbageRate: 0.1}},
		"garbled at first":      {Records: pbxsim.Records{GarbledRate: 0.3}},
		"corrected":             {Records: pbxsim.Records{CorrectRate: 0.3}},
		"plain":                 {Plain: true},
		"oldest first":          {Ascending: true},
		"returned late":         {ReturnAfter: pbxsim.Span{Min: time.Minute, Max: 5 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			l := verimor(pbxsim.Config{Seed: 12, Rate: 20}, vc)
			l.watchRecords(t, readableVerimor, func(truth pbxsim.Truth, r row) { checkVerimor(t, l, truth, r) })
		})
	}
}

func TestVerimorKeepsFaxesApart(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 2, Rate: 8}, pbxsim.VerimorConfig{})
	l.now = l.now.Add(time.Hour)
	calls, faxes := l.world.Calls(l.now), 0
	for _, c := range calls {
		if c.Media == events.Fax {
			faxes++
		}
	}
	if got := len(l.Truth(l.now)); got != len(calls)-faxes || faxes == 0 {
		t.Errorf("%d calls in the truth, %d of %d were faxes", got, faxes, len(calls))
	}
}

func TestVerimorsMissedCallsThatAQueuePickedUp(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 3, Rate: 12}, pbxsim.VerimorConfig{Plain: true})
	l.now = l.now.Add(2 * time.Hour)
	contradictions := 0
	for _, r := range l.all(t, "missed", "true") {
		if r.text("missed") != "true" {
			t.Fatalf("not missed: %v", r)
		}
		if r.text("result") == "Cevaplandı" {
			contradictions++
			if r.text("answer_stamp") != r.text("start_stamp") || r.text("talk_duration") != r.text("duration") {
				t.Errorf("picked up at %s: %v", r.text("answer_stamp"), r)
			}
		}
	}
	if contradictions < 50 {
		t.Errorf("%d missed calls have the result Cevaplandı, want plenty", contradictions)
	}
}

func TestVerimorsReturnedCalls(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 4, Rate: 30}, pbxsim.VerimorConfig{})
	l.now = l.now.Add(3 * time.Hour)
	truths, returned, again := l.truths(), 0, 0
	for _, truth := range truths {
		if truth.Returned == nil {
			continue
		}
		returned++
		back, ok := truths[truth.Returned.CallID]
		switch {
		case !ok:
			t.Fatalf("call %d was returned by %s, which is no call", truth.Call.N, truth.Returned.CallID)
		case !back.Call.Answered() || back.Call.Direction != events.Outbound || back.Call.External() != truth.Call.External():
			t.Errorf("call %d of %s was returned by %+v", truth.Call.N, truth.Call.External(), back.Call)
		case truth.Returned.At.Before(back.Appears):
			t.Errorf("call %d is said to be returned at %s, but the call back is listed from %s", truth.Call.N, truth.Returned.At, back.Appears)
		}
		if back.Call.Returns != truth.Call.N {
			again++
		}
	}
	if returned < 100 || again == 0 {
		t.Errorf("%d calls returned, %d of them at a second attempt; want plenty and some", returned, again)
	}
}

// Nobody is told that a call was returned by a record that cannot be read, or that says it was answered.
func TestVerimorMarksNoReturnBeforeTheRecordCanTellIt(t *testing.T) {
	hours := pbxsim.Span{Min: time.Hour, Max: 2 * time.Hour}
	l := verimor(pbxsim.Config{Seed: 27, Rate: 20}, pbxsim.VerimorConfig{Records: pbxsim.Records{
		GarbledRate: 0.3, GarbledFor: hours, CorrectRate: 0.3, CorrectAfter: hours,
	}})
	garbled, corrected := 0, 0
	for _, truth := range l.Truth(l.now.Add(3 * time.Hour)) {
		if truth.Returned == nil {
			continue
		}
		if truth.Readable.After(truth.Appears) {
			garbled++
		}
		wrong := truth.Corrected != nil && truth.Corrected.Outcome == events.Answered
		if wrong {
			corrected++
		}
		if truth.Returned.At.Before(truth.Readable) || wrong && truth.Returned.At.Before(truth.Corrected.At) {
			t.Errorf("call %d is marked at %s, can be read from %s, was corrected %+v", truth.Call.N, truth.Returned.At, truth.Readable, truth.Corrected)
		}
	}
	if garbled < 10 || corrected < 10 {
		t.Errorf("%d records garbled, %d corrected", garbled, corrected)
	}
}

func TestVerimorsUUIDs(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 5, Rate: 6}, pbxsim.VerimorConfig{Skew: 40 * time.Second, Records: pbxsim.Records{GarbledRate: 0.1, GarbageRate: 0.1}})
	l.now = l.now.Add(2 * time.Hour)
	truths, clocked := l.truths(), 0.0
	if n := len(l.Truth(l.now)); len(truths) != n {
		t.Fatalf("%d UUIDs for %d calls", len(truths), n)
	}
	for id, truth := range truths {
		if id[14] == '4' {
			continue
		}
		clocked++
		high, err := strconv.ParseUint(id[15:18]+id[9:13]+id[:8], 16, 64)
		told := time.Date(1582, 10, 15, 0, 0, 0, 0, time.UTC).Unix() + int64(high/1e7)
		if err != nil || id[14] != '1' || told != truth.Call.Start.Add(40*time.Second).Unix() {
			t.Errorf("%s (%v) tells %s, the PBX's clock showed %s", id, err, time.Unix(told, 0), truth.Call.Start.Add(40*time.Second))
		}
		if truth.Readable.After(truth.Appears) {
			t.Errorf("the record of call %d is garbled, but its UUID tells when it began", truth.Call.N)
		}
	}
	near(t, "version 1", clocked/float64(len(truths)), 0.45, 0.1)
	for _, r := range l.all(t) { // each id is found again, but for rows of no call
		resp, body, err := l.do("/cdrs/" + r.text("call_uuid") + "?key=callbus")
		if err != nil || (resp.StatusCode == http.StatusOK) != (truths[r.text("call_uuid")].Call != nil) {
			t.Fatalf("%v: %v, %s", r, err, body)
		}
	}
}

func TestVerimorsQuestionsAndAnswers(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 6}, pbxsim.VerimorConfig{Key: "right"})
	const nobody = "00000000-0000-0000-0000-000000000000"
	for name, tc := range map[string]struct {
		query  string
		status int
		want   string
	}{
		"nothing yet":               {"/cdrs?key=right", 200, `{"cdrs":[],"pagination":{"page":1,"total_count":0,"total_pages":0,"limit":10}}`},
		"the least limit":           {"/cdrs?key=right&limit=1", 200, `{"cdrs":[],"pagination":{"page":1,"total_count":0,"total_pages":0,"limit":10}}`},
		"the greatest limit":        {"/cdrs?key=right&limit=1000&page=0", 200, `{"cdrs":[],"pagination":{"page":1,"total_count":0,"total_pages":0,"limit":100}}`},
		"a limit that is no number": {"/cdrs?key=right&limit=many&page=x", 200, `{"cdrs":[],"pagination":{"page":1,"total_count":0,"total_pages":0,"limit":10}}`},
		"a wrong key":               {"/cdrs?key=wrong", 400, "Gecersiz anahtar: wrong"},
		"no key":                    {"/cdrs", 400, "Gecersiz anahtar: "},
		"a wrong key, one call":     {"/cdrs/" + nobody + "?key=wrong", 400, "Gecersiz anahtar: wrong"},
		"a wrong key, to hang up":   {"/hangup/" + nobody + "?key=wrong", 400, "Gecersiz anahtar: wrong"},
		"31 days and a second":      {"/cdrs?key=right&start_stamp_from=2024-01-01+00:00:00+UTC&start_stamp_to=2024-02-01+00:00:01+UTC", 400, "date range cannot be longer than 31 days"},
		"31 days":                   {"/cdrs?key=right&start_stamp_from=2024-01-01+00:00:00+UTC&start_stamp_to=2024-02-01+00:00:00+UTC", 200, `{"cdrs":[],"pagination":{"page":1,"total_count":0,"total_pages":0,"limit":10}}`},
		"no time":                   {"/cdrs?key=right&start_stamp_from=yesterday", 400, "invalid start_stamp_from"},
		"a blank for a plus":        {"/cdrs?key=right&start_stamp_to=2024-01-01+00:00:00+0300", 400, ""}, // as Go's own client would never send it
		"no such call":              {"/cdrs/" + nobody + "?key=right", 404, "cannot find call with call_uuid " + nobody + " "},
		"an id that is none":        {"/cdrs/1234?key=right", 404, "cannot find call with call_uuid 1234 "},
		"nothing to hang up":        {"/hangup/" + nobody + "?key=right", 400, "No such channel!"},
		"no id to hang up":          {"/hangup/?key=right", 400, "No such channel!"},
		"no list of active calls":   {"/queues/pending?key=right", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body, err := l.do(tc.query)
			if err != nil || resp.StatusCode != tc.status || tc.want != "" && string(body) != tc.want {
				t.Errorf("GET %s: %v, %s, %q; want %d, %q", tc.query, err, resp.Status, body, tc.status, tc.want)
			}
		})
	}
	resp, err := l.http.Post("http://pbx.example/cdrs?key=right", "text/plain", strings.NewReader(""))
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", resp.Status, err)
	}
}

func TestTimesInAQuestionToVerimor(t *testing.T) {
	long(t)
	l := verimor(pbxsim.Config{Seed: 7, Rate: 15}, pbxsim.VerimorConfig{})
	l.now = l.now.Add(3 * time.Hour) // 11:00 UTC, 14:00 in Istanbul
	for name, span := range map[string][2]string{
		"UTC":           {"2024-05-06 09:00:00 UTC", "2024-05-06 10:00:00 UTC"},
		"an offset":     {"2024-05-06 12:00:00 +0300", "2024-05-06 12:00:00 +0200"},
		"RFC 3339":      {"2024-05-06T09:00:00Z", "2024-05-06T13:00:00+03:00"},
		"ISO, no zone":  {"2024-05-06T12:00:00", "2024-05-06T13:00:00"},
		"as it writes":  {"2024-05-06 12:00:00", "2024-05-06 13:00:00"},
		"one of each":   {"2024-05-06T12:00:00", "2024-05-06 10:00:00 UTC"},
		"an open start": {"", "2024-05-06 10:00:00 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			from := time.Date(2024, 5, 6, 9, 0, 0, 0, time.UTC)
			if span[0] == "" {
				from = l.world.Config().Start
			}
			to, want := time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC), 0
			for _, truth := range l.Truth(l.now) {
				began := truth.Call.Start.Truncate(time.Second)
				if !began.Before(from) && !began.After(to) && !truth.Appears.After(l.now) {
					want++
				}
			}
			if got := len(l.all(t, "start_stamp_from", span[0], "start_stamp_to", span[1])); got != want || want < 500 {
				t.Errorf("%d records, want %d", got, want)
			}
		})
	}
}

// Both ends of a span are in it, as whole seconds of the PBX's clock.
func TestBoundsOfAQuestionToVerimor(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 8, Rate: 200}, pbxsim.VerimorConfig{Skew: 1500 * time.Millisecond})
	l.now = l.now.Add(2 * time.Hour)
	at := l.world.Config().Start.Add(10 * time.Minute).Format("2006-01-02 15:04:05 UTC")
	want := 0
	for _, truth := range l.Truth(l.now) {
		if truth.Call.Start.Add(1500*time.Millisecond).Format("2006-01-02 15:04:05 UTC") == at && !truth.Appears.After(l.now) {
			want++
		}
	}
	if got := len(l.all(t, "start_stamp_from", at, "start_stamp_to", at)); got != want || want == 0 {
		t.Errorf("%d records that began at %s, want %d", got, at, want)
	}
}

// A stamp tells its distance from UTC, so the hour that is repeated is not ambiguous.
func TestVerimorWhereClocksAreTurnedBack(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		t.Fatal(err)
	}
	turned := time.Date(2024, 10, 27, 1, 0, 0, 0, time.UTC) // 04:00 becomes 03:00
	l := verimor(pbxsim.Config{Seed: 9, Rate: 8, Start: turned.Add(-time.Hour)}, pbxsim.VerimorConfig{Zone: zone})
	l.now = turned.Add(3 * time.Hour)
	offsets := map[string]int{}
	for _, r := range l.all(t) {
		offsets[r.text("start_stamp")[11:13]+r.text("start_stamp")[19:]]++
	}
	if offsets["03 +0300"] < 500 || offsets["03 +0200"] < 500 {
		t.Errorf("records by hour and offset: %v; want the repeated hour twice", offsets)
	}
	l.checkRecords(t, readableVerimor, func(truth pbxsim.Truth, r row) {
		if truth.Call.End.Before(l.now.Add(-time.Minute)) {
			checkVerimor(t, l, truth, r)
		}
	})
}

func TestVerimorsFilters(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 10, Rate: 8}, pbxsim.VerimorConfig{Retain: time.Hour, Plain: true})
	l.now = l.now.Add(2 * time.Hour)
	all := l.all(t)
	some := all[len(all)/2]
	for name, tc := range map[string]struct {
		ask  []string
		want func(row) bool
	}{
		"inbound":       {[]string{"direction", "inbound"}, func(r row) bool { return r.text("direction") == "Gelen" }},
		"outbound":      {[]string{"direction", "outbound"}, func(r row) bool { return strings.HasPrefix(r.text("direction"), "Giden") }},
		"internal":      {[]string{"direction", "internal"}, func(r row) bool { return r.text("direction") == "Santral içi" }},
		"missed":        {[]string{"missed", "true"}, func(r row) bool { return r.text("missed") == "true" }},
		"answered":      {[]string{"missed", "false"}, func(r row) bool { return r.text("missed") == "false" && r.text("result") == "Cevaplandı" }},
		"a queue":       {[]string{"queue", "600"}, func(r row) bool { return r.text("queue") == "600" }},
		"a caller":      {[]string{"caller_id_number", some.text("caller_id_number")}, func(r row) bool { return r["caller_id_number"] == some["caller_id_number"] }},
		"a destination": {[]string{"destination_number", some.text("destination_number")}, func(r row) bool { return r["destination_number"] == some["destination_number"] }},
		"recorded":      {[]string{"recording_present", "true"}, func(r row) bool { return r.text("recording_present") == "true" }},
		"removed":       {[]string{"recording_present", "deleted"}, func(r row) bool { return r.text("recording_present") == "deleted" }},
		"two at once":   {[]string{"direction", "inbound", "missed", "true"}, func(r row) bool { return r.text("missed") == "true" }},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.DeleteFunc(slices.Clone(all), func(r row) bool { return !tc.want(r) })
			if got := l.all(t, tc.ask...); !slices.Equal(l.ids(got), l.ids(want)) || len(want) == 0 {
				t.Errorf("%d records, want %d", len(got), len(want))
			}
		})
	}
	if got := l.all(t, "direction", "sideways"); len(got) > 0 {
		t.Errorf("%d records of a direction that there is not", len(got))
	}
}

func TestVerimorsOrder(t *testing.T) {
	for name, ascending := range map[string]bool{"newest first": false, "oldest first": true} {
		t.Run(name, func(t *testing.T) {
			l := verimor(pbxsim.Config{Seed: 11, Rate: 20}, pbxsim.VerimorConfig{Ascending: ascending})
			l.now = l.now.Add(time.Hour)
			stamps := []string{}
			for _, r := range l.all(t) {
				stamps = append(stamps, r.text("start_stamp"))
			}
			if !ascending {
				slices.Reverse(stamps)
			}
			if !slices.IsSorted(stamps) || len(stamps) < 500 {
				t.Errorf("%d records are not in order", len(stamps))
			}
		})
	}
}

func TestVerimorAllowsSixRequestsAMinute(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 12}, pbxsim.VerimorConfig{Limit: 6, RetryAfter: true})
	ask := func(query string) *http.Response {
		resp, body, err := l.do(query)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusTooManyRequests && (resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || strings.Contains(string(body), "{")) {
			t.Errorf("over the limit: %q of %s", body, resp.Header)
		}
		return resp
	}
	for n := range 6 { // a list and a detail draw on one limit
		if got := ask([]string{"/cdrs?key=callbus", "/cdrs/1?key=callbus"}[n%2]).StatusCode; got == http.StatusTooManyRequests {
			t.Fatalf("request %d is refused", n+1)
		}
		ask("/cdrs?key=wrong")         // does not count
		ask("/hangup/1?key=callbus")   // nor does that
		l.now = l.now.Add(time.Second) // six in 6 s
	}
	for range 3 { // refused requests do not count either
		if resp := ask("/cdrs?key=callbus"); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "54" {
			t.Errorf("the seventh: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	l.now = l.now.Add(54 * time.Second)
	if got := ask("/cdrs?key=callbus").StatusCode; got != http.StatusOK {
		t.Errorf("a minute after the first: %d", got)
	}
	if resp := ask("/cdrs?key=callbus"); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("and at once another: %s, Retry-After %q; the minute must slide", resp.Status, resp.Header.Get("Retry-After"))
	}
	if l.TooMany() != 4 {
		t.Errorf("%d too many, want 4", l.TooMany())
	}
}

func TestVerimorsLimitIsADefaultAndCanBeSwitchedOff(t *testing.T) {
	for name, tc := range map[string]struct{ limit, most int }{"by default": {0, 6}, "none": {-1, 100}, "two": {2, 2}} {
		t.Run(name, func(t *testing.T) {
			view := pbxsim.NewVerimor(pbxsim.NewWorld(pbxsim.Config{}), pbxsim.VerimorConfig{Limit: tc.limit}, start)
			c := http.Client{Transport: pbxsim.RoundTripper(view)}
			for range 100 {
				resp, err := c.Get("http://pbx.example/cdrs?key=callbus")
				if err != nil || resp.Header.Get("Retry-After") != "" {
					t.Fatal(err, resp.Header)
				}
			}
			if got := 100 - view.TooMany(); got != tc.most {
				t.Errorf("%d of 100 requests admitted, want %d", got, tc.most)
			}
		})
	}
}

func TestVerimorsHangup(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 13}, pbxsim.VerimorConfig{})
	l.now = l.now.Add(time.Hour)
	ended := 0
	for id, truth := range l.truths() {
		resp, body, err := l.do("/hangup/" + id + "?key=callbus")
		want := "No such channel!"
		if truth.Call.Active(l.now) {
			want = "+OK"
			ended++
		}
		if err != nil || string(body) != want || (resp.StatusCode == http.StatusOK) != (want == "+OK") {
			t.Fatalf("call %d from %s to %s: %s, %q, %v", truth.Call.N, truth.Call.Start, truth.Call.End, resp.Status, body, err)
		}
	}
	if ended < 5 {
		t.Errorf("%d calls were under way", ended)
	}
	l.now = l.now.Add(time.Minute)
	l.checkRecords(t, readableVerimor, func(truth pbxsim.Truth, r row) { checkVerimor(t, l, truth, r) })
}

type verimorDetail struct {
	CDR  row   `json:"cdr"`
	Flow []row `json:"call_flow"`
}

func (l *lister) verimorDetail(t *testing.T, id string) verimorDetail {
	t.Helper()
	var d verimorDetail
	if err := json.Unmarshal(l.get(t, "/cdrs/"+id), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVerimorsDetailIsTheRecordAndTheFlow(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 14, Rate: 8}, pbxsim.VerimorConfig{Records: pbxsim.Records{CorrectRate: 0.2, CorrectAfter: pbxsim.Span{Min: time.Hour, Max: 2 * time.Hour}}})
	l.now = l.now.Add(time.Hour)
	truths, menus, lost := l.truths(), 0, 0
	for _, r := range l.all(t) {
		truth := truths[r.text("call_uuid")]
		d := l.verimorDetail(t, r.text("call_uuid"))
		for name, v := range d.CDR {
			if v != r[name] {
				t.Fatalf("%s is %v in the list, %v in the detail", name, r[name], v)
			}
		}
		lost += checkVerimorFlow(t, truth, d, saysAnswered(truth, l.now), !reversed(truth, l.now))
		if truth.Call.Menu != "" {
			menus++
			if d.Flow[0].text("destination_number") != truth.Call.Menu {
				t.Errorf("call %d by way of menu %s: %v", truth.Call.N, truth.Call.Menu, d.Flow)
			}
		}
	}
	if menus < 50 || lost < 50 {
		t.Errorf("%d calls by way of a menu, %d telephones at which a colleague was faster; want plenty", menus, lost)
	}
}

// checkVerimorFlow returns how many telephones rang for a call that a colleague picked up.
func checkVerimorFlow(t *testing.T, truth pbxsim.Truth, d verimorDetail, answered, asItWas bool) (lost int) {
	t.Helper()
	c, by, rung := truth.Call, "", 0
	for _, leg := range d.Flow {
		if leg["ip_address"] == nil { // a menu or a queue
			continue
		}
		rung++
		switch result := leg.text("result"); {
		case result == "Diğer dahili cevapladı":
			lost++
			if leg["answer_stamp"] != nil {
				t.Errorf("call %d: lost, and answered at %v", c.N, leg["answer_stamp"])
			}
		case (result == "Cevaplandı") != (leg["answer_stamp"] != nil):
			t.Errorf("call %d: %v", c.N, leg)
		case result == "Cevaplandı" && by == "":
			by = leg.text("destination_number")
		}
	}
	if (by != "") != answered && rung > 0 {
		t.Errorf("call %d, answered %t: by %q: %v", c.N, answered, by, d.Flow)
	}
	if asItWas && c.AnsweredBy() != "" && by != c.AnsweredBy() {
		t.Errorf("call %d was answered by %s, the flow says %q", c.N, c.AnsweredBy(), by)
	}
	return lost
}

func TestVerimorsFormsWobbleUnlessPlain(t *testing.T) {
	for _, plain := range []bool{false, true} {
		l := verimor(pbxsim.Config{Seed: 15, Rate: 8}, pbxsim.VerimorConfig{Plain: plain})
		l.now = l.now.Add(3 * time.Hour)
		seen := map[string]bool{}
		for page := range 20 {
			body := string(l.get(t, "/cdrs", "limit", "100", "page", fmt.Sprint(page+1)))
			for _, form := range []string{`"missed":"true"`, `"missed":true`, `"missed":false`, `"queue_wait_seconds":"00:`, `"queue_wait_seconds":0`, `:0:`} {
				seen[form] = seen[form] || strings.Contains(body, form)
			}
		}
		for form, is := range seen {
			if asDocument := strings.Contains(form, `":"`); is != (!plain || asDocument) {
				t.Errorf("plain %t: %s is there: %t", plain, form, is)
			}
		}
	}
}

// A stamp as the document misprints it can be mended: what it lacks is one digit.
func TestVerimorsMisprints(t *testing.T) {
	l := verimor(pbxsim.Config{Seed: 16, Rate: 8}, pbxsim.VerimorConfig{Defects: 0.2})
	l.now = l.now.Add(time.Hour)
	misprints := 0.0
	rows := l.all(t)
	for _, r := range rows {
		for _, name := range []string{"start_stamp", "end_stamp"} {
			if text := r.text(name); len(text) == len("2024-05-06 10:20:00 +0300")-1 {
				misprints++
				mended := row{name: text + "0"}
				if strings.HasPrefix(text, "024") {
					mended = row{name: "2" + text}
				}
				if _, err := verimorStamp(mended, name); err != nil {
					t.Errorf("%q cannot be mended: %v", text, err)
				}
			}
		}
	}
	near(t, "misprints", misprints/float64(len(rows)), 0.2, 0.2)
}
