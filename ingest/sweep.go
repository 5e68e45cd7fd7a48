package ingest

import "time"

const (
	// hotSpan is how far back the newest records are read at every poll. Calls that began earlier and were seen are
	// asked for by themselves when they are gone; what else is listed late, the sweep finds.
	hotSpan = 15 * time.Minute
	// ahead is how far into the future records are asked for: the PBX's clock may be ahead of ours.
	ahead = 2 * time.Minute
	// sweepChunk is how much of the look-back is read at a time.
	sweepChunk = time.Hour
	// sweepEvery is how often the whole look-back is read again.
	sweepEvery = 15 * time.Minute
)

// sweep plans which records to ask for: at every poll the newest, and bit by bit the whole look-back.
type sweep struct {
	lookback time.Duration
	began    time.Time // this pass over the look-back; zero before the first
	next     time.Time // the end of the chunk to read next; zero when the pass is done
	passes   int       // over the whole look-back so far
	hotRead  time.Time // when the newest were read last
}

// hot returns the window of the newest records. After an outage it reaches back to before it.
func (s *sweep) hot(now time.Time) Window {
	from := now.Add(-hotSpan)
	if !s.hotRead.IsZero() && s.hotRead.Before(now) {
		from = s.hotRead.Add(-hotSpan)
	}
	if oldest := now.Add(-s.lookback); from.Before(oldest) {
		from = oldest
	}
	return Window{from, now.Add(ahead)}
}

// chunk returns the part of the look-back to read next, and whether there is one.
func (s *sweep) chunk(now time.Time) (Window, bool) {
	if s.next.IsZero() && (s.began.IsZero() || now.Sub(s.began) >= sweepEvery) {
		s.began, s.next = now, now
	}
	if s.next.IsZero() {
		return Window{}, false
	}
	return Window{s.next.Add(-sweepChunk), s.next}, true
}

// done notes that the chunk was read.
func (s *sweep) done() {
	s.next = s.next.Add(-sweepChunk)
	if !s.next.After(s.began.Add(-s.lookback)) {
		s.next = time.Time{}
		s.passes++
	}
}

// first tells whether the look-back was never read whole: then the next chunk does not wait for the next poll.
func (s *sweep) first() bool {
	return s.passes == 0
}
