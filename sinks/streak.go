package sinks

import (
	"math"
	"slices"
)

// A streak tells an endpoint that fails from events that fail: the events that failed in a row, each counted once, with no
// delivery between. How many are enough depends on how many failed before: of an endpoint that takes all, three in a row
// say much; of one that refuses every other event, three in a row come all the time.
type streak struct {
	failed  []uint64 // sequences
	refused int      // of them
	share   float64  // of the events before them, those that failed
	before  int      // how many those were, up to longMemory
}

const (
	fewest = 3
	most   = 20
	// chance is that so many fail in a row by accident, after any event: where a tenth fails, about once in a million.
	chance = 1e-6
	// The share is that of the last events. The first ones weigh more, but none so much that a few say all.
	shortMemory = 20
	longMemory  = 50
)

// delivered returns the streak after an event was delivered: over.
func (s streak) delivered() streak {
	for range s.failed {
		s = s.counting(1)
	}
	s = s.counting(0)
	s.failed, s.refused = s.failed[:0], 0
	return s
}

// counting returns the streak with one more event in the share, 1 for one that failed.
func (s streak) counting(failed float64) streak {
	s.before = min(s.before+1, longMemory)
	s.share += (failed - s.share) / float64(max(s.before, shortMemory))
	return s
}

// with returns the streak after the event failed.
func (s streak) with(seq uint64, refused bool) streak {
	if slices.Contains(s.failed, seq) {
		return s
	}
	s.failed = append(s.failed, seq)
	if refused {
		s.refused++
	}
	return s
}

// enough returns what is wrong with the endpoint, "" if that is not said. Events that are under way may yet be delivered:
// a refusal is often faster than a delivery.
func (s streak) enough(underWay int) Fault {
	switch {
	case len(s.failed) < s.needed()+underWay:
		return ""
	case s.refused == len(s.failed):
		return OfEvent
	}
	return Passing
}

func (s streak) needed() int {
	if s.share == 0 {
		return fewest
	}
	return max(fewest, int(min(most, math.Ceil(math.Log(chance)/math.Log(s.share)))))
}
