package telsam

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest"
)

// Times of the vendor have no zone: they are what a clock on the PBX's wall shows. Here such a wall time is a time.Time
// in UTC that shows the same.

// calldates are the forms in which the vendor writes a wall time: its document has a blank, another of its pages none.
// Both take days, months and hours of one digit as well.
var calldates = []string{"2.1.2006 15:4:5", "2.1.200615:4:5"}

// parseWall reads a calldate.
func parseWall(calldate string) (time.Time, error) {
	text := strings.Join(strings.Fields(calldate), " ")
	for _, form := range calldates {
		if wall, err := time.Parse(form, text); err == nil {
			return wall, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a date of the form dd.mm.yyyy HH:MM:SS", calldate)
}

// wallOf returns what the clock on the wall shows at t.
func wallOf(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// readings returns every moment at which the clock shows wall, the earliest first: two in the hour that is repeated
// when summer time ends. In the hour that is left out when it begins there is none; then the one it would have been.
func readings(wall time.Time, zone *time.Location) []time.Time {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	var found []time.Time
	for _, near := range []time.Time{guess.Add(-24 * time.Hour), guess, guess.Add(24 * time.Hour)} {
		_, offset := near.Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		if wallOf(t, zone).Equal(wall) && !slices.ContainsFunc(found, t.Equal) {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return []time.Time{guess.UTC()}
	}
	slices.SortFunc(found, time.Time.Compare)
	return found
}

// wallSpan returns the earliest and the latest that the clock shows during w. Where the clock is set back within w, these
// are not what it shows at the ends of w: from there the span would run backwards, or leave out what was shown before.
func wallSpan(w ingest.Window, zone *time.Location) (from, to time.Time) {
	from, to = wallOf(w.From, zone), wallOf(w.From, zone)
	widen := func(wall time.Time) {
		if wall.Before(from) {
			from = wall
		}
		if wall.After(to) {
			to = wall
		}
	}
	widen(wallOf(w.To, zone))
	for t := w.From; ; {
		_, change := t.In(zone).ZoneBounds()
		if change.IsZero() || change.After(w.To) {
			return from, to
		}
		widen(wallOf(change.Add(-time.Nanosecond), zone))
		widen(wallOf(change, zone))
		t = change
	}
}
