package pbxsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

// while1Hashes are parameters, as JSON and as the query that PHP builds of them, and the md5 of that query followed by
// the words your_api_key. The first three are printed in the vendor's documents.
var while1Hashes = map[string]struct{ json, query, hash string }{
	"the CDR page": {
		`{"page":1,"filters":{"date_between":["2024-01-01 00:00:00","2024-01-15 23:59:59"],"project_id":null,"user_id":null,"from_id":null,"external_id":null}}`,
		"page=1&filters%5Bdate_between%5D%5B0%5D=2024-01-01+00%3A00%3A00&filters%5Bdate_between%5D%5B1%5D=2024-01-15+23%3A59%3A59",
		"ff9a6b157cb1f79db73e7507635f878a",
	},
	"the reports page": {
		`{"page":1,"data":{"type":"custom","id":2},"filters":{"date_between":["2024-01-01 00:00:00","2024-01-15 23:59:59"]}}`,
		"page=1&data%5Btype%5D=custom&data%5Bid%5D=2&filters%5Bdate_between%5D%5B0%5D=2024-01-01+00%3A00%3A00&filters%5Bdate_between%5D%5B1%5D=2024-01-15+23%3A59%3A59",
		"af4014d3db711e82cdcc74bb8c64fdc4",
	},
	"the queues page": {
		`{"action":"pause","data":[{"agent_name":"john-doe","reason":"other","paused":1}]}`,
		"action=pause&data%5B0%5D%5Bagent_name%5D=john-doe&data%5B0%5D%5Breason%5D=other&data%5B0%5D%5Bpaused%5D=1",
		"fb8423e2fbbe6178501e956f643f2e12",
	},
	"nulls are left out": {
		`{"page":1,"filters":{"project_id":null,"from_id":null}}`, "page=1", "c12a0bc8f72115f7e915ea40734884b5",
	},
	"a cursor": {
		`{"page":1,"filters":{"from_id":29056}}`, "page=1&filters%5Bfrom_id%5D=29056", "3573ea7e26583fdbfb42d8fc9cc2883c",
	},
	"lists, booleans, empty text": {
		`{"page":2,"filters":{"inbound_route_id":[1,2,3],"direction":"IN","call_status":"NO ANSWER","has_recording_file":true,"has_monitor_file":false,"telephone":"","project_id":[]}}`,
		"page=2&filters%5Binbound_route_id%5D%5B0%5D=1&filters%5Binbound_route_id%5D%5B1%5D=2&filters%5Binbound_route_id%5D%5B2%5D=3&filters%5Bdirection%5D=IN&filters%5Bcall_status%5D=NO+ANSWER&filters%5Bhas_recording_file%5D=1&filters%5Bhas_monitor_file%5D=0&filters%5Btelephone%5D=",
		"b4d3f279d16222b5559ae9617f8140a5",
	},
	"characters that are escaped": {
		`{"page":1,"filters":{"telephone_like":"+40 21~*","external_id":"a&b=c/d?e%f'g(h)!","source":"Ștefan"}}`,
		"page=1&filters%5Btelephone_like%5D=%2B40+21%7E%2A&filters%5Bexternal_id%5D=a%26b%3Dc%2Fd%3Fe%25f%27g%28h%29%21&filters%5Bsource%5D=%C8%98tefan",
		"e361c909344cc6d842082459583e2783",
	},
	"an action": {
		`{"action":"read","page":1,"filters":{"date_between":["2024-01-01 00:00:00","2024-01-15 23:59:59"]}}`,
		"action=read&page=1&filters%5Bdate_between%5D%5B0%5D=2024-01-01+00%3A00%3A00&filters%5Bdate_between%5D%5B1%5D=2024-01-15+23%3A59%3A59",
		"5a2924aea34e65a1476382da4d5b98d1",
	},
	"another order": {
		`{"filters":{"date_between":["2024-01-01 00:00:00","2024-01-15 23:59:59"]},"page":1}`,
		"filters%5Bdate_between%5D%5B0%5D=2024-01-01+00%3A00%3A00&filters%5Bdate_between%5D%5B1%5D=2024-01-15+23%3A59%3A59&page=1",
		"585aa9e798d040b50a3e754513249b18",
	},
}

