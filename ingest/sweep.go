package ingest

import "time"

const (
	// hotSpan is how far back the newest records are read at every poll. Calls that began earlier and were seen are
	// asked for by themselves when they are gone; what else is listed late, the sweep finds.
	hotSpan = 15 * time.Minute
	// ahead is how far into the future records are asked for: the PBX's clock may be ahead of ours.
	ahead = 2 * time.Minute
	// sweepEvery is how often the whole look-back is read again.
	sweepEvery = 15 * time.Minute
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

// sweep plans how the whole look-back is read, bit by bit, newest first, and again when it is time.
type sweep struct {
	lookback time.Duration
	span     time.Duration // how much is read at a time; 0: all of it
	began    time.Time     // this pass over the look-back; zero before the first
	next     time.Time     // the end of the chunk to read next; zero when the pass is done
}

// chunk returns the part of the look-back to read next, and whether there is one.
func (s *sweep) chunk(now time.Time) (Window, bool) {
	if s.next.IsZero() && (s.began.IsZero() || now.Sub(s.began) >= sweepEvery) {
		s.began, s.next = now, now
	}
	if s.next.IsZero() {
		return Window{}, false
	}
	oldest := s.began.Add(-s.lookback)
	from := s.next.Add(-s.span)
	if s.span == 0 || from.Before(oldest) {
		from = oldest
	}
	return Window{from, s.next}, true
}

// done notes that the chunk was read.
func (s *sweep) done() {
	s.next = s.next.Add(-s.span)
	if s.span == 0 || !s.next.After(s.began.Add(-s.lookback)) {
		s.next = time.Time{}
	}
}

// due returns when the next pass begins, if this one is done.
func (s *sweep) due() time.Time { return s.began.Add(sweepEvery) }
