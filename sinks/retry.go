package sinks

import (
	"errors"
	"fmt"
	"hash/fnv"
	"time"
)

// waits are the pauses between the attempts to deliver one event while others are delivered; the last one recurs.
var waits = []time.Duration{
	2 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

const (
	// shortWait is the longest that an event waits in memory; and what is above it in a longer wait is up to chance.
	shortWait = 15 * time.Second
	// refusedWait is how long a refused event waits for its second and last attempt.
	refusedWait = 10 * time.Second
	// triesOfRefused is how often an event is refused before it is given up.
	triesOfRefused = 2
)

// tries are the attempts made to deliver one event.
type tries struct {
	n       int // attempts that failed
	own     int // of them, those while others were delivered
	refused int // refusals of this event
	first   time.Time
	last    time.Time
	spent   time.Duration // of its budget, in earlier lives of the process
	mark    time.Duration // the clock of its budget when it was first tried in this one
	sure    bool          // others were delivered since it first failed, so that its failures are its own
	seen    uint64        // deliveries made when it first failed
	why     string        // the last failure
	status  int
	snippet string
}

// failed returns t after one more failure. deliveries is how many others there were so far.
func (t tries) failed(now time.Time, e *Error, b budget, deliveries uint64) tries {
	if t.n == 0 {
		t.first, t.mark, t.seen = now, b.mark(now), deliveries
	}
	t.sure = t.sure || deliveries > t.seen
	t.n++
	if e.Fault == OfEvent {
		t.refused++
	}
	t.last, t.why, t.status, t.snippet = now, e.Error(), e.Status, e.Snippet
	return t
}

// A verdict is what becomes of an event that failed while the endpoint takes others.
type verdict struct {
	bury string        // why it is given up; "" when it is not
	wait time.Duration // before the next attempt
}

// judge decides about an event that failed though the endpoint takes others, and that has spent so much of its budget.
func (t tries) judge(sink string, seq uint64, e *Error, spent, giveUp time.Duration) verdict {
	switch {
	case e.Fault == OfEvent && t.refused >= triesOfRefused:
		return verdict{bury: fmt.Sprintf("refused %d times: %s", t.refused, t.why)}
	case spent >= giveUp:
		return verdict{bury: fmt.Sprintf("not delivered in %d attempts over %s, in which others were: %s", t.n, giveUp, t.why)}
	case e.Fault == OfEvent:
		return verdict{wait: max(refusedWait, e.After)}
	}
	return verdict{wait: max(waitAfter(sink, seq, t.own), e.After)}
}

// waitAfter is how long an event waits after the n-th attempt. What is above 15 s is up to chance, so that what failed
// together does not come back together; but the chance of one event is the same in every run.
func waitAfter(sink string, seq uint64, n int) time.Duration {
	d := waits[min(max(n, 1), len(waits))-1]
	if d <= shortWait {
		return d
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d %d", sink, seq, n)
	x := h.Sum64() // of which the high bits hardly know the last letters
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return shortWait + time.Duration(float64(d-shortWait)*float64(x>>11)/(1<<53))
}

// A budget is a clock that runs while the endpoint takes events: it moves on when one is delivered, by the time since the
// one before. So an outage costs an event nothing, not even one that nobody noticed.
type budget struct {
	total time.Duration
	last  time.Time // delivery; zero when the circuit was opened since
}

func (b budget) delivered(now time.Time) budget {
	if !b.last.IsZero() {
		b.total += now.Sub(b.last)
	}
	b.last = now
	return b
}

// opened returns the clock when the circuit opens: it is unknown since when nothing was taken.
func (b budget) opened() budget {
	b.last = time.Time{}
	return b
}

// mark returns where the clock will stand for now, if another event is delivered later.
func (b budget) mark(now time.Time) time.Duration {
	if b.last.IsZero() {
		return b.total
	}
	return b.total + now.Sub(b.last)
}

// spent returns how much of its budget an event has spent.
func (b budget) spent(t tries) time.Duration { return t.spent + max(0, b.total-t.mark) }

// asError returns err as an Error: what a sink says nothing about may pass.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) && e.Err != nil {
		return e
	}
	if e != nil {
		c := *e
		c.Err = errors.New("the sink does not say what is wrong")
		return &c
	}
	return &Error{Fault: Passing, Err: err}
}