const (
	asForm = "application/x-www-form-urlencoded"
	asJSON = "application/json"
)

func TestWhile1HashIsTakenOverTheParametersAsTheyCame(t *testing.T) {
	w := watchRomanian(pbxsim.Config{}, pbxsim.While1Config{Key: "your_api_key"})
	c := newRomanianClient(w)
	for name, v := range while1Hashes {
		t.Run(name, func(t *testing.T) {
			for _, hash := range []string{v.hash, strings.Repeat("0", 32), strings.ToUpper(v.hash), ""} {
				for way, ask := range map[string]func() ([]byte, error){
					"form": func() ([]byte, error) {
						return c.send(http.MethodPost, "/api/cdr", asForm, v.query+"&api_hash="+hash)
					},
					"query": func() ([]byte, error) {
						return c.send(http.MethodGet, "/api/cdr?api_hash="+hash+"&"+v.query, "text/xml", "")
					},
					"JSON": func() ([]byte, error) {
						return c.send(http.MethodPost, "/api/cdr", asJSON, v.json[:len(v.json)-1]+`,"api_hash":"`+hash+`"}`)
					},
				} {
					body, err := ask()
					refused := strings.Contains(string(body), `{"has_error":true,"messages":["Invalid API hash"],"pagination":[],"results":[]}`)
					if err != nil || refused == (hash == v.hash) {
						t.Errorf("%s with hash %q: %s, %v", way, hash, body, err)
					}
				}
			}
		})
	}
}

// Arrays that come in pieces are put together before they are hashed, as PHP does.
func TestWhile1HashOfArraysInPieces(t *testing.T) {
	w := watchRomanian(pbxsim.Config{}, pbxsim.While1Config{Key: "k"})
	c := newRomanianClient(w)
	hash := md5Of("filters%5Bdirection%5D=IN&filters%5Bcall_status%5D=BUSY&page=1" + "k")
	for _, body := range []string{
		"filters[direction]=IN&page=1&filters[call_status]=BUSY",
		"filters[direction]=OUT&page=1&filters[call_status]=BUSY&filters[direction]=IN", // the last counts
		"filters%5bdirection%5d=IN&page=%31&filters[call_status]=BUSY",
	} {
		reply, err := c.send(http.MethodPost, "/api/cdr", asForm, body+"&api_hash="+hash)
		if err != nil || strings.Contains(string(reply), "true") {
			t.Errorf("%s: %s, %v", body, reply, err)
		}
	}
}

func TestWhile1WithoutAKeyAsksForNoHash(t *testing.T) {
	w := watchRomanian(pbxsim.Config{}, pbxsim.While1Config{})
	c := newRomanianClient(w)
	for _, body := range []string{"page=1", "page=1&api_hash=", "page=1&api_hash=07112231a9c89f5b108af08608a97b07"} {
		if reply, err := c.send(http.MethodPost, "/api/cdr", asForm, body); err != nil || !strings.Contains(string(reply), `"has_error":false`) {
			t.Errorf("%s: %s, %v", body, reply, err)
		}
	}
}

