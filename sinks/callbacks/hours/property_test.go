package hours_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var changeTrials = flag.Int("change-trials", 1, "how many calendars TestItIsRightAroundEveryChangeOfTheClock tries at each change")

// zones are those whose clocks are changed in every way there is: by half an hour, at midnight, for Ramadan, over the date
// line, by no rule at all, and never.
var zones = []string{
	"Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Juba", "Africa/Tripoli", "Africa/Windhoek", "America/Asuncion",
	"America/Caracas", "America/Chihuahua", "America/Godthab", "America/Havana", "America/Los_Angeles", "America/Metlakatla",
	"America/Mexico_City", "America/Montevideo", "America/New_York", "America/Port-au-Prince", "America/Santiago",
	"America/Sao_Paulo", "America/Scoresbysund", "America/St_Johns", "Antarctica/Casey", "Antarctica/Troll", "Asia/Amman",
	"Asia/Baku", "Asia/Beirut", "Asia/Colombo", "Asia/Damascus", "Asia/Dhaka", "Asia/Gaza", "Asia/Hebron", "Asia/Jerusalem",
	"Asia/Kathmandu", "Asia/Pyongyang", "Asia/Tehran", "Asia/Ulaanbaatar", "Atlantic/Azores", "Australia/Lord_Howe",
	"Australia/Sydney", "Europe/Bucharest", "Europe/Chisinau", "Europe/Dublin", "Europe/Istanbul", "Europe/Lisbon",
	"Europe/London", "Europe/Moscow", "Europe/Volgograd", "Europe/Warsaw", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham",
	"Pacific/Easter", "Pacific/Fakaofo", "Pacific/Fiji", "Pacific/Norfolk", "UTC",
}

var (
	firstMoment = time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)
	lastMoment  = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
)

// calendars draws settings. Their times are often those at which clocks are changed, and their dates near a moment.
func calendars(near time.Time) *rapid.Generator[settings] {
	return rapid.Custom(func(t *rapid.T) settings {
		return settings{
			hours:    strings.Join(rapid.SliceOfN(rapid.Custom(drawEntry), 1, 4).Draw(t, "hours"), ","),
			zone:     rapid.SampledFrom(zones).Draw(t, "zone"),
			holidays: strings.Join(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return drawHoliday(t, near) }), 0, 5).Draw(t, "holidays"), ","),
		}
	})
}

func drawEntry(t *rapid.T) string {
	names := rapid.SampledFrom([]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"})
	days := names.Draw(t, "day")
	if rapid.Bool().Draw(t, "a range") {
		days += "-" + names.Draw(t, "last day")
	}
	return days + " " + drawWindows(t)
}

func drawWindows(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.Custom(drawWindow), 1, 3).Draw(t, "windows"), " ")
}

func drawWindow(t *rapid.T) string {
	minute := rapid.OneOf(rapid.SampledFrom([]int{0, 30, 60, 90, 120, 150, 180, 210, 240, 23 * 60, 1439}), rapid.IntRange(0, 1439))
	from := minute.Draw(t, "from")
	to := rapid.OneOf(minute, rapid.Just(1440)).Filter(func(to int) bool { return to != from }).Draw(t, "to")
	return fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, to/60, to%60)
}

func drawHoliday(t *rapid.T, near time.Time) string {
	first := near.AddDate(0, 0, rapid.IntRange(-3, 12).Draw(t, "days from there"))
	date := first.Format(time.DateOnly)
	switch rapid.IntRange(0, 3).Draw(t, "form") {
	case 0:
		return first.Format("01-02")
	case 1:
		return date + ".." + first.AddDate(0, 0, rapid.IntRange(0, 3).Draw(t, "more days")).Format(time.DateOnly)
	case 2:
		return date + " " + drawWindows(t)
	}
	return date
}

