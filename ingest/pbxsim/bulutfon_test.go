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

func bulutfonStamp(r row, name string) (time.Time, error) {
	return time.Parse(time.RFC3339, r.text(name))
}

// readableBulutfon is as lenient as a reader can be: a start may be read in a UUID that tells it.
func readableBulutfon(r row) bool {
	_, noStart := bulutfonStamp(r, "call_time")
	_, noEnd := bulutfonStamp(r, "hangup_time")
	return noEnd == nil && (noStart == nil || r.text("uuid")[14] == '1')
}

var bulutfonWays = map[string]events.Direction{"IN": events.Inbound, "OUT": events.Outbound, "LOCAL": events.Internal}

// What each cause means where nobody answered.
var bulutfonCauses = map[string]events.Outcome{
	"USER_BUSY": events.Busy, "CALL_REJECTED": events.Rejected, "NO_ANSWER": events.NoAnswer, "ORIGINATOR_CANCEL": events.Cancelled,
	"NORMAL_CLEARING": events.NoAnswer, "SUBSCRIBER_ABSENT": events.Unreachable,
	"NETWORK_OUT_OF_ORDER": events.Failed, "NORMAL_TEMPORARY_FAILURE": events.Failed, "SWITCH_CONGESTION": events.Failed,
}

// number is an integer of many digits, whatever its form.
func (r row) number(name string) string {
	if f, ok := r[name].(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return r.text(name)
}

func checkBulutfon(t *testing.T, l *lister, truth pbxsim.Truth, r row) {
	t.Helper()
	c := truth.Call
	began, err1 := bulutfonStamp(r, "call_time")
	ended, err2 := bulutfonStamp(r, "hangup_time")
	if err1 != nil || err2 != nil || !sameSecond(began, c.Start) || !sameSecond(ended, c.End) {
		t.Errorf("call %d from %s to %s: record says %v", c.N, c.Start, c.End, r)
	}
	answered := saysAnswered(truth, l.now)
	if missed, ok := r["missing_call"].(bool); ok && missed != (c.Direction == events.Inbound && !answered) {
		t.Errorf("call %d: missing_call %t; truth: answered %t", c.N, missed, answered)
	}
	if answered && r["answer_time"] == nil || answered && r.text("hangup_cause") != "NORMAL_CLEARING" {
		t.Errorf("call %d was answered: %v", c.N, r)
	}
	if !answered && r["answer_time"] != nil && c.Menu == "" && c.Queue == nil {
		t.Errorf("call %d was answered by nothing: %v", c.N, r)
	}
	if outcome := bulutfonCauses[r.text("hangup_cause")]; !answered && !reversed(truth, l.now) && outcome != truth.Said() {
		t.Errorf("call %d, %s: record says %v", c.N, truth.Said(), r)
	}
	if bulutfonWays[r.text("direction")] != c.Direction || r.text("bf_calltype") != string(c.Media) {
		t.Errorf("call %d, %s, %s: record says %v", c.N, c.Direction, c.Media, r)
	}
	number := r.number("caller")
	if c.Direction == events.Outbound {
		number = r.number("callee")
	}
	if c.Direction != events.Internal && number != strings.TrimPrefix(c.External(), "+") {
		t.Errorf("call %d: number %q, want %s", c.N, number, c.External())
	}
}

func TestBulutfonWritesAsItsDocument(t *testing.T) {
	for name, tc := range map[string]struct {
		revision pbxsim.BulutfonRevision
		samples  []string
		words    []string // of call_record
	}{
		"2017": {pbxsim.Bulutfon2017, []string{"cdrs_normal_2017", "cdrs_missed", "cdrs_busy", "cdrs_fax", "cdrs_empty"}, []string{"NO", "YES"}},
		"2015": {pbxsim.Bulutfon2015, []string{"cdrs_normal_2015", "cdrs_empty"}, []string{"Var", "Yok"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := bulutfon(pbxsim.Config{Seed: 1, Rate: 8}, pbxsim.BulutfonConfig{Plain: true, Revision: tc.revision})
			like, got := shapes{}, shapes{}
			for _, s := range tc.samples {
				like.addList(t, sample(t, "bulutfon/"+s+".json"))
			}
			for _, missing := range [][2]string{{"caller", "null"}, {"answer_time", "null"}, {"call_price", "null"}, {"previous_page", "text"}, {"next_page", "text"}} {
				like.may(missing[0], missing[1])
			}
			got.addList(t, l.get(t, "/cdrs"))
			l.now = l.now.Add(2 * time.Hour)
			got.addList(t, l.get(t, "/cdrs"))
			got.addList(t, l.get(t, "/cdrs", "page", "2"))
			got.allow(t, like)
			if len(got) != 4 {
				t.Errorf("%d kinds of object, want two of rows, pagination and list", len(got))
			}
			words := map[string]bool{}
			for _, r := range l.all(t) {
				words[r.text("call_record")] = true
			}
			for _, w := range tc.words {
				if !words[w] || len(words) != len(tc.words) {
					t.Errorf("call_record is one of %v, want %v", words, tc.words)
				}
			}
		})
	}
}

func TestBulutfonWritesDetailsAsItsDocument(t *testing.T) {
	l := bulutfon(pbxsim.Config{Seed: 1, Rate: 8}, pbxsim.BulutfonConfig{Plain: true})
	like, got := shapes{}, shapes{}
	like.addDeep(t, sample(t, "bulutfon/cdr_detail_normal.json"))
	like.addDeep(t, sample(t, "bulutfon/cdr_detail_missed.json"))
	for _, missing := range []string{"caller", "answer_time", "hangup_time"} {
		like.may(missing, "null")
	}
	like.may("answer_time", "text")
	like.may("hangup_time", "text")
	// an extension is where the way ends, as a group is, but rings nobody else
	like.add(t, []byte(`{"callee":1001,"start_time":"","answer_time":"","hangup_time":"","redirection":""}`))
	like.may("answer_time", "null")
	l.now = l.now.Add(2 * time.Hour)
	truths := l.truths()
	for _, id := range l.ids(l.all(t))[:300] {
		if truths[id].Call.Direction == events.Inbound {
			got.addDeep(t, l.get(t, "/cdrs/"+id))
		}
	}
	got.allow(t, like)
}

func TestBulutfonsRecordsAreThoseOfTheTruth(t *testing.T) {
	for name, bc := range map[string]pbxsim.BulutfonConfig{
		"2017":                  {},
		"2015":                  {Revision: pbxsim.Bulutfon2015},
		"mixed":                 {Revision: pbxsim.BulutfonMixed},
		"late":                  {Records: pbxsim.Records{LateRate: 0.5}},
		"with rows for no call": {Records: pbxsim.Records{GarbageRate: 0.1}},
		"garbled at first":      {Records: pbxsim.Records{GarbledRate: 0.3}},
		"corrected":             {Records: pbxsim.Records{CorrectRate: 0.3}},
		"plain":                 {Plain: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := bulutfon(pbxsim.Config{Seed: 12, Rate: 20}, bc)
			l.watchRecords(t, readableBulutfon, func(truth pbxsim.Truth, r row) { checkBulutfon(t, l, truth, r) })
		})
	}
}

