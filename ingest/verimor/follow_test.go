package verimor_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/verimor"
)

// A switchboard lists the calls that were filed so far and began in the window asked for. It is a transport.
type switchboard struct {
	began     map[string]time.Time // of each call, by its id
	order     func(a, b call) int
	size      int    // of a page, whatever is asked for
	spoilt    int    // every so many-th row cannot be read; 0: none
	meanwhile func() // happens after each answer
	asked     int
}

type call struct {
	id    string
	began time.Time
}

// later orders calls by when they began, the newest first.
func later(a, b call) int {
	return cmp.Or(b.began.Compare(a.began), cmp.Compare(a.id, b.id))
}

// orders are those in which the vendor may list calls.
var orders = map[string]func(a, b call) int{
	"newest first": later,
	"oldest first": func(a, b call) int { return later(b, a) },
	"by id":        func(a, b call) int { return cmp.Compare(a.id, b.id) },
}

func (s *switchboard) RoundTrip(req *http.Request) (*http.Response, error) {
	s.asked++
	q := req.URL.Query()
	page, _ := strconv.Atoi(q.Get("page"))
	all := s.calls(bound(q, "start_stamp_from"), bound(q, "start_stamp_to"))
	slices.SortFunc(all, s.order)
	var rows []string
	for _, c := range all[min(len(all), (page-1)*s.size):min(len(all), page*s.size)] {
		end, duration := stamped(c.began.Add(31*time.Second)), "31"
		if s.spoilt > 0 && int(c.began.Unix())%s.spoilt == 0 {
			end, duration = "?", "?"
		}
		rows = append(rows, fmt.Sprintf(`{"call_uuid":%q,"start_stamp":%q,"end_stamp":%q,"duration":%q,"direction":"Gelen"}`,
			c.id, stamped(c.began), end, duration))
	}
	answer := limited(len(all), (len(all)+s.size-1)/s.size, s.size, rows...)
	if s.meanwhile != nil {
		s.meanwhile()
	}
	return answering(answer).RoundTrip(req)
}

func bound(q url.Values, name string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05 UTC", q.Get(name))
	if err != nil {
		panic(err)
	}
	return t
}

func stamped(t time.Time) string { return t.Format("2006-01-02 15:04:05 -0700") }

// calls returns those that began from then to then, in no order.
func (s *switchboard) calls(from, to time.Time) (all []call) {
	for id, began := range s.began {
		if !began.Before(from) && !began.After(to) {
			all = append(all, call{id, began})
		}
	}
	return all
}

// newest returns the ids of the newest calls in w, so many of them if there are.
func (s *switchboard) newest(w ingest.Window, count int) (ids []string) {
	all := s.calls(w.From, w.To)
	slices.SortFunc(all, later)
	for _, c := range all[:min(count, len(all))] {
		ids = append(ids, c.id)
	}
	return ids
}

// file files calls that began within some time before at. Ids are in no order.
func (s *switchboard) file(calls int, at time.Time, within time.Duration, dice *rand.Rand) {
	for range calls {
		began := at.Add(-time.Duration(dice.Int64N(int64(within/time.Second)+1)) * time.Second)
		s.began[fmt.Sprintf("%08x-%d", dice.Uint32(), len(s.began))] = began
	}
}

// newKeys reads what is new in w and returns the keys, and the error it ended with.
func newKeys(ctx context.Context, c *verimor.Client, w ingest.Window) (all map[string]bool, err error) {
	all = map[string]bool{}
	for page, pageErr := range c.NewCDRs(ctx, w) {
		if pageErr != nil {
			err = pageErr
		}
		for _, r := range page.Records {
			all[r.Key] = true
		}
	}
	return all, err
}

// polled is the window of a poll at, as the worker asks when it read last at read.
func polled(at, read time.Time) ingest.Window {
	return ingest.Window{From: read.Add(-15 * time.Minute), To: at.Add(2 * time.Minute)}
}

// still returns those of ids whose calls are in w.
func (s *switchboard) still(ids []string, w ingest.Window) []string {
	return slices.DeleteFunc(ids, func(id string) bool { return !w.Contains(s.began[id]) })
}

// stop takes the first page of a reading and no more.
func stop(reading iter.Seq2[ingest.Page, error]) {
	for range reading {
		return
	}
}

// without returns those of ids that were not got.
func without(ids []string, got map[string]bool) (missing []string) {
	for _, id := range ids {
		if !got[id] {
			missing = append(missing, id)
		}
	}
	return missing
}

