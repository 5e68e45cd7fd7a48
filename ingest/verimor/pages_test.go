package verimor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/verimor"
)

// A vendor lists ids as records, newest first, as the vendor does: by page and limit, with a count. It is a transport.
type vendor struct {
	ids    []string
	before func(v *vendor, page int) // is called before each page
	fault  func(n int) string        // what the n-th question is answered with instead
	asked  []url.Values
}

func (v *vendor) RoundTrip(req *http.Request) (*http.Response, error) {
	q := req.URL.Query()
	v.asked = append(v.asked, q)
	page, _ := strconv.Atoi(q.Get("page"))
	if v.before != nil {
		v.before(v, page)
	}
	if v.fault != nil {
		if body := v.fault(len(v.asked)); body != "" {
			return answering(body).RoundTrip(req)
		}
	}
	return answering(v.page(page)).RoundTrip(req)
}

func (v *vendor) page(n int) string {
	var rows []string
	for _, id := range v.ids[min(len(v.ids), (n-1)*100):min(len(v.ids), n*100)] {
		rows = append(rows, cdr(map[string]any{"call_uuid": id}))
	}
	return envelope(len(v.ids), (len(v.ids)+99)/100, rows...)
}

func (v *vendor) pagesAsked() string {
	var all []string
	for _, q := range v.asked {
		all = append(all, q.Get("page"))
	}
	return strings.Join(all, " ")
}

func numbered(prefix string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s-%d", prefix, i))
	}
	return ids
}

// keys reads w to its end and returns the keys of its records, each once, and the error it ended with.
func keys(ctx context.Context, c *verimor.Client, w ingest.Window) (all map[string]bool, err error) {
	all = map[string]bool{}
	for page, pageErr := range c.CDRs(ctx, w) {
		if pageErr != nil {
			err = pageErr
		}
		for _, r := range page.Records {
			all[r.Key] = true
		}
	}
	return all, err
}

func TestPagesAreReadToTheEnd(t *testing.T) {
	for records, asked := range map[int]string{0: "1", 1: "1", 99: "1", 100: "1 2", 101: "1 2", 250: "1 2 3", 300: "1 2 3 4"} {
		v := &vendor{ids: numbered("call", records)}
		got, err := keys(t.Context(), client(t, v), lastHour())
		if err != nil || len(got) != records || v.pagesAsked() != asked {
			t.Errorf("of %d records %d were read on pages %s, %v; want pages %s", records, len(got), v.pagesAsked(), err, asked)
		}
	}
}

func TestOnlyTheLastPageClaimsTheWindow(t *testing.T) {
	w := lastHour()
	var got []ingest.Window
	for page, err := range client(t, &vendor{ids: numbered("call", 250)}).CDRs(t.Context(), w) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.Window)
	}
	if want := []ingest.Window{{}, {}, w}; !slices.Equal(got, want) {
		t.Errorf("windows %v, want %v", got, want)
	}
}