func TestBulutfonsQuestionsAndAnswers(t *testing.T) {
	l := bulutfon(pbxsim.Config{Seed: 6}, pbxsim.BulutfonConfig{Token: "right", Email: "a@example.com", Password: "secret"})
	const (
		nobody = "00000000-0000-0000-0000-000000000000"
		empty  = `{"cdrs":[],"pagination":{"page":1,"total_count":0,"total_pages":0,"limit":%d,"previous_page":null,"next_page":null}}`
		denied = `{"error":"Unauthorized","code":401}`
	)
	for name, tc := range map[string]struct {
		query  string
		status int
		want   string
	}{
		"nothing yet":                    {"/cdrs?access_token=right", 200, fmt.Sprintf(empty, 100)},
		"with .json":                     {"/cdrs.json?access_token=right", 200, fmt.Sprintf(empty, 100)},
		"by e-mail and password":         {"/cdrs?email=a@example.com&password=secret", 200, fmt.Sprintf(empty, 100)},
		"a limit":                        {"/cdrs?access_token=right&limit=7", 200, fmt.Sprintf(empty, 7)},
		"the least limit":                {"/cdrs?access_token=right&limit=0", 200, fmt.Sprintf(empty, 1)},
		"the greatest limit":             {"/cdrs?access_token=right&limit=500", 200, fmt.Sprintf(empty, 100)},
		"a limit that is no number":      {"/cdrs?access_token=right&limit=many", 400, ""},
		"a page that is no number":       {"/cdrs?access_token=right&page=abc", 400, ""},
		"an unknown time limit":          {"/cdrs?access_token=right&time_limit=year", 400, ""},
		"an unknown order":               {"/cdrs?access_token=right&order=uuid,sideways", 400, ""},
		"an order by an unknown field":   {"/cdrs?access_token=right&order=colour,asc", 400, ""},
		"missing_call that is no yes/no": {"/cdrs?access_token=right&missing_call=perhaps", 400, ""},
		"missing_call of all":            {"/cdrs?access_token=right&missing_call=", 200, fmt.Sprintf(empty, 100)},
		"a wrong token":                  {"/cdrs?access_token=wrong", 401, denied},
		"no token":                       {"/cdrs", 401, denied},
		"a wrong password":               {"/cdrs?email=a@example.com&password=wrong", 401, denied},
		"an e-mail alone":                {"/cdrs?email=a@example.com", 401, denied},
		"a wrong token, one call":        {"/cdrs/" + nobody + ".json?access_token=wrong", 401, denied},
		"no such call":                   {"/cdrs/" + nobody + ".json?access_token=right", 404, `{"error":"Not found","code":404}`},
		"nothing to hang up":             {"/hangup/" + nobody + "?access_token=right", 404, "<"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body, err := l.do(tc.query)
			if err != nil || resp.StatusCode != tc.status || string(body) != tc.want && (tc.want != "<" || body[0] != '<') {
				t.Errorf("GET %s: %v, %s, %q; want %d, %q", tc.query, err, resp.Status, body, tc.status, tc.want)
			}
		})
	}
	nobodysMail := bulutfon(pbxsim.Config{}, pbxsim.BulutfonConfig{})
	if resp, _, err := nobodysMail.do("/cdrs?email=&password="); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("an e-mail that is not set admits: %v, %v", resp.Status, err)
	}
}