// TestNothingNewIsMissed polls a switchboard that files calls whenever it likes, newest ones and ones in the middle, also
// between two pages. The first reading has all that was there; each later one the newest half page at least, also what was
// among it at polls that failed since, and every call that began since the last reading that did not fail.
func TestNothingNewIsMissed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		size := rapid.IntRange(10, 100).Draw(r, "rows of a page")
		s := &switchboard{
			began: map[string]time.Time{}, size: size,
			order: orders[rapid.SampledFrom(slices.Sorted(maps.Keys(orders))).Draw(r, "order")],
		}
		most := rapid.SampledFrom([]int{0, 2, size / 4, size, 2 * size}).Draw(r, "most calls between two polls")
		at, read := now, now
		file := func(most int) {
			s.file(dice.IntN(most+1), at, 30*time.Second, dice)
			s.file(dice.IntN(most/4+1), at, 16*time.Minute, dice)
		}
		s.file(dice.IntN(4*size+1), at, 15*time.Minute, dice)
		c := client(t, s)
		var due []string // from polls that failed
		for n := range 12 {
			file(most)
			w := polled(at, read)
			count := size / 2
			if n == 0 {
				count = len(s.began)
			}
			due = append(s.still(due, w), s.newest(w, count)...)
			due = append(due, s.newest(ingest.Window{From: read, To: at}, len(s.began))...)
			s.meanwhile = func() { file(size / 5) }
			if n > 0 && dice.IntN(4) == 0 {
				stop(c.NewCDRs(t.Context(), w))
			} else {
				got, err := newKeys(t.Context(), c, w)
				if err != nil {
					r.Fatal(err)
				}
				if missing := without(due, got); len(missing) > 0 {
					r.Fatalf("poll %d read %d records and missed %d of %d: %v", n, len(got), len(missing), len(due), missing)
				}
				due, read = nil, at
			}
			at = at.Add(time.Duration(5+dice.IntN(40)) * time.Second)
		}
	})
}

// steady polls every 15 s, and calls file in between. It returns how many requests each poll was.
func steady(t *testing.T, s *switchboard, polls int, file func(at time.Time)) (requests []int) {
	t.Helper()
	c := client(t, s)
	at, read := now, now
	for range polls {
		file(at)
		s.asked = 0
		w := polled(at, read)
		want := s.newest(w, s.size*9/10-1) // one stands for those that began in the same second
		got, err := newKeys(t.Context(), c, w)
		if missing := without(want, got); err != nil || len(missing) > 0 {
			t.Errorf("%d of the newest %d records were missed, %v", len(missing), len(want), err)
		}
		requests = append(requests, s.asked)
		read, at = at, at.Add(15*time.Second)
	}
	return requests
}

func TestAPollIsOneRequest(t *testing.T) {
	for name, order := range orders {
		for size, calls := range map[int]int{100: 4, 40: 1} {
			dice := rand.New(rand.NewPCG(1, 2))
			s := &switchboard{began: map[string]time.Time{}, size: size, order: order}
			s.file(225, now, 15*time.Minute, dice)
			requests := steady(t, s, 40, func(at time.Time) { s.file(calls, at, 4*time.Minute, dice) })
			if first := (225 + size - 1) / size; requests[0] < first || slices.Max(requests[1:]) > 1 {
				t.Errorf("%s, %d to a page: %v requests; want %d, and then one each", name, size, requests, first)
			}
		}
	}
}

func TestRowsThatCannotBeReadTakeTheirRoom(t *testing.T) {
	dice := rand.New(rand.NewPCG(13, 14))
	s := &switchboard{began: map[string]time.Time{}, size: 100, order: later, spoilt: 4}
	s.file(225, now, 15*time.Minute, dice)
	c := client(t, s)
	at, read := now, now
	for n := range 20 {
		s.asked = 0
		if _, err := newKeys(t.Context(), c, polled(at, read)); err != nil || n > 0 && s.asked != 1 {
			t.Errorf("poll %d: %d requests, %v; want one", n, s.asked, err)
		}
		read, at = at, at.Add(15*time.Second)
		s.file(4, at, time.Minute, dice)
	}
}

