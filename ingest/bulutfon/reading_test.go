package bulutfon_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/ingest"
)

// at runs f in a bubble whose clock shows now.
func at(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sleepUntilNow()
		f(t)
	})
}

func back(from, to time.Duration) ingest.Window {
	return ingest.Window{From: now.Add(-from), To: now.Add(-to)}
}

func TestHowManyPagesAreRead(t *testing.T) {
	minute := every(1000, now, time.Minute) // ten full pages
	shuffled := slices.Clone(minute)
	shuffled[250], shuffled[251] = shuffled[251], shuffled[250]
	for name, tc := range map[string]struct {
		starts  []time.Time
		window  ingest.Window
		atMost  int
		asked   int
		records int
	}{
		"no calls: one":                                     {nil, back(time.Hour, 0), 0, 1, 0},
		"all on one page: one":                              {minute[:99], back(24*time.Hour, 0), 0, 1, 99},
		"a page filled to the last row: one more":           {minute[:100], back(24*time.Hour, 0), 0, 2, 100},
		"the newest quarter of an hour: one page beyond":    {minute, back(15*time.Minute, 0), 0, 2, 200},
		"three hours: one page beyond":                      {minute, back(3*time.Hour, 0), 0, 3, 300},
		"the past: all newer ones on the way":               {minute, back(10*time.Hour, 9*time.Hour), 0, 8, 260},
		"everything: to the end, which is full":             {minute, back(24*time.Hour, 0), 0, 11, 1000},
		"a vendor that gives fewer rows than it is asked":   {minute[:45], back(24*time.Hour, 0), 20, 3, 45},
		"a future newer than the window: nothing of it":     {minute[:10], back(24*time.Hour, time.Hour), 0, 1, 0},
		"two rows out of order: every page there is":        {shuffled, back(3*time.Hour, 0), 0, 11, 1000},
		"out of order after the window: it does not matter": {shuffled, back(15*time.Minute, 0), 0, 2, 200},
		"oldest first: every page there is":                 {reversed(minute), back(15*time.Minute, 0), 0, 11, 1000},
		"oldest first, one row a page: every page":          {reversed(minute[:30]), back(5*time.Minute, 0), 1, 31, 30},
		"all in one moment: every page there is":            {every(250, now.Add(-time.Minute), 0), back(time.Hour, 0), 0, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			at(t, func(t *testing.T) {
				v := &vendor{starts: tc.starts, atMost: tc.atMost}
				pages, err := read(t, client(t, distinct{v}), tc.window)
				if got := len(keys(pages)); err != nil || len(v.asked) != tc.asked || got != tc.records {
					t.Errorf("asked %d times for %d records, %v; want %d and %d", len(v.asked), got, err, tc.asked, tc.records)
				}
			})
		})
	}
}