// Who follows next_page as it stands is not admitted.
func TestBulutfonsNextPageIsATrap(t *testing.T) {
	l := bulutfon(pbxsim.Config{Seed: 2, Rate: 8}, pbxsim.BulutfonConfig{})
	l.now = l.now.Add(time.Hour)
	first, err := l.page("limit=10&time_limit=hour")
	if err != nil || first.next != "http://pbx.example/cdrs?page=2" {
		t.Fatalf("next_page is %v, %v", first.next, err)
	}
	if resp, _, err := l.do("/cdrs?page=2"); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("followed: %v, %v", resp.Status, err)
	}
	last, err := l.page(fmt.Sprintf("limit=10&page=%d", first.pages))
	if err != nil || last.next != nil {
		t.Errorf("beyond the last page is %v, %v", last.next, err)
	}
	if beyond, err := l.page(fmt.Sprintf("limit=10&page=%d", first.pages+1)); err != nil || len(beyond.rows) != 0 {
		t.Errorf("%d rows beyond the last page, %v", len(beyond.rows), err)
	}
}

func TestBulutfonsTimeLimitsSlide(t *testing.T) {
	for limit, lasts := range map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "month": 31 * 24 * time.Hour} { // of May, in June
		t.Run(limit, func(t *testing.T) {
			now := time.Date(2024, 6, 5, 0, 0, 0, 0, time.UTC)
			began, rate := now.Add(-lasts-12*time.Hour), min(0.5, 4500/lasts.Minutes()) // a call in ten minutes in the month
			l := bulutfon(pbxsim.Config{Seed: 3, Rate: rate, Start: began}, pbxsim.BulutfonConfig{Skew: 10 * time.Minute})
			for _, l.now = range []time.Time{now, now.Add(20 * time.Minute)} {
				p, err := l.page("limit=1&time_limit=" + limit)
				want := 0
				for _, truth := range l.Truth(l.now) {
					if !truth.Call.Start.Before(l.now.Add(-lasts)) && !truth.Appears.After(l.now) {
						want++
					}
				}
				if err != nil || p.total != want || want < 20 {
					t.Errorf("%d records (%v), want %d", p.total, err, want)
				}
			}
		})
	}
}

