package while1_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest/while1"
)

const (
	token = "correct-horse-battery"
	key   = "staple~key ș"
)

// answering is a transport that has body for every question.
type answering string

func (body answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return respond(req, http.StatusOK, string(body)), nil
}

func respond(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Request: req, Header: http.Header{}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

// client returns a Client of an invented account that sends through transport.
func client(t testing.TB, transport http.RoundTripper, change ...func(*while1.Config)) *while1.Client {
	t.Helper()
	cfg := while1.Config{URL: "https://pbx.example", Token: secret.New(token), Key: secret.New(key)}
	for _, f := range change {
		f(&cfg)
	}
	c, err := while1.New(cfg, &http.Client{Transport: transport})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

// envelope wraps rows as the vendor does.
func envelope(rows ...string) string {
	return `{"has_error":false,"messages":[],"pagination":{"row_count":0,"page_size":100,"current_page":0,"max_page":0},"results":[` +
		strings.Join(rows, ",") + `]}`
}

var bucharest = mustZone("Europe/Bucharest")

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// A leg is a row that a pbx has.
type leg struct {
	id           int64
	began, ended time.Time
	call         time.Time // when its call began; zero when the leg did
	number       int64     // of the call
	status       string
	talked       time.Duration
	change       map[string]any
}

func (l leg) linkedID() string {
	began := l.call
	if began.IsZero() {
		began = l.began
	}
	return fmt.Sprintf("%d.%d", began.Unix(), l.number)
}

func (l leg) row() string {
	row := map[string]any{
		"id": strconv.FormatInt(l.id, 10), "uniqueid": fmt.Sprintf("%d.%d", l.began.Unix(), 1000+l.id), "linkedid": l.linkedID(),
		"time": l.began.In(bucharest).Format(time.DateTime), "time_end": l.ended.In(bucharest).Format(time.DateTime),
		"caller_id": `"Ana Pop" <0700000001>`, "source": "0700000001", "destination": "0310000001", "direction": "IN",
		"channel_formatted": "PJSIP/trunk", "dstchannel_formatted": "PJSIP/ion-pop", "user_fullname": "Ion Pop", "qname": nil,
		"call_status": l.status, "call_codes": "in", "inbound_route_id": "1", "is_recovered": nil,
		"bill_duration": clock(l.talked), "duration": clock(l.ended.Sub(l.began)), "ring_time": "00:00:01",
	}
	if l.ended.IsZero() {
		row["time_end"], row["duration"], row["call_status"] = nil, nil, nil
	}
	for field, v := range l.change {
		row[field] = v
	}
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// A pbx answers as the vendor does, in memory.
type pbx struct {
	mu       sync.Mutex
	legs     []leg
	newest   bool                                         // first
	size     int                                          // of a page; 0 is 100
	asked    []string                                     // the filter of each question
	trouble  func(n int, form url.Values) (string, error) // an answer instead, or ""
	problems []string
}

func (p *pbx) set(legs ...leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range legs {
		p.legs = slices.DeleteFunc(p.legs, func(known leg) bool { return known.id == l.id })
		p.legs = append(p.legs, l)
	}
	slices.SortFunc(p.legs, func(a, b leg) int { return int(a.id - b.id) })
}

// filters forgets and returns what was asked since it was called last.
func (p *pbx) filters() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}

func (p *pbx) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || req.URL.Path != "/api/cdr" || req.Method != http.MethodPost || req.Header.Get("Authorization") != "Bearer "+token ||
		req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		p.problems = append(p.problems, fmt.Sprintf("%s %s %v: %s", req.Method, req.URL, req.Header, body))
	}
	p.asked = append(p.asked, strings.Join([]string{form.Get("filters[date_between][0]"), form.Get("filters[from_id]"), form.Get("filters[linkedid]"), form.Get("page")}, "|"))
	if p.trouble != nil {
		if answer, err := p.trouble(len(p.asked), form); answer != "" || err != nil {
			if err != nil {
				return nil, err
			}
			return respond(req, http.StatusOK, answer), nil
		}
	}
	return respond(req, http.StatusOK, envelope(p.page(form)...)), nil
}

func (p *pbx) page(form url.Values) (rows []string) {
	for _, l := range p.legs {
		if p.passes(l, form) {
			rows = append(rows, l.row())
		}
	}
	if p.newest {
		slices.Reverse(rows)
	}
	size := p.size
	if size == 0 {
		size = 100
	}
	page, _ := strconv.Atoi(form.Get("page"))
	from := min((page-1)*size, len(rows))
	return rows[from:min(from+size, len(rows))]
}

func (p *pbx) passes(l leg, form url.Values) bool {
	if from := form.Get("filters[from_id]"); from != "" {
		n, _ := strconv.ParseInt(from, 10, 64)
		return l.id >= n
	}
	if linkedID := form.Get("filters[linkedid]"); linkedID != "" {
		return l.linkedID() == linkedID
	}
	wall := l.began.In(bucharest).Format(time.DateTime)
	return wall >= form.Get("filters[date_between][0]") && wall <= form.Get("filters[date_between][1]")
}
