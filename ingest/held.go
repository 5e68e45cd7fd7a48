package ingest

import (
	"cmp"
	"slices"
	"time"
)

// held is a record of a call that is not published yet, and that is waited with: its vendor writes several rows for one
// call, and more may come; or it does not tell whether a person answered, and the detail will.
type held struct {
	rec    CDR
	since  time.Time // of our clock: when it last grew
	detail *Detail
}

// undecidedFor is how long a detail is waited for before a call is published as is most likely.
const undecidedFor = missedAfter

// hold notes rec, which is new, and tells whether it is to be waited with. If not, it returns what was told of its call
// meanwhile, nil when nothing was.
func (t *Tracker) hold(rec *CDR, at time.Time) (told *Detail, wait bool) {
	h := t.held[rec.Key]
	switch {
	case h == nil:
		h = &held{rec: *rec, since: at}
	case rec.Rows > h.rec.Rows:
		h.since = at
	}
	h.rec = *rec
	if t.ready(h) {
		delete(t.held, rec.Key)
		return h.detail, false
	}
	t.held[rec.Key] = h
	return nil, true
}

// ready tells whether h need not be waited with any longer.
func (t *Tracker) ready(h *held) bool {
	waited := t.now.Sub(h.since)
	if h.rec.Rows > 0 && waited < t.cfg.Settings.Settle {
		return false
	}
	return !h.rec.Undecided || h.detail != nil || !t.details() || waited >= undecidedFor
}

// details tells whether details are asked for at all.
func (t *Tracker) details() bool { return t.cfg.Details && t.cfg.Settings.CallFlow != NoFlow }

// release returns the records that were waited with and need not be any longer, by when their calls began.
func (t *Tracker) release() []*held {
	var out []*held
	for key, h := range t.held {
		if t.ready(h) {
			out = append(out, h)
			delete(t.held, key)
		}
	}
	slices.SortFunc(out, func(a, b *held) int { return byBegin(&a.rec, &b.rec) })
	return out
}

func byBegin(a, b *CDR) int {
	return cmp.Or(a.Call.StartedAt.Compare(*b.Call.StartedAt), cmp.Compare(a.Key, b.Key))
}
