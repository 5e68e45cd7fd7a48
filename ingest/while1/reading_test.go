package while1_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/while1"
)

func lastHour() ingest.Window { return ingest.Window{From: now.Add(-time.Hour), To: now} }

// calls returns n calls, a second apart from one another, of one leg each.
func someCalls(n int, first time.Time) (legs []leg) {
	for i := range n {
		began := first.Add(time.Duration(i) * time.Second)
		legs = append(legs, leg{id: int64(i + 1), began: began, ended: began.Add(10 * time.Second), number: int64(i), status: "NO ANSWER"})
	}
	return legs
}

// read reads w at now and returns the page.
func read(t *testing.T, c *while1.Client, w ingest.Window) (page ingest.Page, err error) {
	t.Helper()
	pages := 0
	for page, err = range c.CDRs(t.Context(), w) {
		pages++
	}
	if pages != 1 {
		t.Errorf("%d pages, want one", pages)
	}
	return page, err
}

// at runs test in a bubble in which it is then.
func at(t *testing.T, then time.Time, test func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(then))
		test(t)
	})
}

func TestAllPagesOfAWindowAreRead(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 350} {
		for _, newest := range []bool{false, true} {
			at(t, now, func(t *testing.T) {
				p := &pbx{legs: someCalls(n, now.Add(-30*time.Minute)), newest: newest}
				page, err := read(t, client(t, p), lastHour())
				if err != nil || len(page.Records) != n || len(page.Rejected) != 0 || page.Window != lastHour() {
					t.Errorf("%d calls: %d records, %d rejected, %v", n, len(page.Records), len(page.Rejected), err)
				}
				if asked := p.filters(); len(asked) != n/100+1 || len(p.problems) > 0 {
					t.Errorf("%d calls: %d questions, %q", n, len(asked), p.problems)
				}
			})
		}
	}
}

// TestPagesThatDoNotEnd: a PBX that shows its last page for every page after it, or one page for all.
func TestPagesThatDoNotEnd(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: someCalls(100, now.Add(-30*time.Minute))}
		p.trouble = func(_ int, form url.Values) (string, error) {
			form.Set("page", "1")
			return envelope(p.page(form)...), nil
		}
		page, err := read(t, client(t, p), lastHour())
		if err != nil || len(page.Records) != 100 || len(p.asked) != 2 {
			t.Errorf("%d records, %v, after %d questions", len(page.Records), err, len(p.asked))
		}
	})
}

func TestAReadingWithoutEndIsGivenUp(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{}
		p.trouble = func(n int, _ url.Values) (string, error) {
			l := leg{id: int64(n), began: now.Add(-time.Minute), ended: now, number: 1, status: "BUSY"}
			return strings.Replace(envelope(l.row()), `"page_size":100`, `"page_size":1`, 1), nil
		}
		if page, err := read(t, client(t, p), lastHour()); err == nil || page.Records != nil || len(p.asked) > 1000 {
			t.Errorf("%d records, %v, after %d questions", len(page.Records), err, len(p.asked))
		}
	})
}

// TestPagesDrift lets calls be written while pages are read, which pushes rows from one page to the next.
func TestPagesDrift(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: someCalls(250, now.Add(-30*time.Minute)), newest: true}
		p.trouble = func(n int, _ url.Values) (string, error) {
			more := someCalls(251+n, now.Add(-30*time.Minute))
			p.legs = more
			return "", nil
		}
		page, err := read(t, client(t, p), lastHour())
		if err != nil || len(page.Records) < 250 {
			t.Errorf("%d records, %v; want 250 or more", len(page.Records), err)
		}
		keys := map[string]bool{}
		for _, r := range page.Records {
			if keys[r.Key] || r.Rows != 1 {
				t.Errorf("%s twice, or of %d rows", r.Key, r.Rows)
			}
			keys[r.Key] = true
		}
	})
}

func TestAPageSizeAndACountAreBelievedWhereTheyMeanMore(t *testing.T) {
	for name, pagination := range map[string]string{
		"a smaller page":           `{"page_size":10,"max_page":0}`,
		"the count says so":        `{"page_size":"100","max_page":"3"}`,
		"a count that is too high": `{"page_size":10,"max_page":99}`,
	} {
		at(t, now, func(t *testing.T) {
			p := &pbx{legs: someCalls(25, now.Add(-30*time.Minute)), size: 10}
			p.trouble = func(_ int, form url.Values) (string, error) {
				return `{"has_error":false,"messages":[],"pagination":` + pagination + `,"results":[` + strings.Join(p.page(form), ",") + `]}`, nil
			}
			if page, err := read(t, client(t, p), lastHour()); err != nil || len(page.Records) != 25 || len(p.asked) > 4 {
				t.Errorf("%s: %d records, %v, after %d questions", name, len(page.Records), err, len(p.asked))
			}
		})
	}
}

func TestALaterPageIsAskedForAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		failures int // of the second page
		answer   string
		err      error
		asked    int
		well     bool
	}{
		"cut once":            {1, "", io.ErrUnexpectedEOF, 4, true},
		"a foreign page":      {2, "<html>", nil, 5, true},
		"cut again and again": {9, "", io.ErrUnexpectedEOF, 4, false},
		"credentials refused": {9, `{"has_error":true,"messages":["Invalid token"]}`, nil, 2, false},
		"an error":            {9, `{"has_error":true,"messages":["Invalid page"]}`, nil, 2, false},
	} {
		at(t, now, func(t *testing.T) {
			p := &pbx{legs: someCalls(150, now.Add(-30*time.Minute))}
			left := tc.failures
			p.trouble = func(_ int, form url.Values) (string, error) {
				if form.Get("page") != "2" || left == 0 {
					return "", nil
				}
				left--
				return tc.answer, tc.err
			}
			if tc.well {
				tc.asked = 2 + tc.failures
			}
			page, err := read(t, client(t, p), lastHour())
			if tc.well != (err == nil) || tc.well && len(page.Records) != 150 || err != nil && page.Records != nil {
				t.Errorf("%s: %d records, %v", name, len(page.Records), err)
			}
			if len(p.asked) != tc.asked || time.Since(now) > 5*time.Second {
				t.Errorf("%s: %d questions in %s, want %d", name, len(p.asked), time.Since(now), tc.asked)
			}
		})
	}
}

