package sinks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// The keys of the backlog's state that a pump uses.
const (
	CircuitKey  = "circuit" // under which the circuit is kept: state, until, reason
	controlKey  = "control" // what somebody wants; see SetPaused
	retryPrefix = "retry."  // and a hash of the call: an entry
)

// An entry is what is kept of a call whose first event waits for another attempt, so that a restart forgets neither the
// attempts nor the order: the messages of it that were given back, of which the first is delivered first.
type entry struct {
	Call     string        `json:"call"`
	Waiting  []place       `json:"waiting"`
	Next     time.Time     `json:"next,omitzero"`
	Attempts int           `json:"attempts,omitempty"`
	Own      int           `json:"own,omitempty"`
	Refused  int           `json:"refused,omitempty"`
	First    time.Time     `json:"first,omitzero"`
	Last     time.Time     `json:"last,omitzero"`
	Spent    time.Duration `json:"spent_ns,omitempty"`
	Why      string        `json:"why,omitempty"`
	Status   int           `json:"status,omitempty"`
}

type place struct {
	Seq    uint64    `json:"seq"`
	Stored time.Time `json:"stored"`
}

func retryKey(call string) string { return retryPrefix + events.Hash("call", call) }

// entryOf returns what is to be kept of c, nil when nothing is, leaving out without if it is not nil. b is the clock of
// the budgets.
func entryOf(c *call, b budget, without *held) []byte {
	e := entry{Call: c.key}
	for _, a := range c.away {
		if a.kept {
			e.Waiting = append(e.Waiting, place{a.seq, a.stored})
		}
	}
	for _, h := range c.here {
		if h.kept && h != without {
			e.Waiting = append(e.Waiting, place{h.seq, h.msg.Stored()})
		}
	}
	if len(e.Waiting) == 0 {
		return nil
	}
	slices.SortFunc(e.Waiting, func(a, b place) int { return int(int64(a.Seq - b.Seq)) })
	if without == nil {
		t := c.first()
		e.Next, e.Attempts, e.Own, e.Refused, e.First, e.Last = c.next, t.n, t.own, t.refused, t.first, t.last
		e.Why, e.Status, e.Spent = t.why, t.status, 0
		if t.n > 0 {
			e.Spent = b.spent(t)
		}
	}
	text, _ := json.Marshal(e) // nothing in it can fail
	return text
}

// callFrom returns the call that was kept as text under key.
func callFrom(key string, text []byte) (*call, error) {
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("read what is kept under %s: %w", key, err)
	}
	if len(e.Waiting) == 0 || retryKey(e.Call) != key {
		return nil, errors.New("what is kept under " + key + " is not of a call that waits")
	}
	c := &call{key: strings.Clone(e.Call), next: e.Next, kept: len(e.Waiting)}
	for _, w := range e.Waiting {
		c.away = append(c.away, away{seq: w.Seq, stored: w.Stored, kept: true})
	}
	slices.SortFunc(c.away, func(a, b away) int { return int(int64(a.seq - b.seq)) })
	c.away = slices.CompactFunc(c.away, func(a, b away) bool { return a.seq == b.seq })
	c.kept = len(c.away)
	c.away[0].tries = tries{
		n: e.Attempts, own: e.Own, refused: e.Refused, first: e.First, last: e.Last, spent: max(0, e.Spent),
		sure: e.Attempts > 0, why: e.Why, status: e.Status,
	}
	return c, nil
}