func TestRecordsThatAreWrittenMeanwhileHideNone(t *testing.T) {
	v := &vendor{ids: numbered("old", 200)}
	v.before = func(v *vendor, page int) {
		if page > 1 && page < 9 {
			v.ids = append(numbered(fmt.Sprintf("new%d", page), 60), v.ids...)
		}
	}
	got, err := keys(t.Context(), client(t, v), lastHour())
	for _, id := range numbered("old", 200) {
		if !got[id] {
			t.Fatalf("%s was left out, %v; pages %s", id, err, v.pagesAsked())
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestAReadingAlwaysEnds(t *testing.T) {
	row := cdr(nil)
	for name, tc := range map[string]struct {
		served func(page int) string
		pages  int // that are asked for at most
		whole  bool
	}{
		"the document's example on every page":      {func(int) string { return envelope(25, 3, row) }, 6, true},
		"a full page for ever":                      {func(int) string { return whole(slices.Repeat([]string{row}, 100)...) }, 2, true},
		"a page for ever that says there are many":  {func(int) string { return envelope(1e8, 1e6, slices.Repeat([]string{row}, 100)...) }, 4, false},
		"a million pages of which one has anything": {func(n int) string { return envelope(1e8, 1e6, slices.Repeat([]string{row}, max(0, 200-n*100))...) }, 4, false},
		"empty, and says there are many pages":      {func(int) string { return envelope(0, 1e6) }, 1, true},
		"other records on every page, for ever":     {func(n int) string { return envelope(n, n+1, cdr(map[string]any{"call_uuid": strconv.Itoa(n)})) }, verimor.MostPages + 1, false},
	} {
		bubble(t, func(t *testing.T) {
			asked := 0
			c := client(t, roundTrip(func(req *http.Request) string {
				asked++
				n, _ := strconv.Atoi(req.URL.Query().Get("page"))
				return tc.served(n)
			}))
			_, err := keys(t.Context(), c, lastHour())
			if (err == nil) != tc.whole || err != nil && !errors.Is(err, ingest.ErrForeign) || asked > tc.pages {
				t.Errorf("%s: %d questions, %v; want at most %d, and an end without error: %t", name, asked, err, tc.pages, tc.whole)
			}
		})
	}
}

// roundTrip is a transport that makes its answer when it is asked.
type roundTrip func(req *http.Request) string

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	return answering(f(req)).RoundTrip(req)
}

func TestALaterPageIsTriedAgain(t *testing.T) {
	const html = "<html>Bakım</html>"
	for name, tc := range map[string]struct {
		bad    []int // questions that fail
		asked  string
		waited time.Duration
		fails  bool
	}{
		"the first page is not":       {[]int{1}, "1", 0, true},
		"the second page once":        {[]int{2}, "1 2 2 3", time.Second, false},
		"the second page twice":       {[]int{2, 3}, "1 2 2 2 3", 3 * time.Second, false},
		"the second page three times": {[]int{2, 3, 4}, "1 2 2 2", 3 * time.Second, true},
		"each page has its tries":     {[]int{2, 3, 5, 6}, "1 2 2 2 3 3 3", 6 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				v := &vendor{ids: numbered("call", 250), fault: func(n int) string {
					if slices.Contains(tc.bad, n) {
						return html
					}
					return ""
				}}
				began := time.Now()
				got, err := keys(t.Context(), client(t, v), lastHour())
				if v.pagesAsked() != tc.asked || time.Since(began) != tc.waited || (err != nil) != tc.fails || err == nil && len(got) != 250 {
					t.Errorf("pages %s, after %s, %d records, %v; want %s, %s", v.pagesAsked(), time.Since(began), len(got), err, tc.asked, tc.waited)
				}
				if err != nil && !errors.Is(err, ingest.ErrForeign) {
					t.Error(err)
				}
			})
		})
	}
}

func TestAListShorterThanItsCountIsAskedForOnceMore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &vendor{ids: numbered("call", 5), fault: func(n int) string {
			if n == 1 {
				return envelope(5, 1, cdr(map[string]any{"call_uuid": "call-0"}))
			}
			return ""
		}}
		if got, err := keys(t.Context(), client(t, v), lastHour()); err != nil || len(got) != 5 || v.pagesAsked() != "1 1" {
			t.Errorf("%d records, %v, pages %s; want all 5", len(got), err, v.pagesAsked())
		}
		v.fault = func(int) string { return envelope(5, 1, cdr(nil)) }
		if got, err := keys(t.Context(), client(t, v), lastHour()); err != nil || len(got) != 1 {
			t.Errorf("%d records, %v; want the one that is listed again", len(got), err)
		}
	})
}

func TestARefusalIsNotTriedAgain(t *testing.T) {
	var limited *ingest.RateLimitError
	for name, tc := range map[string]struct {
		status int
		body   string
		is     func(error) bool
	}{
		"the key":    {400, "Gecersiz anahtar: " + key, is(ingest.ErrCredentials)},
		"401":        {401, "", is(ingest.ErrCredentials)},
		"429":        {429, "", func(err error) bool { return errors.As(err, &limited) && limited.After == 0 }},
		"a redirect": {302, "", func(err error) bool { return err != nil }},
		"another 400": {400, "date range cannot be longer than 31 days", func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "31 days") && !errors.Is(err, ingest.ErrCredentials) && !errors.Is(err, ingest.ErrForeign)
		}},
	} {
		bubble(t, func(t *testing.T) {
			began := time.Now()
			v := &vendor{ids: numbered("call", 250)}
			c := client(t, transport(func(req *http.Request) (*http.Response, error) {
				resp, err := v.RoundTrip(req)
				if len(v.asked) == 2 {
					resp.StatusCode, resp.ContentLength = tc.status, int64(len(tc.body))
					resp.Body = io.NopCloser(strings.NewReader(tc.body))
				}
				return resp, err
			}))
			got, err := keys(t.Context(), c, lastHour())
			if !tc.is(err) || len(got) != 100 || v.pagesAsked() != "1 2" || time.Since(began) > 0 {
				t.Errorf("%s: %d records, pages %s, %v", name, len(got), v.pagesAsked(), err)
			}
		})
	}
}

