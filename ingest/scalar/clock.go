package scalar

import (
	"strconv"
	"strings"
	"time"
)

// maxClockHours is far beyond any call and far below what a time.Duration holds.
const maxClockHours = 1_000_000

// Clock reads a duration written as on a clock: "00:01:14", unpadded "0:0:35", more hours than a day "49:00:00", a
// fraction of a second "00:00:01.5". Minutes and seconds are below 60; two parts alone are refused, for they may be
// either hours and minutes or minutes and seconds.
func (v Value) Clock() (time.Duration, error) {
	const expected = "a duration of the form HH:MM:SS"
	text, err := v.filled(expected)
	if err != nil {
		return 0, err
	}
	d, ok := clock(text)
	if !ok {
		return 0, v.not(expected)
	}
	return d, nil
}

func clock(text string) (time.Duration, bool) {
	whole, fraction, _ := strings.Cut(strings.Replace(text, ",", ".", 1), ".")
	textHours, rest, _ := strings.Cut(whole, ":")
	textMinutes, textSeconds, _ := strings.Cut(rest, ":")
	hours, okHours := part(textHours, maxClockHours)
	minutes, okMinutes := part(textMinutes, 59)
	seconds, okSeconds := part(textSeconds, 59)
	nanos, okNanos := nanoseconds(fraction)
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second + nanos
	return d, okHours && okMinutes && okSeconds && okNanos
}

// part reads a part of a clock: digits alone, for strconv.Atoi takes signs as well.
func part(s string, most int) (int, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n <= most
}

// nanoseconds reads the digits of a fraction, as many of them as a time.Duration holds.
func nanoseconds(fraction string) (time.Duration, bool) {
	if fraction == "" {
		return 0, true
	}
	n, ok := part((fraction + "000000000")[:9], 999_999_999)
	return time.Duration(n), ok && strings.Trim(fraction, "0123456789") == ""
}