func TestBulutfonsOrder(t *testing.T) {
	long(t)
	l := bulutfon(pbxsim.Config{Seed: 4, Rate: 20}, pbxsim.BulutfonConfig{Plain: true})
	l.now = l.now.Add(30 * time.Minute)
	for name, tc := range map[string]struct {
		order, by string
		down      bool
	}{
		"by itself":         {"", "call_time", true},
		"newest first":      {"call_time,desc", "call_time", true},
		"oldest first":      {"call_time,asc", "call_time", false},
		"by id":             {"uuid,asc", "uuid", false},
		"by id, downwards":  {"uuid,desc", "uuid", true},
		"by end":            {"hangup_time,asc", "hangup_time", false},
		"by caller":         {"caller,asc", "caller", false},
		"by callee":         {"callee", "callee", false},
		"by end, downwards": {"hangup_time,desc", "hangup_time", true},
	} {
		t.Run(name, func(t *testing.T) {
			var keys []string
			for _, r := range l.all(t, "order", tc.order) {
				keys = append(keys, r.number(tc.by))
			}
			if tc.down {
				slices.Reverse(keys)
			}
			if !slices.IsSorted(keys) || len(keys) < 300 {
				t.Errorf("%d records are not in order of %s", len(keys), tc.by)
			}
		})
	}
}

func TestBulutfonsFilters(t *testing.T) {
	l := bulutfon(pbxsim.Config{Seed: 5, Rate: 8}, pbxsim.BulutfonConfig{})
	l.now = l.now.Add(time.Hour)
	all := l.all(t)
	one, two := all[100].number("callee"), all[200].number("callee")
	for name, tc := range map[string]struct {
		ask  []string
		want func(row) bool
	}{
		"missed":           {[]string{"missing_call", "true"}, func(r row) bool { return r["missing_call"] == true }},
		"not missed":       {[]string{"missing_call", "false"}, func(r row) bool { return r["missing_call"] == false }},
		"a callee":         {[]string{"callee", one}, func(r row) bool { return r.number("callee") == one }},
		"two callees":      {[]string{"callee", one + "," + two}, func(r row) bool { return r.number("callee") == one || r.number("callee") == two }},
		"a caller":         {[]string{"caller", one}, func(r row) bool { return r.number("caller") == one }},
		"on either side":   {[]string{"caller_or_callee", one}, func(r row) bool { return r.number("callee") == one || r.number("caller") == one }},
		"missed by number": {[]string{"callee", one, "missing_call", "1"}, func(r row) bool { return r.number("callee") == one && r["missing_call"] == true }},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.DeleteFunc(slices.Clone(all), func(r row) bool { return !tc.want(r) })
			if got := l.all(t, tc.ask...); !slices.Equal(l.ids(got), l.ids(want)) {
				t.Errorf("%d records, want %d", len(got), len(want))
			}
		})
	}
	old := bulutfon(pbxsim.Config{Seed: 5, Rate: 8}, pbxsim.BulutfonConfig{Revision: pbxsim.Bulutfon2015})
	old.now = l.now
	if got := old.all(t, "missing_call", "true"); len(got) != len(all) {
		t.Errorf("the revision of 2015 knows missing_call: %d of %d records", len(got), len(all))
	}
}

