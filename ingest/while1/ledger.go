package while1

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

const (
	// overlap is for how long an id that was seen is asked for again, and all after it: rows get their ids when they are
	// written and may be shown in another order, so that a lower one comes later.
	overlap = 2 * time.Minute
	// maxOverlap is how many ids at most are asked for again.
	maxOverlap = 500
	// kept is how long a call is remembered after its last row, to add another row to it.
	kept = time.Hour
	// maxKept bounds the calls that are remembered.
	maxKept = 5_000
)

// A ledger is what is remembered between two readings of new rows: how far the last went, and the rows of recent calls.
// The zero cursor is that of a ledger that knows nothing yet.
type ledger struct {
	mu     sync.Mutex
	cursor int64               // the greatest id that was read
	base   int64               // the greatest id that was seen so long ago that no lower one is to come
	recent map[int64]time.Time // the ids above base, and since when each is known to have been written
	calls  map[string]entry
	// covered is such that of every call that began after it, all rows that were written are in calls.
	covered time.Time
}

// An entry is what is known of one call. It is never changed, but replaced.
type entry struct {
	rows    calls
	touched time.Time // when a row was new
}

// news is what a reading adds to a ledger, once it was passed on.
type news struct {
	asked   time.Time // the reading
	cursor  int64
	ids     map[int64]time.Time // as recent has them
	calls   map[string]entry    // with every row, new and old
	covered time.Time           // zero leaves it as it is
}

func newLedger() *ledger {
	return &ledger{recent: map[int64]time.Time{}, calls: map[string]entry{}}
}

func newNews(asked time.Time) news {
	return news{asked: asked, ids: map[int64]time.Time{}, calls: map[string]entry{}}
}

// from returns the id from which rows are to be read; false when it is not known. The id
// itself was read before: an answer without it is one of a PBX that has begun to count anew.
func (l *ledger) from() (int64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cursor == 0 {
		return 0, false
	}
	from := l.base
	for _, e := range l.calls {
		for i := range e.rows {
			if e.rows[i].ongoing {
				from = min(from, e.rows[i].id) // the same row says later how it ended
			}
		}
	}
	return max(from, l.cursor-maxOverlap, 1), true
}

// news returns what is new in r, call by call, and which of these calls may have rows that are neither there nor in l.
func (l *ledger) news(r *reading) (n news, parts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = newNews(r.asked)
	n.cursor = r.greatest
	for known := range r.place {
		if _, seen := l.recent[known.id]; !seen && known.id > l.base {
			n.ids[known.id] = r.at
		}
	}
	for _, rows := range byCall(r.rows) {
		key := rows[0].linkedID
		e, known := l.calls[key]
		if !known && rows[0].id <= l.base {
			rows = slices.DeleteFunc(rows, func(f facts) bool { return f.id <= l.base }) // passed on long ago
		}
		merged, changed := merge(e.rows, rows)
		if !changed {
			continue
		}
		n.calls[key] = entry{merged, r.at}
		if !known && !beganAt(merged).After(l.covered) {
			parts = append(parts, key)
		}
	}
	slices.Sort(parts)
	return n, parts
}

// merge returns known with what rows add to it, and whether they do.
func merge(known, rows calls) (merged calls, changed bool) {
	merged = slices.Clone(known)
	for _, f := range rows {
		if !slices.ContainsFunc(merged, func(k facts) bool { return k.id == f.id && k.says(f) }) {
			merged, changed = replace(merged, f), true
		}
	}
	return merged, changed
}

// says tells whether f says the same as other, however it was written.
func (f facts) says(other facts) bool {
	if f.sum == other.sum {
		return true
	}
	f.sum, f.raw = other.sum, other.raw
	return reflect.DeepEqual(f, other)
}

// add takes in news that were passed on.
func (l *ledger) add(n news) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursor = max(l.cursor, n.cursor)
	maps.Copy(l.recent, n.ids)
	maps.Copy(l.calls, n.calls)
	if n.covered.After(l.covered) {
		l.covered = n.covered
	}
	l.advance(n.asked)
	l.forget(n.asked)
}

// advance raises base to the ids that were asked for again, all after them included, long enough after they were first
// seen. When that is counts, not how much time has passed: nobody may have asked since.
func (l *ledger) advance(asked time.Time) {
	for id, since := range l.recent {
		if asked.Sub(since) >= overlap {
			l.base = max(l.base, id)
			delete(l.recent, id)
		}
	}
}

// forget drops the calls of which nothing was heard for long, and the oldest of too many.
func (l *ledger) forget(at time.Time) {
	for key, e := range l.calls {
		lasts := slices.ContainsFunc(e.rows, func(f facts) bool { return f.ongoing })
		if at.Sub(e.touched) > kept && !lasts || at.Sub(e.touched) > neverEnded {
			l.drop(key)
		}
	}
	if len(l.calls) <= maxKept {
		return
	}
	keys := slices.SortedFunc(maps.Keys(l.calls), func(a, b string) int {
		return cmp.Or(l.calls[a].touched.Compare(l.calls[b].touched), cmp.Compare(a, b))
	})
	for _, key := range keys[:len(keys)-maxKept] {
		l.drop(key)
	}
}

func (l *ledger) drop(key string) {
	if began := beganAt(l.calls[key].rows); began.After(l.covered) {
		l.covered = began
	}
	delete(l.calls, key)
}

// reset makes l know nothing.
func (l *ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursor, l.base, l.covered = 0, 0, time.Time{}
	clear(l.recent)
	clear(l.calls)
}
