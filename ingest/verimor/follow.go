package verimor

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/callbus/callbus/ingest"
)

// NewCDRs reads the records of the newest calls: of those that began in newest, and since the moment from which on the
// reading before left some room on a page. So it is one request for as long as not too much is new, whatever order the
// vendor lists records in, and several, read as [Client.CDRs] does, after an outage or when much is new at once. The first
// time it reads all of newest, and so it does where that fits on a page. Only a reading that was taken to its end
// counts as one.
//
// Every record that is among the newest half page of the PBX is in each reading; in ordinary times so are those among
// the newest nine tenths. A record that is filed deeper, of a long call, or changes there, is left to CDRs.
func (c *Client) NewCDRs(ctx context.Context, newest ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		r := newReading(c.front.part(newest))
		whole := c.read(ctx, r.window, func(l list, page ingest.Page, err error) bool {
			r.add(l, page)
			return yield(page, err)
		})
		if whole {
			c.front.advance(r)
		}
	}
}

// A front is where the newest records begin. It may be used concurrently.
type front struct {
	mu    sync.Mutex
	since time.Time // when the call of its first record began; zero: nothing was read yet
	rows  int       // that began since
}

// part returns the part of newest that is to be read: all of it where the front is outside, which it is also when the
// stamps of records and the vendor's filter are hours apart.
func (f *front) part(newest ingest.Window) ingest.Window {
	f.mu.Lock()
	defer f.mu.Unlock()
	if newest.From.Before(f.since) && !f.since.After(newest.To) {
		newest.From = f.since
	}
	return newest
}

// advance puts the front where as many records are behind it as leave room for those that will be new next time: for
// twice as many as were new this time, and a tenth of a page at least.
func (f *front) advance(r *reading) {
	f.mu.Lock()
	defer f.mu.Unlock()
	news := 0
	if !f.since.IsZero() {
		news = r.rows() - f.rows // or more, where the window moved on
	}
	room := min(max(r.limit/10, 2*news), r.limit/2)
	keep := max(r.limit-room-r.undated, r.limit/2, 1)
	f.since, f.rows = r.newest(keep)
}

// A reading is what the records of a window show of when their calls began.
type reading struct {
	window  ingest.Window
	limit   int                  // rows of a full page
	began   map[string]time.Time // by key; a record may be on two pages
	undated int                  // rows that could not be read, and calls that go on
}

func newReading(w ingest.Window) *reading {
	return &reading{window: w, limit: pageSize, began: map[string]time.Time{}}
}

func (r *reading) add(l list, page ingest.Page) {
	r.limit = min(r.limit, max(l.limit, 1))
	r.undated += len(l.rows) - len(page.Records)
	for _, record := range page.Records {
		if began := *record.Call.StartedAt; !began.Before(r.window.From) {
			r.began[record.Key] = began
		}
	}
}

func (r *reading) rows() int { return len(r.began) + r.undated }

// newest returns since when the newest records of calls began, so many of them or a few more, and how many rows are to be
// expected since then. Where there are not so many, it is since the beginning of the window.
func (r *reading) newest(keep int) (since time.Time, rows int) {
	if len(r.began) <= keep {
		return r.window.From, r.rows()
	}
	all := slices.SortedFunc(maps.Values(r.began), func(a, b time.Time) int { return b.Compare(a) })
	since = all[keep-1]
	for keep < len(all) && all[keep].Equal(since) {
		keep++
	}
	return since, keep + r.undated
}
