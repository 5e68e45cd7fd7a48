package bulutfon

import "time"

// starts are those of the rows of a page, in its order.
type starts struct {
	newest, oldest time.Time
	last           time.Time
	descending     bool // none is later than the one before
}

func newStarts() starts { return starts{descending: true} }

// add takes in the start of the next row; the zero time is that of a row that does not say.
func (s *starts) add(t time.Time) {
	if t.IsZero() {
		return
	}
	if !s.known() {
		s.newest, s.oldest, s.last = t, t, t
		return
	}
	s.descending = s.descending && !t.After(s.last)
	s.last = t
	if t.After(s.newest) {
		s.newest = t
	}
	if t.Before(s.oldest) {
		s.oldest = t
	}
}

// known tells whether any row says when its call began.
func (s *starts) known() bool { return !s.newest.IsZero() }