func TestWhile1WrongQuestions(t *testing.T) {
	refusal := func(message string) string {
		text, _ := json.Marshal(message)
		return `{"has_error":true,"messages":[` + string(text) + `],"pagination":[],"results":[]}`
	}
	const nothing = `{"has_error":false,"messages":[],"pagination":{"row_count":0,"page_size":100,"current_page":0,"max_page":0},"results":[]}`
	w := watchRomanian(pbxsim.Config{Seed: 6}, pbxsim.While1Config{Plain: true})
	for name, q := range map[string]struct{ path, kind, body, want string }{
		"nothing in particular":       {"/api/cdr", asForm, "", nothing},
		"filters that ask nothing":    {"/api/cdr", asJSON, `{"filters":{"from_id":null,"linkedid":"","project_id":[],"date_between":[]}}`, nothing},
		"no filters, as a list":       {"/api/cdr", asJSON, `{"filters":[]}`, nothing},
		"unknown parameter":           {"/api/cdr", asForm, "colour=red", nothing},
		"page after the last":         {"/api/cdr", asForm, "page=7", nothing},
		"action read":                 {"/api/cdr", asForm, "action=read", nothing},
		"another action":              {"/api/cdr", asForm, "action=write", refusal("Invalid action: write")},
		"unknown filter":              {"/api/cdr", asForm, "filters[from_idxx]=1", refusal("Invalid filter: from_idxx")},
		"unknown filter that is null": {"/api/cdr", asJSON, `{"filters":{"from_idxx":null}}`, refusal("Invalid filter: from_idxx")},
		"a filter not simulated":      {"/api/cdr", asForm, "filters[user_id]=4", refusal("Not simulated: user_id")},
		"date without an end":         {"/api/cdr", asForm, "filters[date_between][]=2024-01-01 00:00:00", refusal("Invalid filter: date_between")},
		"date that is text":           {"/api/cdr", asForm, "filters[date_between]=2024-01-01", refusal("Invalid filter: date_between")},
		"date in another form":        {"/api/cdr", asForm, "filters[date_between][]=1.1.2024&filters[date_between][]=2.1.2024", refusal("Invalid filter: date_between")},
		"id that is none":             {"/api/cdr", asForm, "filters[from_id]=abc", refusal("Invalid filter: from_id")},
		"list for a text":             {"/api/cdr", asForm, "filters[linkedid][]=1", refusal("Invalid filter: linkedid")},
		"page 0":                      {"/api/cdr", asForm, "page=0", refusal("Invalid page: 0")},
		"page that is none":           {"/api/cdr", asForm, "page=last", refusal("Invalid page: last")},
		"page beyond all numbers":     {"/api/cdr", asForm, "page=9223372036854775807", refusal("Invalid page: 9223372036854775807")},
		"a form that is called XML":   {"/api/cdr", "text/xml", "page=1", refusal("Invalid request: unsupported Content-Type")},
		"JSON that is cut":            {"/api/cdr", asJSON, `{"page":`, refusal("Invalid request: the body is not JSON")},
		"JSON that is a number":       {"/api/cdr", asJSON, `7`, refusal("Invalid request: the body is neither object nor list")},
		"JSON of endless depth":       {"/api/cdr", asJSON, strings.Repeat("[", 200) + strings.Repeat("]", 200), refusal("Invalid request: the body cannot be read")},
		"a form of endless depth":     {"/api/cdr", asForm, "filters" + strings.Repeat("[]", 200) + "=1", nothing},
		"a body without end":          {"/api/cdr", asForm, strings.Repeat("a", 2<<20), refusal("Invalid request: body too long, or cut short")},
		"list of channels":            {"/api/channel", asForm, "action=list", refusal("Not simulated: list")},
		"no action on channels":       {"/api/channel", asForm, "", refusal("Invalid action: ")},
		"hang up a channel not there": {"/api/channel", asForm, "action=hangup&data[channel]=PJSIP/nobody", refusal("No such channel: PJSIP/nobody")},
		"elsewhere":                   {"/api/queues", asForm, "", "404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := newRomanianClient(w).send(http.MethodPost, q.path, q.kind, q.body)
			if got := string(body); got != q.want && (err == nil || !strings.Contains(got, "<h1>"+q.want)) {
				t.Errorf("%s, %v, want %s", got, err, q.want)
			}
		})
	}
}

func TestWhile1AsksForItsToken(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 6}, pbxsim.While1Config{Token: "right"})
	for header, want := range map[string]int{
		"Bearer right": http.StatusOK, "Bearer wrong": http.StatusUnauthorized, "right": http.StatusUnauthorized, "": http.StatusUnauthorized,
		"Basic right": http.StatusUnauthorized, "Bearer ": http.StatusUnauthorized,
	} {
		req, _ := http.NewRequest(http.MethodGet, "http://pbx.example/api/cdr", nil)
		req.Header.Set("Authorization", header)
		resp, err := pbxsim.RoundTripper(w).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body := readAll(t, resp)
		if refused := strings.Contains(body, `{"has_error":true,"messages":["Invalid API token"],"pagination":[],"results":[]}`); resp.StatusCode != want || refused != (want != http.StatusOK) {
			t.Errorf("Authorization %q: %d %s, want %d", header, resp.StatusCode, body, want)
		}
	}
	req, _ := http.NewRequest(http.MethodDelete, "http://pbx.example/api/cdr", nil)
	if resp, err := pbxsim.RoundTripper(w).RoundTrip(req); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %v, %v", resp, err)
	}
}

