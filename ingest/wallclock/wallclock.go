// Package wallclock reads times that have no zone: what a clock on the PBX's wall shows. Such a wall time is a time.Time in UTC
// that shows the same.
//
// In the hour that is repeated when summer time ends, a wall time has two readings, and in the hour that is left out when
// it begins it has none of its own: which one is meant, the caller knows, or nobody.
package wallclock

import (
	"slices"
	"time"

	"github.com/callbus/callbus/ingest"
)

// Of returns what the clock on the wall shows at t.
func Of(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// Readings returns every moment at which the clock shows wall, the earliest first: two in the hour that is repeated
// when summer time ends. In the hour that is left out when it begins there is none; then the one it would have been.
func Readings(wall time.Time, zone *time.Location) []time.Time {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	var found []time.Time
	for _, near := range []time.Time{guess.Add(-24 * time.Hour), guess, guess.Add(24 * time.Hour)} {
		_, offset := near.Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		if Of(t, zone).Equal(wall) && !slices.ContainsFunc(found, t.Equal) {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return []time.Time{guess.UTC()}
	}
	slices.SortFunc(found, time.Time.Compare)
	return found
}

// Span returns the earliest and the latest that the clock shows during w. Where the clock is set back within w, these
// are not what it shows at the ends of w: from there the span would run backwards, or leave out what was shown before.
func Span(w ingest.Window, zone *time.Location) (from, to time.Time) {
	from, to = Of(w.From, zone), Of(w.From, zone)
	widen := func(wall time.Time) {
		if wall.Before(from) {
			from = wall
		}
		if wall.After(to) {
			to = wall
		}
	}
	widen(Of(w.To, zone))
	for t := w.From; ; {
		_, change := t.In(zone).ZoneBounds()
		if !change.After(t) && !change.IsZero() { // Go 1.26 says so of 31 December of a leap year: its years have 365 days
			change = t.Add(24 * time.Hour)
		}
		if change.IsZero() || change.After(w.To) {
			return from, to
		}
		widen(Of(change.Add(-time.Nanosecond), zone))
		widen(Of(change, zone))
		t = change
	}
}
