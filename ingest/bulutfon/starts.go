package bulutfon

import (
	"slices"
	"time"
)

// starts are those of the rows of a page, in its order.
type starts struct {
	all            []time.Time
	newest, oldest time.Time
	rises, falls   bool // one is later than the one before, or earlier
}

// add takes in the start of the next row; the zero time is that of a row that does not say.
func (s *starts) add(t time.Time) {
	if t.IsZero() {
		return
	}
	if !s.known() {
		s.newest, s.oldest = t, t
	} else {
		before := s.all[len(s.all)-1]
		s.rises, s.falls = s.rises || t.After(before), s.falls || t.Before(before)
	}
	s.all = append(s.all, t)
	if t.After(s.newest) {
		s.newest = t
	}
	if t.Before(s.oldest) {
		s.oldest = t
	}
}

// known tells whether any row says when its call began.
func (s *starts) known() bool { return len(s.all) > 0 }

// rise tells whether s, the page after before, begins with a row later than the last of before. One that stood on before
// was pushed on by new ones, and is none.
func (s *starts) rise(before starts) bool {
	return s.known() && before.known() && s.newest.After(before.oldest) && !slices.ContainsFunc(before.all, s.newest.Equal)
}
