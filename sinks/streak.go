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
}

const (
	fewest  = 3
	most    = 20
	chance  = 0.001 // that so many fail in a row by accident
	novelty = 0.05  // what one more event weighs in the share
)

// delivered returns the streak after an event was delivered: over.
func (s streak) delivered() streak {
	for range s.failed {
		s.share += (1 - s.share) * novelty
	}
	return streak{failed: s.failed[:0], share: s.share * (1 - novelty)}
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
	if s.share < 0.05 {
		return fewest
	}
	return max(fewest, int(min(most, math.Ceil(math.Log(chance)/math.Log(s.share)))))
}
