package sinks

import "time"

const (
	// mostParked is how many messages are given back at most because of an event that waits for its next attempt.
	mostParked = 10_000
	// triesOfHard is how many attempts of an event fail, while others are delivered, before it may be given up to make room:
	// over a minute and more. What failed less often is soon delivered, or fails that often: it is waited for.
	triesOfHard = 4
	// roomRest is the longest that nothing is fetched because too much waits, before it is looked again.
	roomRest = time.Second
)

// room returns how many messages may be fetched, of n that the lanes could soon take. When much waits that failed for little
// more than a minute, only what can come again is fetched, and nothing new: of that more would come to wait. Memory is bounded
// so, and nothing is given up that only a short trouble of the endpoint keeps.
func (p *Pump) room(n int, now time.Time) int {
	if p.parked < p.mostParked/2 {
		return n
	}
	soft, back, next := 0, 0, now.Add(roomRest)
	for _, c := range p.calls {
		if c.parked > 0 && !c.isHard() {
			soft += c.parked
		}
		for _, a := range c.away {
			switch {
			case !a.back.After(now):
				back++
			case a.back.Before(next):
				next = a.back
			}
		}
	}
	if soft < p.mostParked/2 {
		return n
	}
	if back == 0 {
		p.notBefore = next
	}
	return min(n, back)
}

// makeRoom condemns those that wait longest when too much waits for events that fail again and again.
func (p *Pump) makeRoom() {
	for p.parked > p.mostParked+p.condemned {
		var longest *call
		for _, c := range p.calls {
			if c.kept > 0 && !c.condemned && c.isHard() && (longest == nil || c.first().first.Before(longest.first().first)) {
				longest = c
			}
		}
		if longest == nil {
			return
		}
		longest.condemned = true
		p.condemned++
	}
}
