package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// returns is what became of those who were missed.
type returns struct {
	opened, due, attempts, cancelled, expired int
	completed                                 map[events.Resolution]int
	after                                     []float64 // seconds until somebody was spoken with
}

// returnsOf says in words what the callback events among all tell.
func returnsOf(all []events.Event) string {
	r := returns{completed: map[events.Resolution]int{}}
	for _, e := range all {
		if c, ok := e.Callback(); ok {
			r.take(e.Type, c)
		}
	}
	return r.String()
}

func (r *returns) take(t events.Type, c events.Callback) {
	switch t {
	case events.CallbackOpened:
		r.opened++
	case events.CallbackDue:
		r.due++
	case events.CallbackAttempted:
		r.attempts++
	case events.CallbackCancelled:
		r.cancelled++
	case events.CallbackExpired:
		r.expired++
	case events.CallbackCompleted:
		if c.Resolution != nil {
			r.completed[*c.Resolution]++
		}
		if c.SecondsToReturn != nil {
			r.after = append(r.after, *c.SecondsToReturn)
		}
	}
}

func (r returns) String() string {
	var b strings.Builder
	calledBack := r.completed[events.ResolutionReturned] + r.completed[events.ResolutionVendor]
	fmt.Fprintf(&b, "%d callbacks were owed to callers who were missed: %d were called back, %d rang again and were answered, ", r.opened, calledBack, r.completed[events.ResolutionCallerReachedUs])
	if n := r.completed[events.ResolutionManual]; n > 0 {
		fmt.Fprintf(&b, "%d were marked as done, ", n)
	}
	if r.cancelled > 0 {
		fmt.Fprintf(&b, "%d were not missed after all, ", r.cancelled)
	}
	ended := calledBack + r.completed[events.ResolutionCallerReachedUs] + r.completed[events.ResolutionManual] + r.cancelled + r.expired
	fmt.Fprintf(&b, "%d expired, %d still wait.\n", r.expired, r.opened-ended)
	fmt.Fprintf(&b, "%d reminders fell due, and %d calls back reached nobody.", r.due, r.attempts)
	if len(r.after) > 0 {
		fmt.Fprintf(&b, " Half of those who were spoken with waited less than %s.", toTheSecond(median(r.after)))
	}
	return b.String()
}

func median(seconds []float64) time.Duration {
	slices.Sort(seconds)
	middle := (seconds[(len(seconds)-1)/2] + seconds[len(seconds)/2]) / 2
	return time.Duration(middle * float64(time.Second))
}