func reversed(all []time.Time) []time.Time {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

func TestWhatIsAskedFor(t *testing.T) {
	at(t, func(t *testing.T) {
		for back, limit := range map[time.Duration]string{
			0: "hour", 15 * time.Minute: "hour", 50 * time.Minute: "hour", time.Hour: "day", 23 * time.Hour: "day",
			24 * time.Hour: "month", 27 * 24 * time.Hour: "month", 28 * 24 * time.Hour: "", 3 * 365 * 24 * time.Hour: "",
		} {
			v := &vendor{starts: every(150, now, time.Second)}
			if _, err := read(t, client(t, v), ingest.Window{From: now.Add(-back), To: now}); err != nil {
				t.Fatal(err)
			}
			for i, q := range v.asked {
				if q.Get("access_token") != "correct-horse-battery" || q.Get("limit") != "100" || q.Get("page") != string(rune('1'+i)) ||
					q.Get("order") != "call_time,desc" || q.Get("time_limit") != limit || q.Has("time_limit") != (limit != "") {
					t.Errorf("%s back, page %d: %v; want time_limit %q", back, i+1, q, limit)
				}
			}
		}
	})
}

func TestAPageClaimsWhatNoOtherPageCanHold(t *testing.T) {
	at(t, func(t *testing.T) {
		w := back(200*time.Minute, time.Minute)
		pages, err := read(t, client(t, &vendor{starts: every(1000, now, time.Minute)}), w)
		if err != nil || len(pages) != 4 {
			t.Fatalf("%d pages, %v; want 4", len(pages), err)
		}
		to := w.To
		for i, p := range pages[:3] {
			from := now.Add(-time.Duration(i*100+99) * time.Minute).Add(1)
			if from.Before(w.From) {
				from = w.From
			}
			if p.Window != (ingest.Window{From: from, To: to}) {
				t.Errorf("page %d claims %v, want from %s to %s", i+1, p.Window, from, to)
			}
			to = from
		}
		if pages[3].Window != (ingest.Window{}) {
			t.Errorf("the page beyond claims %v, want nothing", pages[3].Window)
		}
	})
}

func TestAListInAnotherOrderClaimsNothingUnlessItIsOnePage(t *testing.T) {
	at(t, func(t *testing.T) {
		starts := reversed(every(150, now, time.Minute))
		pages, err := read(t, client(t, &vendor{starts: starts}), back(time.Hour, 0))
		if err != nil || len(pages) != 2 || pages[0].Window != (ingest.Window{}) || pages[1].Window != (ingest.Window{}) {
			t.Errorf("%d pages, %v, claiming %v; want 2 that claim nothing", len(pages), err, pages)
		}
		pages, err = read(t, client(t, &vendor{starts: starts[60:]}), back(time.Hour, 0))
		if err != nil || len(pages) != 1 || pages[0].Window != back(time.Hour, 0) {
			t.Errorf("%d pages, %v, claiming %v; want 1 that claims all", len(pages), err, pages)
		}
	})
}

// TestNothingIsLeftOut lists any calls, newest or oldest first, on pages of any size, while new ones arrive: whatever was listed
// when the reading began is read, and each page keeps what it claims.
func TestNothingIsLeftOut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(rt, "calls")
		var starts []time.Time
		for range n {
			starts = append(starts, now.Add(-time.Duration(rapid.IntRange(0, 40).Draw(rt, "minutes"))*time.Minute))
		}
		slices.SortFunc(starts, func(a, b time.Time) int { return b.Compare(a) })
		for i := range starts { // no two alike
			starts[i] = starts[i].Add(-time.Duration(i) * time.Millisecond)
		}
		oldestFirst := rapid.Bool().Draw(rt, "oldest first")
		if oldestFirst {
			slices.Reverse(starts)
		}
		before := slices.Clone(starts)
		arriving := rapid.IntRange(0, 2).Draw(rt, "arriving")
		v := &vendor{starts: starts, atMost: rapid.IntRange(3, 20).Draw(rt, "page"), before: func(v *vendor, n int) {
			for i := range min(arriving, max(10-n, 0)) {
				place := map[bool]int{true: len(v.starts)}[oldestFirst]
				v.starts = slices.Insert(v.starts, place, now.Add(time.Duration(n*10+i)*time.Millisecond))
			}
		}}
		w := back(time.Duration(rapid.IntRange(0, 45).Draw(rt, "from"))*time.Minute, 0)
		w.To = now.Add(time.Minute)
		pages, err := read(t, client(t, v), w)
		if err != nil {
			rt.Fatal(err)
		}
		seen := map[string]bool{}
		for _, p := range pages {
			for _, r := range p.Records {
				seen[r.Key] = true
			}
			for _, s := range before {
				if !p.Window.From.IsZero() && p.Window.Contains(s) && !seen[idAt(s)] {
					rt.Errorf("a page claims %v and leaves out %s", p.Window, s)
				}
			}
		}
		for _, s := range before {
			if w.Contains(s) && !seen[idAt(s)] {
				rt.Errorf("%s is left out", s)
			}
		}
	})
}

func TestRowsPushedToALaterPageAreRead(t *testing.T) {
	at(t, func(t *testing.T) {
		starts := every(200, now.Add(-time.Minute), time.Second)
		v := &vendor{starts: starts, before: func(v *vendor, n int) {
			if n == 2 { // after the first page said that there are two
				v.starts = slices.Insert(v.starts, 0, every(7, now, time.Second)...)
			}
		}}
		pages, err := read(t, client(t, v), back(30*time.Minute, 0))
		if got := len(keys(pages)); err != nil || got != 200 || len(v.asked) != 3 {
			t.Errorf("%d records of %d requests, %v; want 200 of 3", got, len(v.asked), err)
		}
	})
}

func TestALaterPageIsAskedForAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		again  bool
	}{
		"an error of the server":    {503, "", true},
		"a page of a proxy":         {200, "<html>", true},
		"a body cut short":          {200, `{"cdrs":[`, true},
		"the page before once more": {200, (&vendor{starts: every(300, now, time.Second)}).page(1, 100), true},
		"refused credentials":       {401, "", false},
		"an expired token":          {200, `{"error":"Token expired"}`, false},
		"too many requests":         {429, "", false},
		"a bad request":             {400, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			at(t, func(t *testing.T) {
				failing := 2
				v := &vendor{starts: every(250, now, time.Second), instead: func(n int) (int, string) {
					if n >= 2 && n < 2+failing {
						return tc.status, tc.body
					}
					return 0, ""
				}}
				pages, err := read(t, client(t, v), back(time.Hour, 0))
				if took := time.Since(now); tc.again && (err != nil || len(keys(pages)) != 250 || len(v.asked) != 5 || took != 3*time.Second) {
					t.Errorf("%d requests in %s for %d records, %v; want 5 in 3s for all", len(v.asked), took, len(keys(pages)), err)
				}
				if !tc.again && (err == nil || len(v.asked) != 2 || len(pages) != 1) {
					t.Errorf("%d requests, %v; want an error of the second", len(v.asked), err)
				}
				failing, v.asked = 3, nil
				if _, err := read(t, client(t, v), back(time.Hour, 0)); tc.again && (err == nil || len(v.asked) != 4) {
					t.Errorf("%d requests, %v; want an error of the fourth", len(v.asked), err)
				}
			})
		})
	}
}

func TestTheFirstPageIsNotAskedForAgain(t *testing.T) {
	v := &vendor{instead: func(int) (int, string) { return 503, "" }}
	if _, err := read(t, client(t, v), back(time.Hour, 0)); err == nil || len(v.asked) != 1 {
		t.Errorf("%d requests, %v; want an error of one", len(v.asked), err)
	}
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	at(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		v := &vendor{starts: every(250, now, time.Second), instead: func(n int) (int, string) { return map[bool]int{true: 503}[n > 1], "" }}
		var last error
		for _, err := range client(t, v).CDRs(ctx, back(time.Hour, 0)) {
			last = err
		}
		if !errors.Is(last, context.DeadlineExceeded) || time.Since(now) != 500*time.Millisecond {
			t.Errorf("%v after %s; want %v after half a second", last, time.Since(now), context.DeadlineExceeded)
		}
	})
}

// Each page of it is newer than the last, and there is always another.
func TestAReadingOfAnEndlessListEnds(t *testing.T) {
	v := &vendor{}
	v.instead = func(n int) (int, string) {
		return 200, strings.Replace(whole(rowAt(now.Add(time.Duration(n)*time.Second))), `"page":1,"total_count":1,"total_pages":1`, `"total_pages":1000000`, 1)
	}
	pages, err := read(t, client(t, v), ingest.Window{From: now, To: now.Add(1000 * time.Hour)})
	if !errors.Is(err, ingest.ErrForeign) || len(pages) != 20_000 {
		t.Errorf("%d pages, %v; want 20000 and %v", len(pages), err, ingest.ErrForeign)
	}
}

func TestAVendorThatDoesNotKnowPagesIsFoundOut(t *testing.T) {
	at(t, func(t *testing.T) {
		same := strings.Replace((&vendor{starts: every(300, now, time.Second)}).page(1, 100), `"page":1,`, ``, 1)
		v := &vendor{instead: func(int) (int, string) { return 200, same }}
		pages, err := read(t, client(t, v), back(time.Hour, 0))
		if !errors.Is(err, ingest.ErrForeign) || len(pages) != 1 || len(v.asked) != 4 {
			t.Errorf("%d pages of %d requests, %v; want 1 of 4 and %v", len(pages), len(v.asked), err, ingest.ErrForeign)
		}
	})
}

func TestAReaderMayStopEarly(t *testing.T) {
	v := &vendor{starts: every(300, now, time.Second)}
	for range client(t, v).CDRs(t.Context(), back(time.Hour, 0)) {
		break
	}
	if len(v.asked) != 1 {
		t.Errorf("%d requests, want 1", len(v.asked))
	}
}
