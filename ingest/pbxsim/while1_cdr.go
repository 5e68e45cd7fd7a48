package pbxsim

import (
	"slices"
	"time"
)

const while1Page = 100 // rows, at most

// while1Listed is a row on a page, and what the log knows of it beyond.
type while1Listed struct {
	while1Row
	id        int
	recovered bool
}

func (v *While1) cdrs(q request, ask *phpArray) reply {
	if action := ask.text("action"); action != "read" && (v.cfg.NeedRead || action != "") {
		return while1Error("Invalid action: " + action)
	}
	f, complaint := while1Question(ask)
	if complaint != "" {
		return while1Error(complaint)
	}
	now := v.clock()
	rows, count := v.listed(f, now)
	list := newRows(4 * len(rows)) // a row is longer than Telsam's
	form := v.formOf(q)
	for _, row := range rows {
		list.add(func(b []byte) []byte { return v.appendRow(b, q, form, row, now) })
	}
	return v.list(q, form, list, f.page, count)
}

// listed returns the rows of one page, and how many there are on all.
func (v *While1) listed(f while1Filter, now time.Time) (rows []while1Listed, count int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.extend(&v.log, now)
	l := &v.log
	var found []int
	for i := f.first(l, v.cfg.Skew); i < len(l.rows); i++ {
		if row := &l.rows[i]; !row.visible.After(now) && f.takes(v, row, now) {
			found = append(found, i)
		}
	}
	if v.cfg.Newest {
		slices.Reverse(found)
	}
	count = len(found)
	for _, i := range found[min(count, (f.page-1)*while1Page):min(count, f.page*while1Page)] {
		at, ok := l.recovered[l.rows[i].call.N]
		rows = append(rows, while1Listed{l.rows[i], l.id(i), ok && !at.After(now)})
	}
	return rows, count
}
