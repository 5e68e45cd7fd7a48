package while1

import (
	"errors"
	"github.com/callbus/callbus/ingest/wallclock"
	"strconv"
	"strings"
	"time"
)

// An Asterisk id (uniqueid, linkedid) is the second in which its channel began, since 1970, and a counter:
// 1710401324.480; some PBXs put their name and a hyphen before it. So it is a clock, and one that knows UTC.

// clockSlack is how far two clocks that agree may be apart: the id and the row are not written in the same instant.
const clockSlack = 2 * time.Second

// maxOffset is the most by which a clock on a wall differs from UTC.
const maxOffset = 14

// longest is longer than any call.
const longest = 31 * 24 * time.Hour

// clockOf returns the second in which the channel of an id began, and its counter.
func clockOf(id string) (began time.Time, counter int64, ok bool) {
	epoch, count, found := strings.Cut(id[strings.LastIndexByte(id, '-')+1:], ".")
	if !found || len(epoch) < 9 || len(epoch) > 10 || len(count) > 12 {
		return time.Time{}, 0, false
	}
	seconds, err := strconv.ParseUint(epoch, 10, 64)
	n, errCount := strconv.ParseUint(count, 10, 63)
	if err != nil || errCount != nil {
		return time.Time{}, 0, false
	}
	return time.Unix(int64(seconds), 0).UTC(), int64(n), true
}

// beginOf returns when a row began that shows wall, and whose channel began at channel by its id; and by how much every
// wall time of the row has to be moved because TIMEZONE is not that of the PBX.
//
// The id decides where the two agree, which also tells apart the two hours that are one on the wall in October, and
// where they are whole hours apart. Else the row is a later one of the same channel, after a transfer.
func beginOf(wall, channel time.Time, zone *time.Location) (begin time.Time, moved time.Duration) {
	possible := wallclock.Readings(wall, zone)
	for _, t := range possible {
		if t.Sub(channel).Abs() <= clockSlack {
			return channel, 0
		}
	}
	off := channel.Sub(possible[0])
	if hours := off.Round(time.Hour); (off-hours).Abs() <= clockSlack && hours.Abs() <= maxOffset*time.Hour {
		return channel, hours
	}
	for _, t := range possible {
		if t.After(channel) {
			return t, 0
		}
	}
	return possible[len(possible)-1], 0
}

// endOf returns when a row ended that shows wall: of two moments that do, the one that fits how long it lasted, as far
// as the vendor tells.
func endOf(wall, begin time.Time, moved time.Duration, lasted *time.Duration, zone *time.Location) (time.Time, error) {
	var best time.Time
	for _, t := range wallclock.Readings(wall, zone) {
		t = t.Add(moved)
		if t.Before(begin) && begin.Sub(t) <= clockSlack {
			t = begin
		}
		if t.Before(begin) || !best.IsZero() && (lasted == nil || off(begin, t, *lasted) >= off(begin, best, *lasted)) {
			continue
		}
		best = t
	}
	if best.IsZero() && lasted != nil {
		best = begin.Add(*lasted)
	}
	switch {
	case best.IsZero():
		return best, errors.New("it lies before time")
	case best.Sub(begin) > longest:
		return best, errors.New("it lies more than 31 days after time")
	}
	return best, nil
}

// off is by how much a call from begin to end differs from one that lasted so long.
func off(begin, end time.Time, lasted time.Duration) time.Duration {
	return (end.Sub(begin) - lasted).Abs()
}
