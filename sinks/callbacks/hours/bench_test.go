package hours_test

import (
	"testing"
	"time"
)

// BenchmarkAddBusiness adds what a last reminder may wait for, at moments of a year on end.
func BenchmarkAddBusiness(b *testing.B) {
	for name, bm := range map[string]struct {
		settings
		d time.Duration
	}{
		"an hour, office hours":              {settings{office, "Europe/Bucharest", "12-25,01-01"}, time.Hour},
		"3 days, office hours":               {settings{office, "Europe/Bucharest", "12-25,01-01"}, 72 * time.Hour},
		"3 days, always open":                {settings{always, "Europe/Bucharest", ""}, 72 * time.Hour},
		"3 days, over a year of holidays":    {settings{office, "Europe/Bucharest", "12-25,2026-01-01..2026-12-31"}, 72 * time.Hour},
		"3 days, over a year of 60 holidays": {settings{office, "America/New_York", sixtyHolidays()}, 72 * time.Hour},
		"a year's worth, two windows a day":  {settings{"Mon-Fri 09:00-12:00 13:00-18:00", "Europe/Bucharest", "12-25"}, 2000 * time.Hour},
		"3 days, ten minutes a week":         {settings{"Mon 09:00-09:10", "UTC", ""}, 72 * time.Hour},
	} {
		b.Run(name, func(b *testing.B) {
			c, at := bm.parse(b), time.Date(2025, 12, 31, 17, 30, 0, 0, time.UTC)
			b.ReportAllocs()
			for b.Loop() {
				if c.AddBusiness(at, bm.d).IsZero() {
					b.Fatal("never")
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	c, at := settings{office, "Europe/Bucharest", "12-25"}.parse(b), time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		if !c.Open(at) {
			b.Fatal("closed")
		}
	}
}

func sixtyHolidays() string {
	all := "12-25"
	for d := range 60 {
		all += "," + time.Date(2026, 1, 1+6*d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	return all
}
