package bulutfon_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
)

// A vendor is a transport that serves a list of calls, newest first unless it is told otherwise, page by page.
type vendor struct {
	starts  []time.Time // of the calls, in the order in which they are listed
	atMost  int         // rows of a page, whatever is asked for; 0 is no limit
	asked   []url.Values
	before  func(v *vendor, n int)             // the nth request is answered
	instead func(n int) (status int, s string) // of the answer to the nth request, if the status is not 0
}

func (v *vendor) RoundTrip(req *http.Request) (*http.Response, error) {
	q := req.URL.Query()
	v.asked = append(v.asked, q)
	n := len(v.asked)
	if v.before != nil {
		v.before(v, n)
	}
	if v.instead != nil {
		if status, s := v.instead(n); status != 0 {
			return &http.Response{StatusCode: status, Request: req, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(strings.NewReader(s))}, nil
		}
	}
	page, _ := strconv.Atoi(q.Get("page"))
	limit, _ := strconv.Atoi(q.Get("limit"))
	return answering(v.page(page, limit)).RoundTrip(req)
}

func (v *vendor) page(n, limit int) string {
	if v.atMost > 0 {
		limit = min(limit, v.atMost)
	}
	from := min((n-1)*limit, len(v.starts))
	var rows []string
	for _, t := range v.starts[from:min(from+limit, len(v.starts))] {
		rows = append(rows, rowAt(t))
	}
	pages := (len(v.starts) + limit - 1) / limit
	return fmt.Sprintf(`{"cdrs":[%s],"pagination":{"page":%d,"total_count":%d,"total_pages":%d,"limit":%d,"previous_page":null,`+
		`"next_page":"http://elsewhere.example/cdrs?page=%d"}}`, strings.Join(rows, ","), n, len(v.starts), pages, limit, n+1)
}

// rowAt is a call that began at t and lasted ten seconds. Its uuid tells when it began.
func rowAt(t time.Time) string {
	return fmt.Sprintf(`{"uuid":"%s","bf_calltype":"voice","direction":"IN","caller":905000000101,"callee":908500000301,"call_time":"%s",`+
		`"answer_time":null,"hangup_time":"%s","missing_call":true,"call_record":"NO","hangup_cause":"NO_ANSWER","hangup_state":"send_cancel"}`,
		idAt(t), t.Format(time.RFC3339Nano), t.Add(10*time.Second).Format(time.RFC3339Nano))
}

func idAt(t time.Time) string { return "c" + strconv.FormatInt(t.UnixNano(), 36) }

// every returns the starts of n calls, the newest at first and the others each a step before.
func every(n int, first time.Time, step time.Duration) (all []time.Time) {
	for i := range n {
		all = append(all, first.Add(-time.Duration(i)*step))
	}
	return all
}

// read reads w and returns its pages, and the error that ended it.
func read(t *testing.T, c *bulutfon.Client, w ingest.Window) (pages []ingest.Page, last error) {
	t.Helper()
	for page, err := range c.CDRs(t.Context(), w) {
		if err != nil {
			if page.Records != nil || !page.At.IsZero() {
				t.Errorf("an error and a page: %+v", page)
			}
			return pages, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// keys returns which records the pages hold.
func keys(pages []ingest.Page) map[string]bool {
	all := map[string]bool{}
	for _, p := range pages {
		for _, r := range p.Records {
			all[r.Key] = true
		}
	}
	return all
}

// distinct lets equal rows stand on different pages: a vendor that shows the same rows twice is one that knows no pages.
type distinct struct{ *vendor }

func (d distinct) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.vendor.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	marked := strings.Replace(string(body), `"cdrs":[{`, fmt.Sprintf(`"cdrs":[{"mark":%d,`, len(d.asked)), 1)
	return answering(marked).RoundTrip(req)
}
