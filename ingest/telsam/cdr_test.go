package telsam_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
)

// cdr returns a record as the vendor writes it, with the fields that change sets.
func cdr(change map[string]any) string {
	row := map[string]any{"id": "30098", "calldate": "06.05.2024 10:19:45", "calltype": "incoming", "src": "905000000103",
		"dst": "100", "duration": "31,07", "disposition": "ANSWERED", "queue": "", "record": true, "userfield": ""}
	for field, v := range change {
		if v == absent {
			delete(row, field)
			continue
		}
		row[field] = v
	}
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return string(b)
}

const absent = "(absent)"

// records reads rows as the answer for the hour in which cdr's call was.
func records(t testing.TB, rows ...string) ingest.Page {
	t.Helper()
	for page, err := range client(t, answering(envelope(rows...))).CDRs(t.Context(), hourOf(2024, 5, 6, 7)) {
		if err != nil {
			t.Fatalf("CDRs: %v", err)
		}
		return page
	}
	t.Fatal("CDRs: no page")
	return ingest.Page{}
}

func hourOf(year int, month time.Month, day, hour int) ingest.Window {
	from := time.Date(year, month, day, hour, 0, 0, 0, time.UTC)
	return ingest.Window{From: from, To: from.Add(time.Hour)}
}

func TestHowACallWent(t *testing.T) {
	zero := new(float64)
	for _, tc := range []struct {
		disposition any
		outcome     events.Outcome
		missed      events.MissedReason // of an inbound call; "" when it is not missed
		talk        *float64
	}{
		{"ANSWERED", events.Answered, "", nil},
		{"Answered", events.Answered, "", nil},
		{"ANSWER", events.Answered, "", nil},
		{"NO ANSWER", events.NoAnswer, events.MissedNoAnswer, zero},
		{"NOANSWER", events.NoAnswer, events.MissedNoAnswer, zero},
		{"no_answer", events.NoAnswer, events.MissedNoAnswer, zero},
		{"No-Answer", events.NoAnswer, events.MissedNoAnswer, zero},
		{"BUSY", events.Busy, events.MissedBusy, zero},
		{"FAILED", events.Failed, events.MissedFailed, zero},
		{"CONGESTION", events.Failed, events.MissedFailed, zero},
		{"INVALIDARGS", events.Failed, events.MissedFailed, zero},
		{"CHANUNAVAIL", events.Unreachable, events.MissedUnreachable, zero},
		{"CANCEL", events.Cancelled, events.MissedAbandoned, zero},
		{"DONTCALL", events.Rejected, events.MissedRejected, zero},
		{"TORTURE", events.Rejected, events.MissedRejected, zero},
		{"Cevaplandı", events.UnknownOutcome, "", nil},
		{"CEVAPLANDI", events.UnknownOutcome, "", nil},
		{"Görüşüldü", events.UnknownOutcome, "", nil},
		{"Go\u0308ru\u0308s\u0327u\u0308ldu\u0308", events.UnknownOutcome, "", nil},
		{"Cevaplanmadı", events.UnknownOutcome, events.MissedUnknown, nil},
		{"Cevapsız", events.UnknownOutcome, events.MissedUnknown, nil},
		{"ANSWERED?", events.UnknownOutcome, events.MissedUnknown, nil},
		{"", events.UnknownOutcome, events.MissedUnknown, nil},
		{nil, events.UnknownOutcome, events.MissedUnknown, nil},
		{absent, events.UnknownOutcome, events.MissedUnknown, nil},
	} {
		t.Run(fmt.Sprint(tc.disposition), func(t *testing.T) {
			page := records(t,
				cdr(map[string]any{"disposition": tc.disposition}),
				cdr(map[string]any{"disposition": tc.disposition, "calltype": "outcoming", "src": "100", "dst": "905000000103"}),
				cdr(map[string]any{"disposition": tc.disposition, "calltype": "internal", "src": "101"}))
			if len(page.Records) != 3 {
				t.Fatalf("%d records, rejected %s", len(page.Records), page.Rejected)
			}
			for i, r := range page.Records {
				c := r.Call
				missed := i == 0 && tc.missed != ""
				if *c.Outcome != tc.outcome || *c.Missed != missed || !same(c.TalkSeconds, tc.talk) || (c.MissedReason != nil) != missed {
					t.Errorf("%s: %s, missed %t, talk %v; want %s, %t, %v", c.Direction, *c.Outcome, *c.Missed, c.TalkSeconds, tc.outcome, missed, tc.talk)
				}
				if missed && *c.MissedReason != tc.missed {
					t.Errorf("missed because of %s, want %s", *c.MissedReason, tc.missed)
				}
				if wantAgent := i == 0 && tc.outcome == events.Answered; (c.Agent != nil) != wantAgent {
					t.Errorf("%s: agent %v, want one: %t", c.Direction, c.Agent, wantAgent)
				}
				if s, _ := tc.disposition.(string); s != absent && text(c.VendorResult) != s {
					t.Errorf("vendor_result %q, want %q", text(c.VendorResult), s)
				}
			}
		})
	}
}

