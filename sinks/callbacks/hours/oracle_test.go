package hours_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/sinks/callbacks/hours"
)

// oracle decides what is open from the settings alone, minute by minute: it asks what the clock shows, and looks through
// all that is set for something that says so. It knows nothing of offsets, of changes of the clock, or of an order.
type oracle struct {
	zone    *time.Location
	weekly  []weekly
	closed  []closed
	special []special
	known   map[time.Time][]span // what begins on a date, once it was looked up
}

type span struct{ begin, end string } // as set: "09:00"

type weekly struct {
	days string // "Mon Tue Wed "
	span
}

type closed struct{ first, last string } // "2026-04-23", or "12-25"

type special struct {
	date string
	span
}

func newOracle(t interface{ Fatalf(string, ...any) }, s settings) oracle {
	zone, err := time.LoadLocation(s.zone)
	if err != nil {
		t.Fatalf("%v", err)
	}
	o := oracle{zone: zone, known: map[time.Time][]span{}}
	for _, entry := range strings.Split(s.hours, ",") {
		words := strings.Fields(entry)
		for _, w := range words[1:] {
			o.weekly = append(o.weekly, weekly{daysOf(words[0]), spanOf(w)})
		}
	}
	for _, entry := range strings.Split(s.holidays, ",") {
		words := strings.Fields(entry)
		if len(words) == 1 {
			first, last, isRange := strings.Cut(words[0], "..")
			if !isRange {
				last = first
			}
			o.closed = append(o.closed, closed{first, last})
		}
		for _, w := range words[min(1, len(words)):] {
			o.special = append(o.special, special{words[0], spanOf(w)})
		}
	}
	return o
}

func spanOf(w string) span {
	begin, end, _ := strings.Cut(w, "-")
	return span{begin, end}
}

func daysOf(word string) (days string) {
	const twoWeeks = "Mon Tue Wed Thu Fri Sat Sun Mon Tue Wed Thu Fri Sat Sun "
	first, last, isRange := strings.Cut(word, "-")
	if !isRange {
		return first + " "
	}
	from := twoWeeks[strings.Index(twoWeeks, first):]
	return from[:strings.Index(from, last)+len("Mon ")]
}

// open tells whether it is open in the minute that begins at t.
func (o oracle) open(t time.Time) bool {
	local := t.In(o.zone)
	clock := local.Format("15:04")
	noon := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, time.UTC)
	return slices.ContainsFunc(o.spans(noon), func(s span) bool { return clock >= s.begin && (clock < s.end || s.end < s.begin) }) ||
		slices.ContainsFunc(o.spans(noon.AddDate(0, 0, -1)), func(s span) bool { return s.end < s.begin && clock < s.end })
}

// spans returns what begins on a date.
func (o oracle) spans(noon time.Time) []span {
	all, ok := o.known[noon]
	if !ok {
		all = o.lookUp(noon)
		o.known[noon] = all
	}
	return all
}

func (o oracle) lookUp(noon time.Time) (all []span) {
	date, name := noon.Format("2006-01-02"), noon.Format("Mon ")
	for _, s := range o.special {
		if s.date == date {
			all = append(all, s.span)
		}
	}
	if all != nil || slices.ContainsFunc(o.closed, func(c closed) bool {
		return c.first <= date && date <= c.last || c.first == date[len("2026-"):]
	}) {
		return all
	}
	for _, w := range o.weekly {
		if strings.Contains(w.days, name) {
			all = append(all, w.span)
		}
	}
	return all
}

// walk is what an oracle says of so many minutes.
type walk struct {
	from    time.Time
	minutes int
	open    []int // those that are open
}

func (o oracle) walk(from time.Time, minutes int) walk {
	w := walk{from, minutes, nil}
	for i := range minutes {
		if o.open(w.minute(i)) {
			w.open = append(w.open, i)
		}
	}
	return w
}

func (w walk) minute(i int) time.Time { return w.from.Add(time.Duration(i) * time.Minute) }

// since returns the nth minute that is open at or after minute i. It is not ok when that is beyond the walk.
func (w walk) since(i, n int) (time.Time, bool) {
	first, _ := slices.BinarySearch(w.open, i)
	if first+n >= len(w.open) {
		return time.Time{}, false
	}
	return w.minute(w.open[first+n]), true
}

// agrees holds a calendar against w at every minute, and adds some times where it opens or closes, and now and then.
func (w walk) agrees(c hours.Calendar) error {
	was := false
	for i := range w.minutes {
		_, open := slices.BinarySearch(w.open, i)
		if at := w.minute(i); c.Open(at) != open {
			return fmt.Errorf("Open(%v) = %v", at, !open)
		}
		if open == was && i%23 != 0 {
			continue
		}
		for _, n := range []int{0, 1 + i%7, 30 + i%600, 1 + i*31%5000} {
			if err := w.agreesOn(c, i, n); err != nil {
				return err
			}
		}
		was = open
	}
	return nil
}

func (w walk) agreesOn(c hours.Calendar, i, n int) error {
	at, add := w.minute(i), time.Duration(n)*time.Minute
	got := c.AddBusiness(at, add)
	want, ok := w.since(i, n)
	if ok && !got.Equal(want) || !ok && !got.IsZero() && got.Before(w.minute(w.minutes)) {
		return fmt.Errorf("AddBusiness(%v, %v) = %v, want %v", at, add, got, want)
	}
	return nil
}

func TestTheOracleReadsSettingsAsTheyAreMeant(t *testing.T) {
	o := newOracle(t, settings{"Fri-Mon 22:00-06:00,Wed 09:00-12:00", "Europe/Istanbul", "2026-04-18,04-22,2026-04-26 00:00-24:00"})
	for moment, want := range map[string]bool{
		"2026-04-15T09:00:00+03:00": true,
		"2026-04-15T12:00:00+03:00": false,
		"2026-04-18T05:59:00+03:00": true,
		"2026-04-18T23:00:00+03:00": false,
		"2026-04-19T05:00:00+03:00": false,
		"2026-04-21T05:00:00+03:00": true,
		"2026-04-22T10:00:00+03:00": false,
		"2026-04-26T23:59:00+03:00": true,
		"2026-04-27T05:00:00+03:00": false,
	} {
		if got := o.open(at(t, moment)); got != want {
			t.Errorf("at %s: %v", moment, got)
		}
	}
}
