package pbxsim

import "time"

// paging is the page of a list that was asked for. Pages are counted from 1.
type paging struct{ page, limit, total int }

// take counts one more row of the list, and tells whether it stands on the page.
func (p *paging) take() bool {
	at := p.total
	p.total++
	return at/p.limit == p.page-1
}

// pages is how many pages the whole list has.
func (p paging) pages() int { return (p.total + p.limit - 1) / p.limit }

// mismatch returns a paging and rows that do not belong together: rows are missing, or the total has more than the page
// shows although it is not full. Either way the page is shorter than the total says it must be.
func (p paging) mismatch(q request, list *rows) (paging, *rows) {
	n := len(list.ends)
	if n > 0 && (n >= p.limit || q.rng.IntN(2) == 0) {
		return p, list.first(q.rng.IntN(n))
	}
	p.total = (p.page-1)*p.limit + n + 1 + q.rng.IntN(p.limit-n)
	return p, list
}

// entry is a row that stands on a page: the record of a call, or the row for no call beside it.
type entry struct {
	call    *Call
	garbage bool
}

// entries returns the rows of the page, and counts the whole list. calls are those of the list in its order, which
// wanted tells apart from others once their record is listed; nil wants all. Rows for no call stand in lists of all.
// Lists of all in order of beginning are quicker had from a ledger.
func (r Records) entries(p *paging, calls []*Call, seed uint64, now time.Time, wanted func(*Call, record) bool) []entry {
	var page []entry
	for _, c := range calls {
		if !r.listed(c, seed, now) || wanted != nil && !wanted(c, r.of(c, seed)) {
			continue
		}
		if wanted == nil && r.GarbageRate > 0 && r.of(c, seed).garbage && p.take() {
			page = append(page, entry{c, true})
		}
		if p.take() {
			page = append(page, entry{c, false})
		}
	}
	return page
}

// listed is the same as asking whether the record of c has appeared, but rolls no dice for the many calls of long ago.
func (r Records) listed(c *Call, seed uint64, now time.Time) bool {
	since := now.Sub(c.End)
	if since < r.Lag.Min {
		return false
	}
	return since >= r.Lag.Max+r.LateLag.Max || !r.of(c, seed).appears.After(now)
}