func same[T comparable](a, b *T) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func TestDurations(t *testing.T) {
	for written, want := range map[any]float64{"85,6972": 85.6972, "85.6972": 85.6972, 12: 12, "0": 0, "-0": 0, "2678400": 2678400,
		"-1": -1, "2678401": -1, "1e300": -1, "NaN": -1, "1:25": -1, "": -1, true: -1, absent: -1} {
		page := records(t, cdr(map[string]any{"duration": written}))
		if want < 0 {
			if len(page.Rejected) != 1 || !strings.HasPrefix(page.Rejected[0].Reason, "duration: ") {
				t.Errorf("duration %v: %+v; want it rejected for that", written, page)
			}
			continue
		}
		if len(page.Records) != 1 {
			t.Errorf("duration %v: rejected %s", written, page.Rejected)
			continue
		}
		c := page.Records[0].Call
		lasted := c.EndedAt.Sub(*c.StartedAt)
		if *c.TotalSeconds != want || math.Signbit(*c.TotalSeconds) || lasted%time.Millisecond != 0 || math.Abs(lasted.Seconds()-want) > 0.0005 {
			t.Errorf("duration %v: total %v, ended after %s; want %v", written, *c.TotalSeconds, lasted, want)
		}
	}
}

func TestWhichWayACallWent(t *testing.T) {
	const number, other = "905000000103", "905000000104"
	for name, tc := range map[string]struct {
		callType, src, dst, queue string
		want                      events.Direction
		outside                   string
	}{
		"incoming":                          {"incoming", number, "100", "", events.Inbound, "+" + number},
		"incoming, whoever it seems":        {"incoming", "100", number, "", events.Inbound, ""},
		"incoming, withheld":                {"incoming", "", "100", "", events.Inbound, ""},
		"outcoming":                         {"outcoming", "100", number, "", events.Outbound, "+" + number},
		"outgoing":                          {"Outgoing", "100", number, "", events.Outbound, "+" + number},
		"outgoing to a short number":        {"outcoming", "100", "112", "", events.Outbound, ""},
		"internal":                          {"internal", "100", "101", "", events.Internal, ""},
		"another type, from outside":        {"conference", number, "101", "", events.Inbound, "+" + number},
		"another type, to outside":          {"conference", "100", number, "", events.Outbound, "+" + number},
		"another type, inside":              {"conference", "100", "101", "", events.Internal, ""},
		"another type, outside":             {"conference", number, other, "", events.UnknownDirection, ""},
		"another type, outside, to a queue": {"conference", number, other, "630", events.Inbound, "+" + number},
		"no type":                           {"", number, "101", "", events.Inbound, "+" + number},
	} {
		page := records(t, cdr(map[string]any{"calltype": tc.callType, "src": tc.src, "dst": tc.dst, "queue": tc.queue, "disposition": "BUSY"}))
		c := page.Records[0].Call
		if c.Direction != tc.want || text(c.ExternalNumber) != tc.outside || *c.Missed != (tc.want == events.Inbound) {
			t.Errorf("%s: %s, outside %q, missed %t; want %s, %q", name, c.Direction, text(c.ExternalNumber), *c.Missed, tc.want, tc.outside)
		}
	}
}