// moments draws any, to the nanosecond, and often the last day of a leap year, of which package time says odd things.
func moments() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
			year := rapid.SampledFrom([]int{2008, 2024, 2028, 2032, 2040, 2044}).Draw(t, "leap year")
			return time.Date(year, 12, 31, 0, rapid.IntRange(-600, 2040).Draw(t, "minute"), 0, 0, time.UTC)
		}
		return time.Unix(rapid.Int64Range(firstMoment.Unix(), lastMoment.Unix()).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")).UTC()
	})
}

// durations draws any that a reminder may wait for, often in whole minutes, so that it is used up as it closes.
func durations() *rapid.Generator[time.Duration] {
	const most = 30 * 24 * time.Hour
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(0, int(most/time.Minute)), func(n int) time.Duration { return time.Duration(n) * time.Minute }),
		rapid.Map(rapid.Int64Range(0, int64(most)), func(n int64) time.Duration { return time.Duration(n) }),
	)
}

func TestP9NextOpenIsIdempotentAndMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := moments().Draw(t, "moment")
		c := calendars(moment).Draw(t, "settings").parse(t)
		next := c.NextOpen(moment)
		switch {
		case next.Before(moment) || !c.Open(next):
			t.Fatalf("NextOpen(%v) = %v, of which Open says %v", moment, next, c.Open(next))
		case !c.NextOpen(next).Equal(next):
			t.Fatalf("NextOpen(%v) = %v", next, c.NextOpen(next))
		case c.Open(moment) != next.Equal(moment):
			t.Fatalf("NextOpen(%v) = %v, but Open says %v", moment, next, c.Open(moment))
		case next.After(moment) && c.Open(next.Add(-1)):
			t.Fatalf("it is open before %v", next)
		case c.Open(moment) != c.Open(moment.Truncate(time.Minute)):
			t.Fatalf("it opens or closes within the minute of %v", moment)
		}
	})
}

func TestP9AddBusinessIsAdditive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := moments().Draw(t, "moment")
		c := calendars(moment).Draw(t, "settings").parse(t)
		a, b := durations().Draw(t, "a"), durations().Draw(t, "b")
		inParts, atOnce := c.AddBusiness(c.AddBusiness(moment, a), b), c.AddBusiness(moment, a+b)
		if !inParts.Equal(atOnce) {
			t.Fatalf("%v and %v after %v is %v in parts, %v at once", a, b, moment, inParts, atOnce)
		}
		if !c.Open(atOnce) || atOnce.Before(moment.Add(a+b)) {
			t.Fatalf("AddBusiness(%v, %v) = %v, of which Open says %v", moment, a+b, atOnce, c.Open(atOnce))
		}
	})
}

func TestP9WhatIsLaterIsDueNoSooner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := moments().Draw(t, "moment")
		c := calendars(moment).Draw(t, "settings").parse(t)
		after, more, d := durations().Draw(t, "after"), durations().Draw(t, "more"), durations().Draw(t, "d")
		due := c.AddBusiness(moment, d)
		if later := c.AddBusiness(moment.Add(after), d); later.Before(due) {
			t.Fatalf("%v after %v is %v, and %v later it is %v", d, moment, due, after, later)
		}
		if later := c.AddBusiness(moment, d+more); later.Before(due) || more > 0 && later.Equal(due) {
			t.Fatalf("%v after %v is %v, and with %v more it is %v", d, moment, due, more, later)
		}
	})
}

func TestOneSpellingIsOneCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := moments().Draw(t, "moment")
		s := calendars(moment).Draw(t, "settings")
		c := s.parse(t)
		again := readAgain(t, c)
		mixed := settings{shuffled(t, s.hours), s.zone, shuffled(t, s.holidays)}.parse(t)
		if again.String() != c.String() || mixed.String() != c.String() {
			t.Fatalf("%q, read again %q, in another order %q", c, again, mixed)
		}
		for d := range 14 {
			at := moment.Add(time.Duration(d) * 24 * time.Hour)
			if want := c.NextOpen(at); !again.NextOpen(at).Equal(want) || !mixed.NextOpen(at).Equal(want) {
				t.Fatalf("NextOpen(%v) = %v, read again %v, in another order %v", at, want, again.NextOpen(at), mixed.NextOpen(at))
			}
		}
	})
}