func TestWhile1OlderInstallationsNeedAnAction(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 6}, pbxsim.While1Config{NeedRead: true, Key: "k"})
	c := newRomanianClient(w)
	c.key = "k"
	if body, err := c.post("/api/cdr", param{"page", "1"}); err != nil || !strings.Contains(string(body), "Invalid action") {
		t.Errorf("without an action: %s, %v", body, err)
	}
	if body, err := c.post("/api/cdr", param{"action", "read"}, param{"page", "1"}); err != nil || !strings.Contains(string(body), `"has_error":false`) {
		t.Errorf("action read: %s, %v", body, err)
	}
}

func TestWhile1Pages(t *testing.T) {
	for _, newest := range []bool{false, true} {
		t.Run(fmt.Sprint("newest first ", newest), func(t *testing.T) {
			w := watchRomanian(pbxsim.Config{Seed: 13, Rate: 5}, pbxsim.While1Config{Plain: true, Newest: newest})
			w.now = w.now.Add(2 * time.Hour)
			c := newRomanianClient(w)
			var ids []int
			for page := 1; ; page++ {
				body, err := c.post("/api/cdr", param{"page", fmt.Sprint(page)})
				if err != nil {
					t.Fatal(err)
				}
				var reply struct {
					Pagination struct {
						Rows int `json:"row_count"`
						Size int `json:"page_size"`
						Page int `json:"current_page"`
						Max  int `json:"max_page"`
					}
				}
				if err := json.Unmarshal(body, &reply); err != nil {
					t.Fatal(err)
				}
				rows, err := romanianRows(body)
				if err != nil || len(rows) > 100 {
					t.Fatalf("page %d: %d rows, %v", page, len(rows), err)
				}
				for _, r := range rows {
					ids = append(ids, r.integer(t, "id"))
				}
				p := reply.Pagination
				if p.Size != 100 || p.Page != page || p.Max != (p.Rows+99)/100 || p.Rows < len(ids) {
					t.Errorf("page %d: %+v", page, p)
				}
				if len(rows) < 100 {
					if p.Rows != len(ids) || page != p.Max || page < 4 {
						t.Errorf("the last page is %d with %d rows in all: %+v", page, len(ids), p)
					}
					break
				}
			}
			if newest {
				slices.Reverse(ids)
			}
			if !slices.IsSorted(ids) || len(slices.Compact(ids)) != len(ids) {
				t.Errorf("ids are not in order: %v", ids)
			}
		})
	}
}

// Whoever asks again from the last id that he has gets every row that is written.
func TestWhile1CursorOfIDs(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 14, Rate: 20}, pbxsim.While1Config{})
	c := newRomanianClient(w)
	followed, last := map[int]string{}, 0
	for range 40 {
		w.now = w.now.Add(17 * time.Second)
		rows, err := c.all(param{"from_id", fmt.Sprint(last)})
		if err != nil {
			t.Fatal(err)
		}
		if last > 0 && (len(rows) == 0 || rows[0].integer(t, "id") != last) {
			t.Fatalf("from_id %d: the row of that id is not the first", last)
		}
		for _, r := range rows {
			followed[r.integer(t, "id")] = r.text("linkedid")
		}
		if len(rows) > 1 { // leave out the newest: one before it may be yet to come
			last = rows[len(rows)-2].integer(t, "id")
		}
	}
	rows, err := c.all()
	if err != nil || len(rows) < 300 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	missing := 0
	for _, r := range rows {
		if followed[r.integer(t, "id")] != r.text("linkedid") {
			missing++
		}
	}
	if missing > 3 { // of those that were listed after two of a greater id
		t.Errorf("%d of %d rows were missed", missing, len(rows))
	}
}