func TestFaxAndRecordingAndWhatIsNotKnown(t *testing.T) {
	page := records(t,
		cdr(map[string]any{"userfield": "FAX"}), cdr(map[string]any{"dst": "Fax"}), cdr(map[string]any{"userfield": "faxed twice"}),
		cdr(map[string]any{"record": "no"}), cdr(map[string]any{"record": absent}), cdr(map[string]any{"record": nil}))
	media := []events.Media{events.Fax, events.Fax, events.Voice, events.Voice, events.Voice, events.Voice}
	recording := []events.Recording{events.RecordingAvailable, events.RecordingAvailable, events.RecordingAvailable,
		events.RecordingNone, events.RecordingUnknown, events.RecordingUnknown}
	for i, r := range page.Records {
		c := r.Call
		if c.Media != media[i] || c.Recording != recording[i] {
			t.Errorf("record %d: %s, recording %s; want %s, %s", i, c.Media, c.Recording, media[i], recording[i])
		}
		if c.AnsweredAt != nil || c.RingSeconds != nil || c.WaitSeconds != nil || c.Price != nil || c.Flow != nil || c.Returned != nil ||
			c.Raw != nil || c.Queue != nil || c.Hangup != (events.Hangup{By: events.ByUnknown}) {
			t.Errorf("record %d tells what the vendor does not: %+v", i, c)
		}
	}
}

func TestAQueueIsNotWhoAnswered(t *testing.T) {
	page := records(t, cdr(map[string]any{"queue": "630", "dst": "630"}), cdr(map[string]any{"queue": "630", "dst": "110"}))
	if got := page.Records[0].Call; got.Agent != nil || *got.Outcome != events.Answered || *got.Missed {
		t.Errorf("answered by agent %v, %s, missed %t; want an answered call and nobody named", got.Agent, *got.Outcome, *got.Missed)
	}
	if got := page.Records[1].Call.Agent; got == nil || text(got.Extension) != "110" {
		t.Errorf("answered by %v, want 110", got)
	}
}

// TestARecordKeepsItsKey holds that the key of a record can be told from what was published of it, and differs between
// records that differ in type, id or second.
func TestARecordKeepsItsKey(t *testing.T) {
	rows := []string{
		cdr(nil), cdr(map[string]any{"id": 30099}), cdr(map[string]any{"calltype": "outcoming"}), cdr(map[string]any{"calltype": ""}),
		cdr(map[string]any{"calldate": "06.05.2024 10:19:46"}), cdr(map[string]any{"calldate": "06.05.2023 10:19:45"}),
	}
	c := client(t, answering(envelope(rows...)))
	keys := map[string]bool{}
	for _, r := range records(t, rows...).Records {
		keys[r.Key] = true
		r.Call.Evidence = []events.Evidence{events.FromSnapshot, events.FromCDR}
		r.Call.VendorIDs["channel"] = "SIP/x"
		b, err := json.Marshal(r.Call)
		if err != nil {
			t.Fatal(err)
		}
		var published events.Call
		if err := json.Unmarshal(b, &published); err != nil {
			t.Fatal(err)
		}
		if got := c.RecordKey(published); got != r.Key {
			t.Errorf("RecordKey %q, want %q", got, r.Key)
		}
	}
	if len(keys) != len(rows) {
		t.Errorf("%d keys for %d records: %v", len(keys), len(rows), keys)
	}
	if !keys["incoming/30098@1714979985"] {
		t.Errorf("keys have changed: what is published is found by them: %v", keys)
	}
}

func TestACallWithoutRecordHasNoKey(t *testing.T) {
	start := time.Date(2024, 5, 6, 7, 19, 45, 0, time.UTC)
	ids := map[string]string{"id": "30098", "calltype": "incoming"}
	cdrSeen := []events.Evidence{events.FromCDR}
	c := client(t, answering(""))
	for name, call := range map[string]events.Call{
		"seen in a snapshot alone": {VendorIDs: ids, StartedAt: &start, Evidence: []events.Evidence{events.FromSnapshot}},
		"without an id":            {VendorIDs: map[string]string{"channel": "SIP/x"}, StartedAt: &start, Evidence: cdrSeen},
		"without a start":          {VendorIDs: ids, Evidence: cdrSeen},
	} {
		if got := c.RecordKey(call); got != "" {
			t.Errorf("%s: RecordKey %q, want none", name, got)
		}
	}
}

// noting is a transport that notes each question.
type noting struct{ asked []*url.URL }

func (n *noting) RoundTrip(req *http.Request) (*http.Response, error) {
	n.asked = append(n.asked, req.URL)
	return answering(`{"success":true,"count":0}`).RoundTrip(req)
}

