package while1

import (
	"fmt"
	"slices"
	"time"

	"github.com/callbus/callbus/ingest"
)

// Times of the vendor have no zone: they are what a clock on the PBX's wall shows. Here such a wall time is a time.Time
// in UTC that shows the same.

// wallForm is how the vendor writes a wall time and wants it written.
const wallForm = time.DateTime

// parseWall reads a wall time.
func parseWall(text string) (time.Time, error) {
	for _, form := range []string{wallForm, "2006-01-02T15:04:05"} {
		if wall, err := time.Parse(form, text); err == nil {
			return wall, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a date of the form yyyy-mm-dd HH:MM:SS", text)
}

// wallOf returns what the clock on the wall shows at t.
func wallOf(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// readings returns every moment at which the clock shows wall, the earliest first: two in the hour that is repeated
// when summer time ends. In the hour that is left out when it begins there is none; then the one it would have been.
func readings(wall time.Time, zone *time.Location) []time.Time {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
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
