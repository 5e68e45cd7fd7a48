package score

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// Callbacks is the score of what was told of calls to be returned.
type Callbacks struct {
	Callers   int // who were missed, and can be called back,
	Missed    int // and how often
	Callbacks int // that were opened

	Completed map[events.Resolution]int // of the callbacks, how they ended
	Cancelled int
	Expired   int
	Open      int
	Answered  int // missed calls that were answered before anything was told
	Untold    int // missed calls that were known too late, or a moment ago

	Reminders int // told
	Right     int // of them, those that were told once, when they were due and owed, to somebody who was there
	Attempts  int // calls back that nobody answered, told

	WrongStates int // callbacks that ended otherwise than they had to, or should not be open; missed calls that are in none
	Missing     int // reminders that were due, and not told
	Twice       int // what was told twice of one callback
	After       int // told when it was known that the call was returned
	Outside     int // reminders told outside hours
	Mistimed    int // told too early or too late
	Nobody      int // callbacks for calls that oblige nobody: withheld, internal, backfilled, not missed, or made up
	WrongCalls  int // callbacks that were completed by what did not return the call, or not first
	WrongFacts  int

	Published Returns // how long it took until callers were spoken with, as it was told
	True      Returns // and as it was

	Discrepancies int           // all of them,
	Listed        []Discrepancy // and the first few
}

// Returns is how long calls took to be returned.
type Returns struct {
	Calls    int
	P50, P90 time.Duration
}

func returnsOf(d []time.Duration) Returns {
	if len(d) == 0 {
		return Returns{}
	}
	slices.Sort(d)
	at := func(p float64) time.Duration { return d[int(p*float64(len(d)-1))] }
	return Returns{Calls: len(d), P50: at(0.5), P90: at(0.9)}
}

// Perfect is true when somebody was missed, and all was told as it had to be.
func (c Callbacks) Perfect() bool { return c.Missed > 0 && c.Discrepancies == 0 }

// String is the score in a few lines, and the discrepancies that are listed.
func (c Callbacks) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "callers missed %d, %d times; answered before anything was told %d, known too late or too shortly %d\n", c.Callers, c.Missed, c.Answered, c.Untold)
	fmt.Fprintf(&b, "callbacks %d: %s, cancelled %d, expired %d, open %d; in a wrong state %d, for nobody %d, by a wrong call %d\n",
		c.Callbacks, c.completed(), c.Cancelled, c.Expired, c.Open, c.WrongStates, c.Nobody, c.WrongCalls)
	fmt.Fprintf(&b, "reminders %d, right %d; missing %d, twice %d, after a known call back %d, outside hours %d, at a wrong time %d; attempts %d, wrong facts %d\n",
		c.Reminders, c.Right, c.Missing, c.Twice, c.After, c.Outside, c.Mistimed, c.Attempts, c.WrongFacts)
	fmt.Fprintf(&b, "called back after: p50 %s, p90 %s (%d calls); in truth: p50 %s, p90 %s\n",
		round(c.Published.P50), round(c.Published.P90), c.Published.Calls, round(c.True.P50), round(c.True.P90))
	for _, d := range c.Listed {
		fmt.Fprintln(&b, d)
	}
	if more := c.Discrepancies - len(c.Listed); more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	return b.String()
}

// completed counts the callbacks that were completed, and how.
func (c Callbacks) completed() string {
	all, how := 0, []string(nil)
	for _, r := range slices.Sorted(maps.Keys(c.Completed)) {
		all += c.Completed[r]
		how = append(how, fmt.Sprintf("%s %d", r, c.Completed[r]))
	}
	return strings.TrimSuffix(fmt.Sprintf("completed %d (%s)", all, strings.Join(how, ", ")), " ()")
}

const nextLine = "\n               "

// describeCaller is all that happened with a number, and what the bus says of it.
func (j *callbackJudge) describeCaller(number string) string {
	var all []string
	for _, h := range j.byNumber[number] {
		s := h.id + " " + describe(h.Truth)
		for _, w := range h.words {
			s += fmt.Sprintf("; %s at %s", w.matter, clock(w.stored))
			if w.returned != nil {
				s += " returned"
			}
		}
		all = append(all, s)
	}
	return strings.Join(all, nextLine)
}

func (m matter) String() string { return []string{"-", "missed", "spoken", "tried"}[m] }

func (d *duty) describe() string {
	s := d.id
	for _, e := range d.events {
		c := dataOf(e)
		s += fmt.Sprintf("; %s %d/%d of %s recorded %s stored %s x%d", e.Type, c.Step, c.Steps, clock(e.Time), clock(e.RecordedTime), clock(e.At), c.Count)
	}
	for _, m := range d.data().MissedCalls {
		s += "; " + m.CallID + " at " + clock(m.At)
	}
	return s
}