func shuffled(t *rapid.T, entries string) string {
	return strings.Join(rapid.Permutation(strings.Split(entries, ",")).Draw(t, "order"), ",")
}

func TestItIsRightMinuteByMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := moments().Draw(t, "moment").Truncate(time.Minute)
		s := calendars(from).Draw(t, "settings")
		if err := newOracle(t, s).walk(from, 2*24*60).agrees(s.parse(t)); err != nil {
			t.Fatalf("%v, with %v", err, s)
		}
	})
}

// changing are calendars that have something to decide at the hours at which clocks are changed. The date of the change
// stands where DATE does.
var changing = []settings{
	{hours: always},
	{hours: "Mon-Sun 00:00-00:30 01:30-02:00 02:30-03:15 03:45-04:00 23:30-23:45"},
	{hours: "Mon-Sun 22:00-02:30", holidays: "DATE"},
	{hours: "Mon-Sun 02:00-03:00 23:00-00:30"},
	{hours: "Mon-Sun 09:00-18:00", holidays: "DATE 00:15-01:00 02:30-06:00 23:15-00:45"},
	{hours: "Fri-Sun 01:00-23:45,Mon-Thu 20:00-06:00"},
}

func TestItIsRightAroundEveryChangeOfTheClock(t *testing.T) {
	n := 0
	for _, zone := range zones {
		for _, change := range changes(t, zone) {
			for range *changeTrials {
				s := changing[n%len(changing)]
				s.zone, s.holidays = zone, strings.ReplaceAll(s.holidays, "DATE", change.Format(time.DateOnly))
				n++
				if err := newOracle(t, s).walk(change.Add(-90*time.Minute), 4*60).agrees(s.parse(t)); err != nil {
					t.Errorf("the change at %v in %s: %v, with %v", change, zone, err, s)
				}
			}
		}
	}
	t.Logf("%d changes and calendars", n)
}

// changes returns every moment at which the clock of a zone is changed, and those at which package time says odd things
// of it.
func changes(t *testing.T, name string) []time.Time {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	var found []time.Time
	before := offset(firstMoment, zone)
	for at := firstMoment; at.Before(lastMoment); at = at.AddDate(0, 0, 1) {
		if now := offset(at, zone); now != before {
			found, before = append(found, changeWithin(at.AddDate(0, 0, -1), at, zone)), now
		}
	}
	for _, year := range []int{2028, 2040} {
		found = append(found, time.Date(year, 12, 31, 0, 0, 0, 0, zone), time.Date(year+1, 1, 1, 0, 0, 0, 0, zone))
	}
	return found
}

// changeWithin finds a change by halving, to the second.
func changeWithin(before, after time.Time, zone *time.Location) time.Time {
	for after.Sub(before) > time.Second {
		if middle := before.Add(after.Sub(before) / 2).Truncate(time.Second); offset(middle, zone) == offset(before, zone) {
			before = middle
		} else {
			after = middle
		}
	}
	return after
}

func offset(t time.Time, zone *time.Location) int {
	_, offset := t.In(zone).Zone()
	return offset
}

func TestItIsRightForAYearOfEveryMinute(t *testing.T) {
	s := settings{"Mon-Fri 09:00-12:00 13:00-18:00,Sat 22:00-03:30", "Europe/Bucharest", "12-25,2026-04-10..2026-08-13,2026-12-31 09:00-12:00"}
	w := newOracle(t, s).walk(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 365*24*60)
	c := s.parse(t)
	for i := 0; i < w.minutes; i += 397 {
		for _, n := range []int{0, 60, 72 * 60, 72*60 + i%5000} {
			if err := w.agreesOn(c, i, n); err != nil {
				t.Fatalf("%v, with %v", err, s)
			}
		}
	}
	if !slices.IsSorted(w.open) || len(w.open) < 1000*60 {
		t.Errorf("the oracle found %d minutes open", len(w.open))
	}
}