type transport func(req *http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestAReadingStopsWhenItIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &vendor{ids: numbered("call", 250)}
		for range client(t, v).CDRs(t.Context(), lastHour()) {
			break
		}
		if v.pagesAsked() != "1" {
			t.Errorf("pages %s though the caller stopped at the first", v.pagesAsked())
		}
		ctx, cancel := context.WithCancel(t.Context())
		v = &vendor{ids: numbered("call", 250), fault: func(n int) string {
			if n == 2 {
				time.AfterFunc(500*time.Millisecond, cancel)
				return "<html>"
			}
			return ""
		}}
		began := time.Now()
		if _, err := keys(ctx, client(t, v), lastHour()); !errors.Is(err, context.Canceled) || time.Since(began) != 500*time.Millisecond {
			t.Errorf("%v after %s; want the pause cut short", err, time.Since(began))
		}
	})
}

func TestWhatIsAskedFor(t *testing.T) {
	v := &vendor{}
	var asked string
	c := client(t, transport(func(req *http.Request) (*http.Response, error) {
		asked = req.URL.String()
		return v.RoundTrip(req)
	}), func(cfg *verimor.Config) { cfg.URL = "http://pbx.example/switch/" })
	at := time.Date(2024, 5, 6, 10, 20, 0, 500, verimor.Istanbul)
	if _, err := keys(t.Context(), c, ingest.Window{From: at, To: at.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	want := "http://pbx.example/switch/cdrs?key=" + key +
		"&start_stamp_from=2024-05-06%2007%3A19%3A59%20UTC&start_stamp_to=2024-05-06%2008%3A20%3A02%20UTC&limit=100&page=1"
	if asked != want {
		t.Errorf("asked %s\nwant  %s", asked, want)
	}
}

func TestPiecesMakeUpTheWindow(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		from := time.Unix(rapid.Int64Range(1e9, 2e9).Draw(r, "from"), rapid.Int64Range(0, 1e9-1).Draw(r, "nanoseconds"))
		w := ingest.Window{From: from, To: from.Add(time.Duration(rapid.Int64Range(0, int64(400*24*time.Hour)).Draw(r, "long")))}
		v := &vendor{}
		next := w.To
		for page, err := range client(t, v).CDRs(t.Context(), w) {
			if err != nil {
				t.Fatal(err)
			}
			if p := page.Window; !p.To.Equal(next) || p.To.Before(p.From) {
				t.Fatalf("a page of %s to %s after one from %s", p.From, p.To, next)
			}
			next = page.Window.From
		}
		if !next.Equal(w.From) {
			t.Errorf("the pages of %s to %s begin at %s", w.From, w.To, next)
		}
		for _, q := range v.asked {
			from, errFrom := time.Parse("2006-01-02 15:04:05 UTC", q.Get("start_stamp_from"))
			to, errTo := time.Parse("2006-01-02 15:04:05 UTC", q.Get("start_stamp_to"))
			if errFrom != nil || errTo != nil || to.Sub(from) > 31*24*time.Hour || !from.Before(to) {
				t.Errorf("asked from %s to %s", q.Get("start_stamp_from"), q.Get("start_stamp_to"))
			}
		}
	})
	v := &vendor{}
	now := time.Now()
	if _, err := keys(t.Context(), client(t, v), ingest.Window{From: now, To: now.Add(-time.Hour)}); err != nil || len(v.asked) != 0 {
		t.Errorf("a window that runs backwards: %d questions, %v", len(v.asked), err)
	}
}
