package telsam

import (
	"sync"
	"time"

	"github.com/callbus/callbus/ingest"
)

// readingsKept bounds the memory of a clock. Only calls of a repeated hour are kept in it.
const readingsKept = 20_000

// clockSkew is how far the PBX's clock may be ahead of ours.
const clockSkew = 2 * time.Minute

// A clock reads the vendor's wall times. For a time that the wall showed twice it takes, in this order: what it took for
// this record before, what is not in the future, what lies in the window asked for, the earlier. A reading once taken is
// kept, because the same record is seen again in other windows, in which both readings lie.
type clock struct {
	zone *time.Location
	mu   sync.Mutex
	seen map[string]time.Time
}

func newClock(zone *time.Location) *clock {
	return &clock{zone: zone, seen: map[string]time.Time{}}
}

// read returns when the call of a record began: the record's key, its wall time, how long it lasted, the window and the
// moment it was asked for.
func (c *clock) read(key string, possible []time.Time, lasted time.Duration, w ingest.Window, at time.Time) time.Time {
	if len(possible) == 1 {
		return possible[0]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.seen[key]; ok {
		return t
	}
	t := choose(possible, lasted, w, at)
	c.keep(key, t)
	return t
}

func choose(possible []time.Time, lasted time.Duration, w ingest.Window, at time.Time) time.Time {
	best, bestScore := possible[0], -1
	for _, t := range possible {
		score := 0
		if !t.Add(lasted).After(at.Add(clockSkew)) {
			score += 2
		}
		if w.Contains(t) {
			score++
		}
		if score > bestScore {
			best, bestScore = t, score
		}
	}
	return best
}

// learn keeps the reading of a record that was published, perhaps before this process began.
func (c *clock) learn(key string, t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(key, t)
}

func (c *clock) keep(key string, t time.Time) {
	if len(c.seen) >= readingsKept {
		clear(c.seen)
	}
	c.seen[key] = t
}