func TestWhile1Filters(t *testing.T) {
	w := watchRomanian(pbxsim.Config{Seed: 15, Rate: 4}, pbxsim.While1Config{Plain: true})
	w.now = w.now.Add(time.Hour)
	c := newRomanianClient(w)
	rows, err := c.all()
	if err != nil || len(rows) < 250 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	some := rows[len(rows)/2]
	from, to := some.text("time"), rows[len(rows)-50].text("time")
	for name, f := range map[string]struct {
		filters []param
		takes   func(row) bool
	}{
		"date_between":  {[]param{{"date_between[0]", from}, {"date_between[1]", to}}, func(r row) bool { return r.text("time") >= from && r.text("time") <= to }},
		"one instant":   {[]param{{"date_between[0]", from}, {"date_between[1]", from}}, func(r row) bool { return r.text("time") == from }},
		"turned around": {[]param{{"date_between[0]", "2024-05-07 00:00:00"}, {"date_between[1]", "2024-05-06 00:00:00"}}, func(row) bool { return false }},
		"from_id":       {[]param{{"from_id", some.text("id")}}, func(r row) bool { return r.integer(t, "id") >= some.integer(t, "id") }},
		"linkedid":      {[]param{{"linkedid", some.text("linkedid")}}, func(r row) bool { return r.text("linkedid") == some.text("linkedid") }},
		"uniqueid":      {[]param{{"uniqueid", some.text("uniqueid")}}, func(r row) bool { return r.text("uniqueid") == some.text("uniqueid") }},
		"direction":     {[]param{{"direction", "OUT"}}, func(r row) bool { return r.text("direction") == "OUT" }},
		"call_status":   {[]param{{"call_status", "NO ANSWER"}}, func(r row) bool { return r.text("call_status") == "NO ANSWER" }},
		"telephone": {[]param{{"telephone", some.text("source")}}, func(r row) bool {
			return r.text("source") == some.text("source") || r.text("destination") == some.text("source")
		}},
		"telephone_like": {[]param{{"telephone_like", "*90850*"}}, func(r row) bool { return strings.Contains(r.text("source")+" "+r.text("destination"), "90850") }},
		"source":         {[]param{{"source", "anonymous"}}, func(r row) bool { return r.text("source") == "anonymous" }},
		"destination":    {[]param{{"destination", "%0100"}}, func(r row) bool { return strings.Contains(r.text("destination"), "0100") }},
		"two at once":    {[]param{{"direction", "IN"}, {"call_status", "BUSY"}}, func(r row) bool { return r.text("direction") == "IN" && r.text("call_status") == "BUSY" }},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.all(f.filters...)
			if err != nil {
				t.Fatal(err)
			}
			var want []row
			for _, r := range rows {
				if f.takes(r) {
					want = append(want, r)
				}
			}
			if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w || len(want) == 0 && name != "turned around" {
				t.Errorf("%d rows, want %d", len(got), len(want))
			}
		})
	}
}

// Whatever is sent, the reply is the vendor's, and what is no error is hashed rightly.
func FuzzWhile1Request(f *testing.F) {
	for _, v := range while1Hashes {
		f.Add(true, v.query+"&api_hash="+v.hash)
		f.Add(false, v.json[:len(v.json)-1]+`,"api_hash":"`+v.hash+`"}`)
	}
	f.Add(true, "a[[b]=1&a[]]=2&=3&%zz=%&[]=4&a[b=5")
	f.Add(false, `[1.5e3,{"":[null,true,"\ud800"]},-0]`)
	w := watchRomanian(pbxsim.Config{Seed: 16}, pbxsim.While1Config{Key: "your_api_key"})
	w.now = w.now.Add(5 * time.Minute)
	c := newRomanianClient(w)
	f.Fuzz(func(t *testing.T, form bool, body string) {
		kind := asJSON
		if form {
			kind = asForm
		}
		for _, path := range []string{"/api/cdr", "/api/channel"} {
			reply, err := c.send(http.MethodPost, path, kind, body)
			var envelope struct {
				HasError *bool `json:"has_error"`
				Messages []string
				Results  []row
			}
			if err != nil || json.Unmarshal(reply, &envelope) != nil || envelope.HasError == nil || envelope.Results == nil {
				t.Fatalf("%s, %v", reply, err)
			}
			if *envelope.HasError != (len(envelope.Messages) > 0) || !*envelope.HasError && !strings.Contains(body, "api_hash") && !strings.Contains(body, "%") && !strings.Contains(body, `\u`) {
				t.Fatalf("%s", reply)
			}
		}
	})
}
