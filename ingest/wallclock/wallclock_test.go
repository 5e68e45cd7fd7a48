package wallclock_test

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/wallclock"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestAWallTimeHasAsManyReadingsAsTheClockShowsIt(t *testing.T) {
	bucharest := zone(t, "Europe/Bucharest")
	for name, tc := range map[string]struct {
		wall string
		want []string
	}{
		"an ordinary day":                                       {"2026-07-01 12:00:00", []string{"2026-07-01T09:00:00Z"}},
		"in the hour that is repeated, both":                    {"2026-10-25 03:30:00", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"}},
		"in the hour that is left out, what it would have been": {"2026-03-29 03:30:00", []string{"2026-03-29T01:30:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			wall, err := time.Parse(time.DateTime, tc.wall)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range wallclock.Readings(wall, bucharest) {
				got = append(got, r.UTC().Format(time.RFC3339))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s is read as %v, want %v", tc.wall, got, tc.want)
			}
		})
	}
}

// TestWhatTheClockShowsIsReadBack: every moment is among the readings of what the clock shows then, and within the span of
// any window that holds it.
func TestWhatTheClockShowsIsReadBack(t *testing.T) {
	zones := []*time.Location{zone(t, "Europe/Bucharest"), zone(t, "Europe/Istanbul"), zone(t, "Australia/Lord_Howe"), time.UTC}
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "moment"), 0)
		shown := wallclock.Of(at, z)
		if !slices.ContainsFunc(wallclock.Readings(shown, z), at.Equal) {
			t.Fatalf("at %v the clock shows %v, which is read as %v", at, shown, wallclock.Readings(shown, z))
		}
		before := time.Duration(rapid.IntRange(0, 100_000).Draw(t, "seconds before")) * time.Second
		after := time.Duration(rapid.IntRange(0, 100_000).Draw(t, "seconds after")) * time.Second
		from, to := wallclock.Span(ingest.Window{From: at.Add(-before), To: at.Add(after)}, z)
		if shown.Before(from) || shown.After(to) {
			t.Fatalf("at %v the clock shows %v, outside %v to %v", at, shown, from, to)
		}
	})
}

// The last day of a leap year, on which time.ZoneBounds of Go 1.26 tells of a change before it.
func TestSpanEndsOnTheLastDayOfALeapYear(t *testing.T) {
	t.Parallel()
	for _, year := range []int{2024, 2028, 2040} {
		for _, name := range []string{"Europe/Bucharest", "America/New_York", "Australia/Lord_Howe"} {
			z := zone(t, name)
			at := time.Date(year, 12, 31, 12, 0, 0, 0, z)
			from, to := wallclock.Span(ingest.Window{From: at, To: at.Add(10 * time.Hour)}, z)
			if to.Sub(from) != 10*time.Hour {
				t.Errorf("%s %d: from %v to %v", name, year, from, to)
			}
		}
	}
}