func TestBothFormsOfTheURLAreAsked(t *testing.T) {
	for base, want := range map[string]string{
		"http://pbx.example":              "http://pbx.example/?",
		"http://pbx.example/":             "http://pbx.example/?",
		"http://pbx.example/api/old/get":  "http://pbx.example/api/old/get?",
		"https://pbx.example:8443/a%2Fb/": "https://pbx.example:8443/a%2Fb/?",
	} {
		var n noting
		c := client(t, &n, func(cfg *telsam.Config) {
			cfg.URL, cfg.Username, cfg.Password = base, "api üser", secret.New("p&a+b=c%d")
		})
		if _, err := c.ActiveCalls(t.Context()); err != nil {
			t.Fatal(err)
		}
		want += "username=api%20%C3%BCser&password=p%26a%2Bb%3Dc%25d&action=activecalls"
		if got := n.asked[0].String(); got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
	}
}

func TestAWindowIsAskedForInPieces(t *testing.T) {
	at := func(hour, minute, second int) time.Time {
		return time.Date(2019, 9, 3, hour, minute, second, 0, time.UTC)
	}
	for name, tc := range map[string]struct {
		w    ingest.Window
		want []string // date1 date2, in Istanbul
	}{
		"a minute":             {ingest.Window{From: at(9, 0, 0), To: at(9, 1, 0)}, []string{"030920191159 030920191202"}},
		"a moment":             {ingest.Window{From: at(9, 0, 30), To: at(9, 0, 30)}, []string{"030920191159 030920191202"}},
		"an hour":              {ingest.Window{From: at(9, 0, 0), To: at(10, 0, 0)}, []string{"030920191159 030920191301"}},
		"an hour and a second": {ingest.Window{From: at(8, 59, 59), To: at(10, 0, 0)}, []string{"030920191159 030920191301", "030920191158 030920191201"}},
		"over midnight":        {ingest.Window{From: at(20, 30, 0), To: at(21, 30, 0)}, []string{"030920192329 040920190031"}},
		"backwards":            {ingest.Window{From: at(10, 0, 0), To: at(9, 0, 0)}, nil},
	} {
		var n noting
		var pages []ingest.Window
		for page, err := range client(t, &n).CDRs(t.Context(), tc.w) {
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, page.Window)
		}
		var got []string
		for _, u := range n.asked {
			q := u.Query()
			got = append(got, q.Get("date1")+" "+q.Get("date2"))
			if q.Get("action") != "cdr" || !q.Has("number") || q.Get("uf") != "yes" {
				t.Errorf("%s: asked %s", name, u.RawQuery)
			}
		}
		if !slices.Equal(got, tc.want) || len(pages) != len(tc.want) {
			t.Errorf("%s: asked %q in %d pages, want %q", name, got, len(pages), tc.want)
		}
	}
}

func TestPiecesMakeUpTheWindow(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		from := time.Unix(rapid.Int64Range(1e9, 2e9).Draw(r, "from"), rapid.Int64Range(0, 1e9-1).Draw(r, "nanoseconds"))
		w := ingest.Window{From: from, To: from.Add(time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(r, "long")))}
		next := w.To
		for page, err := range client(t, &noting{}).CDRs(t.Context(), w) {
			if err != nil {
				t.Fatal(err)
			}
			if p := page.Window; !p.To.Equal(next) || p.To.Sub(p.From) > time.Hour || p.To.Before(p.From) {
				t.Fatalf("a page of %s to %s after one from %s", p.From, p.To, next)
			}
			next = page.Window.From
		}
		if !next.Equal(w.From) {
			t.Errorf("the pages of %s to %s begin at %s", w.From, w.To, next)
		}
	})
}

func TestReadingStopsAtAnErrorAndWhenTheCallerDoes(t *testing.T) {
	w := hourOf(2024, 5, 6, 7)
	w.From = w.From.Add(-5 * time.Hour)
	pages := 0
	for _, err := range client(t, answering("07")).CDRs(t.Context(), w) {
		if pages++; err == nil {
			t.Error("a page without error")
		}
	}
	if pages != 1 {
		t.Errorf("%d pages after an error, want none", pages-1)
	}
	var n noting
	for range client(t, &n).CDRs(t.Context(), w) {
		break
	}
	if len(n.asked) != 1 {
		t.Errorf("%d questions though the caller stopped at the first", len(n.asked))
	}
}