func TestBulutfonsMixedRevisions(t *testing.T) {
	l := bulutfon(pbxsim.Config{Seed: 6, Rate: 8}, pbxsim.BulutfonConfig{Revision: pbxsim.BulutfonMixed, Retain: time.Hour})
	l.now = l.now.Add(3 * time.Hour)
	words, newer := map[string]bool{}, 0.0
	rows := l.all(t)
	for _, r := range rows {
		_, is2017 := r["missing_call"]
		if is2017 {
			newer++
		}
		if turkish := slices.Contains([]string{"Yok", "Var", "Silinmiş"}, r.text("call_record")); turkish == is2017 {
			t.Fatalf("a mixture in one record: %v", r)
		}
		if _, number := r["call_price"].(float64); number && is2017 {
			t.Fatalf("a number for a price: %v", r)
		}
		words[r.text("call_record")] = true
	}
	near(t, "2017", newer/float64(len(rows)), 0.5, 0.1)
	if len(words) != 6 {
		t.Errorf("call_record is one of %v", words)
	}
}

func TestBulutfonsLimit(t *testing.T) {
	l := bulutfon(pbxsim.Config{Seed: 7}, pbxsim.BulutfonConfig{Limit: 3})
	for n := range 5 {
		resp, body, err := l.do("/cdrs?access_token=callbus")
		if want := n >= 3; err != nil || (resp.StatusCode == http.StatusTooManyRequests) != want || want && string(body) != `{"error":"Too many requests","code":429}` {
			t.Errorf("request %d: %s, %s, %v", n+1, resp.Status, body, err)
		}
	}
	if l.TooMany() != 2 {
		t.Errorf("%d too many, want 2", l.TooMany())
	}
}

type bulutfonStep struct {
	Callee      int
	Redirection string
	Target      *int    `json:"redirection_target"`
	Answer      *string `json:"answer_time"`
	Hangup      *string `json:"hangup_time"`
	Origination []struct {
		Destination int
		Answer      *string `json:"answer_time"`
		Hangup      *string `json:"hangup_time"`
		Result      string
	}
}

func (l *lister) bulutfonDetail(t *testing.T, id string) (r row, flow []bulutfonStep) {
	t.Helper()
	var d struct{ CDR json.RawMessage }
	var in struct {
		Flow []bulutfonStep `json:"call_flow"`
	}
	body := l.get(t, "/cdrs/"+id+".json")
	for _, err := range []error{json.Unmarshal(body, &d), json.Unmarshal(d.CDR, &in), json.Unmarshal(d.CDR, &r)} {
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
	}
	delete(r, "call_flow")
	return r, in.Flow
}

func TestBulutfonsDetailIsTheRecordAndTheFlow(t *testing.T) {
	l := bulutfon(pbxsim.Config{Seed: 8, Rate: 8}, pbxsim.BulutfonConfig{
		Revision: pbxsim.BulutfonMixed, Details: pbxsim.DetailsOfAll,
		Records: pbxsim.Records{CorrectRate: 0.2, CorrectAfter: pbxsim.Span{Min: time.Hour, Max: 2 * time.Hour}},
	})
	l.now = l.now.Add(time.Hour)
	truths, races := l.truths(), 0
	for _, r := range l.all(t) {
		truth := truths[r.text("uuid")]
		d, flow := l.bulutfonDetail(t, r.text("uuid"))
		for name, v := range d {
			if v != r[name] && name != "call_record" {
				t.Fatalf("%s is %v in the list, %v in the detail", name, r[name], v)
			}
		}
		if (len(flow) > 0) != (truth.Call.Direction == events.Inbound) {
			t.Fatalf("call %d, %s: %v", truth.Call.N, truth.Call.Direction, flow)
		}
		if len(flow) > 0 && truth.Call.Media == events.Voice {
			races += checkBulutfonFlow(t, truth, flow, saysAnswered(truth, l.now))
		}
	}
	if races < 50 {
		t.Errorf("%d telephones at which a colleague was faster; want plenty", races)
	}
}

