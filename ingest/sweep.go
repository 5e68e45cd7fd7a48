package ingest

import "time"

const (
	// hotSpan is how far back the newest records are read at every poll. Calls that began earlier and were seen are
	// asked for by themselves when they are gone; what else is listed late, the sweep finds.
	hotSpan = 15 * time.Minute
	// ahead is how far into the future records are asked for: the PBX's clock may be ahead of ours.
	ahead = 2 * time.Minute
	// sweepEvery is how often the whole look-back is read again,
	sweepEvery = 15 * time.Minute
	// lately is the part of it in which most of what is listed late begins, or changes,
	lately = 30 * time.Minute
	// latelyEvery is how often that is.
	latelyEvery = 2 * time.Minute
)

// newest returns the window of the newest records. After an outage it reaches back to before it: read is when they were
// read last, zero if never.
func newest(now, read time.Time, lookback time.Duration) Window {
	from := now.Add(-hotSpan)
	if !read.IsZero() && read.Before(now) {
		from = read.Add(-hotSpan)
	}
	if oldest := now.Add(-lookback); from.Before(oldest) {
		from = oldest
	}
	return Window{from, now.Add(ahead)}
}

// sweep plans how a stretch of the past is read, bit by bit, newest first, and again when it is time.
type sweep struct {
	back  time.Duration // how far
	every time.Duration
	span  time.Duration // how much is read at a time; 0: all of it
	first time.Time     // when the first pass is due
	began time.Time     // this pass; zero before the first
	next  time.Time     // the end of the chunk to read next; zero when the pass is done
}

// chunk returns what to read next, and whether there is something.
func (s *sweep) chunk(now time.Time) (Window, bool) {
	if s.next.IsZero() && !now.Before(s.due()) {
		s.began, s.next = now, now
	}
	if s.next.IsZero() {
		return Window{}, false
	}
	oldest := s.began.Add(-s.back)
	from := s.next.Add(-s.span)
	if s.span == 0 || from.Before(oldest) {
		from = oldest
	}
	return Window{from, s.next}, true
}

// done notes that the chunk was read.
func (s *sweep) done() {
	s.next = s.next.Add(-s.span)
	if s.span == 0 || !s.next.After(s.began.Add(-s.back)) {
		s.next = time.Time{}
	}
}

// due returns when the next pass begins, if this one is done.
func (s *sweep) due() time.Time {
	if s.began.IsZero() {
		return s.first
	}
	return s.began.Add(s.every)
}

// sweeps are the two stretches that are read in turns: the whole look-back, and more often what began lately.
type sweeps struct {
	whole, recent sweep
	turn          bool // the recent one's
}

// newSweeps returns the plan of a worker that starts now, and reads the first of it after a delay.
func newSweeps(lookback, span time.Duration, now time.Time, delay time.Duration) *sweeps {
	s := &sweeps{
		whole:  sweep{back: lookback, every: sweepEvery, span: span, first: now.Add(delay)},
		recent: sweep{back: min(lately, lookback), every: latelyEvery, span: span},
	}
	s.recent.began = s.whole.first // the first pass over the whole begins with it
	return s
}

// chunk returns what to read next, whether there is something, and what to call when it was read.
func (s *sweeps) chunk(now time.Time) (w Window, done func(), due bool) {
	first, second := &s.whole, &s.recent
	if s.turn {
		first, second = second, first
	}
	for _, one := range []*sweep{first, second} {
		if w, due := one.chunk(now); due {
			return w, func() { one.done(); s.turn = one == &s.whole }, true
		}
	}
	return Window{}, nil, false
}

// due returns when there is something to read next.
func (s *sweeps) due() time.Time {
	if w, r := s.whole.due(), s.recent.due(); w.Before(r) {
		return w
	}
	return s.recent.due()
}
