package pbxsim

import (
	"slices"
	"sort"
	"sync"
	"time"
)

// ledger remembers of each call when it began and when its record appears, so that the newest page of a long list
// costs a glance at its lines, and not a look at every call. It follows the world: it is no second truth.
type ledger struct {
	world   *World
	records Records
	keeps   func(*Call) bool // which calls have a record at all

	mu    sync.Mutex
	first int // the number of the call of lines[0]
	lines []line
	open  []int // the numbers of calls that had not ended, and may yet be hung up
}

// line is one call. Times are in nanoseconds since 1970.
type line struct {
	began, appears int64
	rows           int // 0 for a call without a record, 2 where a row for no call stands beside it
}

func newLedger(w *World, r Records, keeps func(*Call) bool) *ledger {
	return &ledger{world: w, records: r, keeps: keeps}
}

// entries returns the rows of the page from the list of all calls that began in the span, and counts the list.
func (l *ledger) entries(p *paging, from, to, now time.Time, ascending bool) []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follow(now)
	low := sort.Search(len(l.lines), func(i int) bool { return l.lines[i].began >= from.UnixNano() })
	high := sort.Search(len(l.lines), func(i int) bool { return l.lines[i].began > to.UnixNano() })
	var page []entry
	for i := range max(0, high-low) {
		at := high - 1 - i
		if ascending {
			at = low + i
		}
		if l.lines[at].appears > now.UnixNano() {
			continue
		}
		for rows := l.lines[at].rows; rows > 0; rows-- {
			if !p.take() {
				continue
			}
			if c := l.world.numbered(l.first+at, now); c != nil { // it may be forgotten this very moment
				page = append(page, entry{c, rows == 2})
			}
		}
	}
	return page
}

// follow takes up what happened in the world since it was last called.
func (l *ledger) follow(now time.Time) {
	first, calls := l.world.since(l.first+len(l.lines), now)
	if gone := min(max(0, first-l.first), len(l.lines)); gone > 0 {
		l.lines = slices.Clone(l.lines[gone:])
	}
	l.first = max(l.first, first)
	still := l.open[:0]
	for _, n := range l.open {
		if c := l.world.numbered(n, now); n >= l.first && c != nil && !l.write(c, now) {
			still = append(still, n)
		}
	}
	l.open = still
	for _, c := range calls {
		l.lines = append(l.lines, line{})
		if !l.write(c, now) {
			l.open = append(l.open, c.N)
		}
	}
}

// write fills in the line of c, and tells whether it will never change.
func (l *ledger) write(c *Call, now time.Time) (final bool) {
	rec := l.records.of(c, l.world.cfg.Seed)
	entered := line{began: c.Start.UnixNano(), appears: rec.appears.UnixNano()}
	if l.keeps(c) {
		entered.rows = 1
		if rec.garbage {
			entered.rows = 2
		}
	}
	l.lines[c.N-l.first] = entered
	return !c.End.After(now)
}

// since returns the calls with number n and above that began at or before now, and the number of the oldest call that
// is not forgotten.
func (w *World) since(n int, now time.Time) (first int, calls []*Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(now)
	if len(w.chunks) == 0 {
		return 0, nil
	}
	first = w.chunks[0].calls[0].N
	for i := max(0, n-first) / chunkSize; i < len(w.chunks); i++ {
		for _, c := range w.chunks[i].calls {
			if c.N >= n && !c.Start.After(now) {
				calls = append(calls, c)
			}
		}
	}
	return first, calls
}