func TestARushIsReadWhole(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	s := &switchboard{began: map[string]time.Time{}, size: 100, order: later}
	c := client(t, s)
	at, read := now, now
	for _, tc := range []struct {
		calls, requests int
		after           time.Duration
	}{
		{60, 1, 15 * time.Second}, {60, 2, 15 * time.Second}, {10, 1, 15 * time.Second}, {320, 4, 5 * time.Minute},
		{10, 1, 15 * time.Second}, {30, 1, 15 * time.Second}, {45, 1, 15 * time.Second}, {4, 1, 15 * time.Second},
	} {
		at = at.Add(tc.after)
		s.file(tc.calls, at, tc.after, dice)
		s.asked = 0
		w := polled(at, read)
		got, err := newKeys(t.Context(), c, w)
		if missing := without(s.newest(w, tc.calls), got); err != nil || len(missing) > 0 || s.asked != tc.requests {
			t.Errorf("of %d new records %d were missed in %d requests, %v; want %d", tc.calls, len(missing), s.asked, err, tc.requests)
		}
		read = at
	}
}

func TestWhereAllFitsOnAPageAllIsRead(t *testing.T) {
	s := &switchboard{began: map[string]time.Time{}, size: 100, order: later}
	s.file(60, now, 15*time.Minute, rand.New(rand.NewPCG(5, 6)))
	c := client(t, s)
	w := polled(now, now)
	for range 3 {
		for page, err := range c.NewCDRs(t.Context(), w) {
			if err != nil || len(page.Records) != 60 || page.Window != w {
				t.Errorf("%d records of %v, %v; want 60 of %v", len(page.Records), page.Window, err, w)
			}
		}
	}
}

// TestOnlyAReadingTakenToItsEndCounts also has it that what was told before an error is told again.
func TestOnlyAReadingTakenToItsEndCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &switchboard{began: map[string]time.Time{}, size: 100, order: later}
		s.file(225, now, 15*time.Minute, rand.New(rand.NewPCG(7, 8)))
		broken := false
		c := client(t, transport(func(req *http.Request) (*http.Response, error) {
			if broken && req.URL.Query().Get("page") == "3" {
				return answering("<html>Bakım</html>").RoundTrip(req)
			}
			return s.RoundTrip(req)
		}))
		w := polled(now, now)
		stop(c.NewCDRs(t.Context(), w))
		broken = true
		if got, err := newKeys(t.Context(), c, w); !errors.Is(err, ingest.ErrForeign) || len(got) != 200 {
			t.Errorf("%d records, %v; want the first 200 and the error", len(got), err)
		}
		broken = false
		if got, err := newKeys(t.Context(), c, w); err != nil || len(got) != 225 {
			t.Errorf("%d records, %v; want all 225", len(got), err)
		}
		s.asked = 0
		if got, err := newKeys(t.Context(), c, w); err != nil || s.asked != 1 || len(got) > 100 {
			t.Errorf("then %d records in %d requests, %v; want one page", len(got), s.asked, err)
		}
	})
}

// TestAClockThatIsWrongHidesNothing has stamps that lead or lag, while the vendor's filter goes by the true time.
func TestAClockThatIsWrongHidesNothing(t *testing.T) {
	for _, zone := range []string{"+0000", "+0300", "+0600", "-0001", "-0010", "-0100", "-0300"} {
		dice := rand.New(rand.NewPCG(9, 10))
		s := &switchboard{began: map[string]time.Time{}, size: 100, order: later}
		c := client(t, transport(func(req *http.Request) (*http.Response, error) {
			resp, err := s.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return nil, err
			}
			return answering(strings.ReplaceAll(string(body), "+0000", zone)).RoundTrip(req)
		}))
		s.file(225, now, 15*time.Minute, dice)
		at, read := now, now
		for range 5 {
			w := polled(at, read)
			want := s.newest(w, 50)
			got, err := newKeys(t.Context(), c, w)
			if missing := without(want, got); err != nil || len(missing) > 0 {
				t.Errorf("stamps with %s: %d of the newest 50 were missed, %v", zone, len(missing), err)
			}
			read, at = at, at.Add(15*time.Second)
			s.file(4, at, time.Minute, dice)
		}
	}
}

func TestNewRecordsAndOldMayBeReadAtOnce(t *testing.T) {
	dice := rand.New(rand.NewPCG(11, 12))
	s := &switchboard{began: map[string]time.Time{}, size: 100, order: later}
	s.file(225, now, 15*time.Minute, dice)
	var mu sync.Mutex
	c := client(t, transport(func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		return s.RoundTrip(req)
	}))
	w := polled(now, now)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got, err := newKeys(t.Context(), c, w); err != nil || len(got) < 50 {
				t.Errorf("%d new records, %v", len(got), err)
			}
		})
		wg.Go(func() {
			if got, err := keys(t.Context(), c, w); err != nil || len(got) != 225 {
				t.Errorf("%d records, %v; want 225", len(got), err)
			}
		})
	}
	wg.Wait()
}
