package while1

import (
	"github.com/callbus/callbus/ingest/wallclock"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zoneOf(t interface{ Fatal(...any) }, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestAnAsteriskIDIsAClock(t *testing.T) {
	want := time.Date(2024, 3, 14, 7, 28, 44, 0, time.UTC)
	for id, ok := range map[string]bool{
		"1710401324.480": true, "pbx-1-1710401324.480": true, "": false, "1710401324": false, "1710401324.": false, ".480": false,
		"17104013244.480": false, "171040.480": false, "1710401324.48x": false, "+710401324.480": false, "1710401324.-80": false,
		"1710401324.4800000000000": false, "1710401324.480-": false,
	} {
		began, counter, got := clockOf(id)
		if got != ok || ok && (!began.Equal(want) || counter != 480) {
			t.Errorf("%q: %v, %d, %t; want %t", id, began, counter, got, ok)
		}
	}
}

func TestWhenARowBegan(t *testing.T) {
	zone := zoneOf(t, "Europe/Bucharest")
	for name, tc := range map[string]struct {
		wall, id, want string
		moved          time.Duration
	}{
		"the id and the row agree":                           {"2024-03-14 09:28:44", "2024-03-14 07:28:44", "2024-03-14 07:28:44", 0},
		"the row was written a second later":                 {"2024-03-14 09:28:45", "2024-03-14 07:28:44", "2024-03-14 07:28:44", 0},
		"a later row of the same channel":                    {"2024-03-14 09:33:10", "2024-03-14 07:28:44", "2024-03-14 07:33:10", 0},
		"the first pass of the hour in October":              {"2024-10-27 03:30:00", "2024-10-27 00:30:00", "2024-10-27 00:30:00", 0},
		"the second pass of it":                              {"2024-10-27 03:30:00", "2024-10-27 01:30:00", "2024-10-27 01:30:00", 0},
		"a later row, in the second pass":                    {"2024-10-27 03:05:00", "2024-10-27 00:58:00", "2024-10-27 01:05:00", 0},
		"a PBX whose clock shows UTC":                        {"2024-03-14 07:28:44", "2024-03-14 07:28:44", "2024-03-14 07:28:44", 2 * time.Hour},
		"a PBX that is further east":                         {"2024-03-14 10:28:45", "2024-03-14 07:28:44", "2024-03-14 07:28:44", -time.Hour},
		"a row before its channel, which nobody can explain": {"2024-03-14 09:00:00", "2024-03-14 07:28:44", "2024-03-14 07:00:00", 0},
	} {
		parse := func(s string) time.Time {
			at, err := parseWall(s)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		begin, moved := beginOf(parse(tc.wall), parse(tc.id), zone)
		if !begin.Equal(parse(tc.want)) || moved != tc.moved {
			t.Errorf("%s: %v, moved by %s; want %s, %s", name, begin, moved, tc.want, tc.moved)
		}
	}
}

// TestWallTimesOfAnyCallAreReadRight lets calls be at any time of years, and so in the hours that are repeated and left
// out: from its id and its duration, each is read to the second.
func TestWallTimesOfAnyCallAreReadRight(t *testing.T) {
	zone := zoneOf(t, "Europe/Bucharest")
	changes := []int64{1711846800, 1729990800, 1743296400, 1761440400} // March and October of 2024 and 2025
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.SampledFrom(changes).Draw(rt, "change") + rapid.Int64Range(-9000, 9000).Draw(rt, "off")
		began := time.Unix(at, 0).UTC()
		lasted := time.Duration(rapid.IntRange(0, 7200).Draw(rt, "lasted")) * time.Second
		ended := began.Add(lasted)
		begin, moved := beginOf(wallclock.Of(began, zone), began, zone)
		end, err := endOf(wallclock.Of(ended, zone), begin, moved, &lasted, zone)
		if !begin.Equal(began) || err != nil || !end.Equal(ended) {
			rt.Errorf("from %v to %v is read as %v to %v, %v", began, ended, begin, end, err)
		}
	})
}

func TestWhenARowEnded(t *testing.T) {
	zone := zoneOf(t, "Europe/Bucharest")
	begin := time.Date(2024, 10, 27, 0, 50, 0, 0, time.UTC) // 03:50 of the first pass
	minute, hour := time.Minute, 65*time.Minute
	for name, tc := range map[string]struct {
		wall   string
		moved  time.Duration
		lasted *time.Duration
		want   time.Duration // -1 is an error
	}{
		"in the same pass":                        {"2024-10-27 03:55:00", 0, nil, 5 * time.Minute},
		"in the second pass, as its length tells": {"2024-10-27 03:55:00", 0, &hour, 65 * time.Minute},
		"in the second pass, since time runs on":  {"2024-10-27 03:10:00", 0, nil, 20 * time.Minute},
		"a second before it began":                {"2024-10-27 03:49:59", 0, &minute, 0},
		"long before, but the length is known":    {"2024-10-27 01:00:00", 0, &minute, time.Minute},
		"long before":                             {"2024-10-27 01:00:00", 0, nil, -1},
		"a year later":                            {"2025-10-27 01:00:00", 0, nil, -1},
	} {
		wall, err := parseWall(tc.wall)
		if err != nil {
			t.Fatal(err)
		}
		end, err := endOf(wall, begin, tc.moved, tc.lasted, zone)
		if (err != nil) != (tc.want < 0) || err == nil && end.Sub(begin) != tc.want {
			t.Errorf("%s: %v, %v; want %s later", name, end, err, tc.want)
		}
	}
}