// checkBulutfonFlow reads the flow as the document explains it, and returns how many telephones a colleague was faster
// at.
func checkBulutfonFlow(t *testing.T, truth pbxsim.Truth, flow []bulutfonStep, answered bool) (races int) {
	t.Helper()
	c, queue, by := truth.Call, "", 0
	for i, s := range flow {
		if i > 0 && flow[i-1].Target != nil && *flow[i-1].Target != s.Callee {
			t.Errorf("call %d: redirected to %d, and reached %d", c.N, *flow[i-1].Target, s.Callee)
		}
		switch s.Redirection {
		case "CONNECTING_TO_GROUP":
			queue = strconv.Itoa(s.Callee)
			for _, leg := range s.Origination {
				switch {
				case leg.Result == "ANSWERED" && by == 0:
					by = leg.Destination
				case leg.Result == "LOSE_RACE":
					races++
					if s.Answer == nil || leg.Answer == nil || *leg.Answer != *s.Answer || *leg.Hangup != *s.Hangup {
						t.Errorf("call %d: who lost has not the winner's times: %+v", c.N, s)
					}
				}
			}
		case "CONNECTING_TO_EXTENSION":
			if s.Answer != nil && by == 0 {
				by = s.Callee
			}
		}
	}
	if queue != truth.Queue {
		t.Errorf("call %d: the flow reaches group %q, the truth %q", c.N, queue, truth.Queue)
	}
	if (by != 0) != answered && (answered || c.Queue == nil) && (len(c.Rings) > 0) {
		t.Errorf("call %d, answered %t: by %d: %+v", c.N, answered, by, flow)
	}
	if answered && c.AnsweredBy() != "" && strconv.Itoa(by) != "1"+c.AnsweredBy() {
		t.Errorf("call %d was answered by %s, the flow says %d", c.N, c.AnsweredBy(), by)
	}
	return races
}

// What can be known of the queue depends on the details that the reader asks for.
func TestBulutfonsQueueIsKnownByTheDetail(t *testing.T) {
	count := func(bc pbxsim.BulutfonConfig) (missed, answered int) {
		l := bulutfon(pbxsim.Config{Seed: 9, Rate: 20}, bc)
		for _, truth := range l.Truth(l.now.Add(time.Hour)) {
			switch {
			case truth.Queue != "" && truth.Call.Missed:
				missed++
			case truth.Queue != "":
				answered++
			}
		}
		return missed, answered
	}
	allMissed, allAnswered := count(pbxsim.BulutfonConfig{Details: pbxsim.DetailsOfAll})
	if allMissed < 50 || allAnswered < 200 {
		t.Fatalf("%d missed calls and %d answered ones reached a queue", allMissed, allAnswered)
	}
	for name, tc := range map[string]struct {
		cfg              pbxsim.BulutfonConfig
		missed, answered int
	}{
		"of missed calls": {pbxsim.BulutfonConfig{}, allMissed, 0},
		"of none":         {pbxsim.BulutfonConfig{Details: pbxsim.DetailsOfNone}, 0, 0},
		"where only the detail tells whether it was missed": {pbxsim.BulutfonConfig{Revision: pbxsim.Bulutfon2015}, allMissed, allAnswered},
	} {
		if missed, answered := count(tc.cfg); missed != tc.missed || answered != tc.answered {
			t.Errorf("details %s: the queue of %d missed and %d answered calls is known, want %d and %d", name, missed, answered, tc.missed, tc.answered)
		}
	}
}

func TestBulutfonsFormsWobbleUnlessPlain(t *testing.T) {
	for _, plain := range []bool{false, true} {
		l := bulutfon(pbxsim.Config{Seed: 10, Rate: 8}, pbxsim.BulutfonConfig{Plain: plain})
		l.now = l.now.Add(2 * time.Hour)
		seen := map[string]bool{}
		for page := range 20 {
			body := string(l.get(t, "/cdrs", "page", strconv.Itoa(page+1)))
			for _, form := range []string{`"caller":90`, `"caller":"90`, `"caller":null`, `"caller":""`, `"callee":"90`, `"extension":"90`, `"extension":"1`, `"recv_refuse"`} {
				seen[form] = seen[form] || strings.Contains(body, form)
			}
		}
		for form, is := range seen {
			asDocument := slices.Contains([]string{`"caller":90`, `"caller":null`, `"extension":"90`}, form)
			if is != (!plain || asDocument) {
				t.Errorf("plain %t: %s is there: %t", plain, form, is)
			}
		}
	}
}
