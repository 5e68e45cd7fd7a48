package pbxsim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

// lister reads the records of a view that lists them in pages. Its clock is the test's.
type lister struct {
	pbxsim.View
	world *pbxsim.World
	now   time.Time
	http  *http.Client
	with  string // the credentials, as in a query
	id    string // which member of a record is its id
}

func newLister(c pbxsim.Config, with, id string, view func(*pbxsim.World, func() time.Time) pbxsim.View) *lister {
	l := &lister{world: pbxsim.NewWorld(c), with: with, id: id}
	l.now = l.world.Config().Start
	l.View = view(l.world, func() time.Time { return l.now })
	l.http = &http.Client{Transport: pbxsim.RoundTripper(l.View)}
	return l
}

func verimor(c pbxsim.Config, vc pbxsim.VerimorConfig) *lister {
	if vc.Limit == 0 {
		vc.Limit = -1
	}
	return newLister(c, "key=callbus", "call_uuid", func(w *pbxsim.World, clock func() time.Time) pbxsim.View {
		return pbxsim.NewVerimor(w, vc, clock)
	})
}

func bulutfon(c pbxsim.Config, bc pbxsim.BulutfonConfig) *lister {
	return newLister(c, "access_token=callbus", "uuid", func(w *pbxsim.World, clock func() time.Time) pbxsim.View {
		return pbxsim.NewBulutfon(w, bc, clock)
	})
}

func (l *lister) do(query string) (*http.Response, []byte, error) {
	resp, err := l.http.Get("http://pbx.example" + query)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// get asks with credentials for what is there.
func (l *lister) get(t *testing.T, path string, more ...string) []byte {
	t.Helper()
	resp, body, err := l.do(path + "?" + l.with + "&" + encode(more))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s %v: %v, %s", path, more, err, body)
	}
	return body
}

// encode makes a query of names and values.
func encode(pairs []string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q.Encode()
}

// pageOf is one page, whole and valid.
type pageOf struct {
	rows  []row
	page  int
	limit int
	total int
	pages int
	next  any
}

func (l *lister) page(query string) (pageOf, error) {
	resp, body, err := l.do("/cdrs?" + l.with + "&" + query)
	if err != nil {
		return pageOf{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return pageOf{}, fmt.Errorf("%w: status %d: %s", errNoInformation, resp.StatusCode, body)
	}
	return parsePage(body)
}

// parsePage takes a page that is shorter than its pagination says for no page.
func parsePage(body []byte) (pageOf, error) {
	var reply struct {
		CDRs       []row `json:"cdrs"`
		Pagination struct {
			Page       int `json:"page"`
			TotalCount int `json:"total_count"`
			TotalPages int `json:"total_pages"`
			Limit      int `json:"limit"`
			NextPage   any `json:"next_page"`
		} `json:"pagination"`
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return pageOf{}, fmt.Errorf("%w: %w", errNoInformation, err)
	}
	g := reply.Pagination
	p := pageOf{reply.CDRs, g.Page, g.Limit, g.TotalCount, g.TotalPages, g.NextPage}
	if p.limit == 0 || len(p.rows) != min(max(0, p.total-(p.page-1)*p.limit), p.limit) || p.pages != (p.total+p.limit-1)/p.limit {
		return pageOf{}, fmt.Errorf("%w: %d rows on page %d of %d, %d rows in all, %d a page", errNoInformation, len(p.rows), p.page, p.pages, p.total, p.limit)
	}
	return p, nil
}

// all reads every page of a list that stands still.
func (l *lister) all(t *testing.T, more ...string) []row {
	t.Helper()
	var rows []row
	for n := 1; ; n++ {
		p, err := l.page(encode(append(slices.Clone(more), "limit", "100", "page", fmt.Sprint(n))))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, p.rows...)
		if len(rows) >= p.total {
			return rows
		}
	}
}

func (l *lister) ids(rows []row) []string {
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.text(l.id))
	}
	return ids
}

// truths are those of this moment, by the vendor's id.
func (l *lister) truths() map[string]pbxsim.Truth {
	by := map[string]pbxsim.Truth{}
	for _, truth := range l.Truth(l.now) {
		by[truth.VendorIDs[l.id]] = truth
	}
	return by
}

// checkRecords reads all records and holds them against the truth of this moment: each is listed once, in its time, and
// what can be read is right.
func (l *lister) checkRecords(t *testing.T, readable func(row) bool, check func(pbxsim.Truth, row)) {
	t.Helper()
	truths, seen, appeared := l.truths(), map[string]bool{}, 0
	for _, r := range l.all(t) {
		id := r.text(l.id)
		truth, ok := truths[id]
		switch {
		case seen[id]:
			t.Fatalf("record %s is listed twice", id)
		case !ok && readable(r):
			t.Fatalf("a record of no call: %v", r)
		case ok && readable(r) != !truth.Readable.After(l.now):
			t.Fatalf("at %s: record of call %d, to be read from %s, can be read: %t", l.now, truth.Call.N, truth.Readable, readable(r))
		case ok && readable(r):
			check(truth, r)
		}
		seen[id] = true
	}
	for id, truth := range truths {
		if listed := !truth.Appears.After(l.now); listed != seen[id] {
			t.Fatalf("at %s: record of call %d, listed from %s, is listed: %t", l.now, truth.Call.N, truth.Appears, seen[id])
		} else if listed {
			appeared++
		}
	}
	if appeared < 20 {
		t.Fatalf("%d records tell little", appeared)
	}
}

// watchRecords checks the records at six moments.
func (l *lister) watchRecords(t *testing.T, readable func(row) bool, check func(pbxsim.Truth, row)) {
	t.Helper()
	for range 3 {
		l.now = l.now.Add(521 * time.Second)
		l.checkRecords(t, readable, check)
	}
}

// saysAnswered tells whether the record of truth says at now that somebody answered.
func saysAnswered(truth pbxsim.Truth, now time.Time) bool {
	if c := truth.Corrected; c != nil && c.Outcome != "" && now.Before(c.At) {
		return c.Outcome == "answered"
	}
	return truth.Call.Answered()
}

// reversed tells whether the record of truth says at now another outcome than the true one.
func reversed(truth pbxsim.Truth, now time.Time) bool {
	return saysAnswered(truth, now) != truth.Call.Answered()
}

// sameSecond tells whether a stamp that is cut to seconds is of t.
func sameSecond(stamp, t time.Time) bool { return stamp.Equal(t.Truncate(time.Second)) }