func TestTheFirstPageIsAskedForOnce(t *testing.T) {
	at(t, now, func(t *testing.T) {
		p := &pbx{trouble: func(int, url.Values) (string, error) { return "", io.ErrUnexpectedEOF }}
		if _, err := read(t, client(t, p), lastHour()); !errors.Is(err, io.ErrUnexpectedEOF) || len(p.asked) != 1 {
			t.Errorf("%v after %d questions", err, len(p.asked))
		}
	})
}

// TestACallIsReadWhole has a call at the end of a window, a leg of which began long after it.
func TestACallIsReadWhole(t *testing.T) {
	began := now.Add(-2 * time.Hour)
	w := ingest.Window{From: began.Add(-time.Hour), To: began.Add(time.Minute)}
	legs := []leg{
		{id: 1, began: began.Add(-30 * time.Minute), ended: began.Add(-29 * time.Minute), number: 1, status: "BUSY"},
		{id: 2, began: began, ended: began.Add(5 * time.Minute), number: 2, status: "NO ANSWER"},
		{id: 3, began: began.Add(5 * time.Minute), ended: began.Add(9 * time.Minute), call: began, number: 2, status: "ANSWERED", talked: time.Minute},
		{id: 4, began: w.From.Add(time.Second), ended: w.From.Add(time.Minute), call: w.From.Add(-time.Minute), number: 3, status: "BUSY"},
		{id: 5, began: w.To.Add(time.Second), ended: w.To.Add(time.Minute), number: 4, status: "BUSY"},
	}
	at(t, now, func(t *testing.T) {
		p := &pbx{legs: legs}
		page, err := read(t, client(t, p), w)
		if err != nil || len(page.Records) != 2 || page.Records[1].Rows != 2 || *page.Records[1].Call.Missed {
			t.Errorf("%+v, %v; want two calls, the second of two rows and answered", page.Records, err)
		}
		if asked := p.filters(); len(asked) != 2 || !strings.HasSuffix(asked[1], "|"+legs[1].linkedID()+"|1") {
			t.Errorf("asked %q, want the rest of one call", asked)
		}
	})
}

// TestTheWholeHourInOctoberIsAskedFor reads windows around the end of summer time, and gets each call in its own.
func TestTheWholeHourInOctoberIsAskedFor(t *testing.T) {
	change := time.Date(2024, 10, 27, 1, 0, 0, 0, time.UTC)
	var legs []leg
	for i := range 40 {
		began := change.Add(time.Duration(i-20) * 6 * time.Minute)
		legs = append(legs, leg{id: int64(i + 1), began: began, ended: began.Add(time.Minute), number: int64(i), status: "BUSY"})
	}
	at(t, change.Add(12*time.Hour), func(t *testing.T) {
		p := &pbx{legs: legs}
		c := client(t, p)
		got := map[string]time.Time{}
		for from := change.Add(-3 * time.Hour); from.Before(change.Add(3 * time.Hour)); from = from.Add(40 * time.Minute) {
			page, err := read(t, c, ingest.Window{From: from, To: from.Add(40*time.Minute - time.Second)})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Records {
				if _, twice := got[r.Key]; twice {
					t.Errorf("%s is in two windows", r.Key)
				}
				got[r.Key] = *r.Call.StartedAt
			}
		}
		for _, l := range legs {
			if !got[l.linkedID()].Equal(l.began) {
				t.Errorf("the call of %v is read as of %v", l.began, got[l.linkedID()])
			}
		}
	})
}

func TestTheRecordKeyIsTheLinkedID(t *testing.T) {
	at(t, now, func(t *testing.T) {
		c := client(t, &pbx{legs: someCalls(3, now.Add(-time.Minute))})
		page, err := read(t, c, lastHour())
		for _, r := range page.Records {
			if c.RecordKey(r.Call) != r.Key {
				t.Errorf("RecordKey %q, want %q", c.RecordKey(r.Call), r.Key)
			}
		}
		if err != nil || len(page.Records) != 3 || c.Span() != 6*time.Hour {
			t.Errorf("%d records, %v, span %s", len(page.Records), err, c.Span())
		}
	})
}

// dated is a transport of a PBX without calls, whose clock is ahead of ours by so much.
type dated time.Duration

func (d dated) RoundTrip(req *http.Request) (*http.Response, error) {
	resp := respond(req, http.StatusOK, envelope())
	resp.Header.Set("Date", time.Now().Add(time.Duration(d)).UTC().Format(http.TimeFormat))
	return resp, nil
}

func TestTheClockOfThePBXIsComparedWithOurs(t *testing.T) {
	at(t, now, func(t *testing.T) {
		page, err := read(t, client(t, dated(time.Minute)), lastHour())
		if err != nil || page.Ahead == nil || (*page.Ahead-time.Minute).Abs() > time.Second {
			t.Errorf("ahead %v, %v; want about a minute", page.Ahead, err)
		}
	})
}

func keys(page ingest.Page) (list []string) {
	for _, r := range page.Records {
		list = append(list, fmt.Sprintf("%s of %d", r.Key, r.Rows))
	}
	slices.Sort(list)
	return list
}
