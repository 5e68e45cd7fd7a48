package sinks

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A call is what a pump knows of the events of one call that are not delivered: those in hand, and those that were given
// back and must come first when they are earlier. Both are in the order of the stream.
type call struct {
	key  string
	here []*held
	away []away
	next time.Time // before which its first event is not tried

	kept      int   // of its messages, those that its entry in the backlog's state names
	busy      bool  // it is being kept, and given back
	changed   bool  // what is to be kept of it differs from what is
	active    *held // of its messages, the one that is under way or closing
	condemned bool  // its first event is buried when it comes
	still     int   // of its messages in hand, those that no lane can have now
	parked    int   // of its messages, those that are away and named in its entry
	retrying  bool
}

// held is a message in hand.
type held struct {
	msg   Message
	seq   uint64
	call  *call
	phase phase
	kept  bool
	due   time.Time   // when it waits
	gone  atomic.Bool // it is no longer in hand
	tries
}

type phase int

const (
	queued   phase = iota // behind another, or nothing is sent
	ready                 // for a lane
	underWay              // in a lane, or in line for one
	waiting               // for its next attempt
	closing               // delivered, or given up: it remains to be noted
)

// away is a message that was given back.
type away struct {
	seq    uint64
	stored time.Time
	left   time.Time // when it was given back
	back   time.Time // when it can be fetched again
	kept   bool
	tries
}

// callOf returns what the order of an event is kept within: account and id, the last two tokens of its subject.
func callOf(subject string) string {
	id := strings.LastIndexByte(subject, '.')
	if id < 0 {
		return subject
	}
	return subject[strings.LastIndexByte(subject[:id], '.')+1:]
}

// add takes in a message, with what is known of it if it was here before.
func (c *call) add(m Message) *held {
	h := &held{msg: m, seq: m.Seq(), call: c}
	if i, found := slices.BinarySearchFunc(c.away, h.seq, func(a away, seq uint64) int { return cmp.Compare(a.seq, seq) }); found {
		h.kept, h.tries = c.away[i].kept, c.away[i].tries
		c.away = slices.Delete(c.away, i, i+1)
	}
	c.here = insert(c.here, h, bySeq)
	return h
}

// leave is for a message that is given back, for so long.
func (c *call) leave(h *held, now time.Time, wait time.Duration) {
	c.here = remove(c.here, h, bySeq)
	a := away{seq: h.seq, stored: h.msg.Stored(), left: now, back: now.Add(wait), kept: h.kept, tries: h.tries}
	c.away = insert(c.away, a, func(a, b away) int { return cmp.Compare(a.seq, b.seq) })
}

// isBlocked tells whether an event that was given back comes before those in hand.
func (c *call) isBlocked() bool {
	return len(c.away) > 0 && len(c.here) > 0 && c.away[0].seq < c.here[0].seq
}

// keptAway is how many of its messages are away and named in its entry.
func (c *call) keptAway() (n int) {
	for _, a := range c.away {
		if a.kept {
			n++
		}
	}
	return n
}

// isHard tells whether the call waits for an event that fails again and again while others are delivered.
func (c *call) isHard() bool { return c.first().own >= triesOfHard }

// first returns the attempts of the call's first event.
func (c *call) first() tries {
	if len(c.here) == 0 || c.isBlocked() {
		return c.away[0].tries
	}
	return c.here[0].tries
}

func bySeq(a, b *held) int { return cmp.Compare(a.seq, b.seq) }

func byDue(a, b *held) int { return cmp.Or(a.due.Compare(b.due), bySeq(a, b)) }

// byPatience orders what is sent to see whether an endpoint is back: what was tried least, and of that the oldest. An
// endpoint that takes all but the oldest event would else never be found to be back.
func byPatience(a, b *held) int { return cmp.Or(cmp.Compare(a.n, b.n), bySeq(a, b)) }

// insert keeps a list in order. Most lists have few elements, and most elements come last.
func insert[E any](list []E, e E, order func(a, b E) int) []E {
	if n := len(list); n == 0 || order(list[n-1], e) < 0 {
		return append(list, e)
	}
	i, _ := slices.BinarySearchFunc(list, e, order)
	return slices.Insert(list, i, e)
}

func remove[E any](list []E, e E, order func(a, b E) int) []E {
	if i, found := slices.BinarySearchFunc(list, e, order); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}
