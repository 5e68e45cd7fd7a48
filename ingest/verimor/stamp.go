package verimor

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest/scalar"
)

// soonest is how far a stamp may lie ahead of our clock: more than any error of a time zone, which is no reason to hide
// calls.
const soonest = 48 * time.Hour

// oldest is before the vendor had customers.
var oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const stampForm = "a time of the form 2024-05-06 10:20:00 +0300"

var errStamp = errors.New("is not " + stampForm)

// stamp reads a time at which a call can have been; at is when the answer was here. It wraps scalar.ErrNone where there
// is none.
func (c *Client) stamp(v scalar.Value, at time.Time) (time.Time, error) {
	text, err := v.Text()
	switch {
	case err != nil:
		return time.Time{}, err
	case text == "":
		return time.Time{}, fmt.Errorf("%w (%s), expected %s", scalar.ErrNone, v.Kind(), stampForm)
	}
	t, ok := parseStamp(text, c.zone)
	if !ok {
		return time.Time{}, fmt.Errorf("%.60q %w", c.clean(text), errStamp)
	}
	if !believable(t, at) {
		return time.Time{}, fmt.Errorf("%.60q is not a time at which a call can have been, expected 2000 to now", c.clean(text))
	}
	return t, nil
}

func believable(t, at time.Time) bool { return !t.Before(oldest) && !t.After(at.Add(soonest)) }

// parseStamp reads what the vendor writes and its document shows, 2024-05-06 10:20:00 +0300, and what resembles it: parts
// that are not padded, a T for the blank, a fraction, +03:00, Z, UTC, no zone at all, and two slips of the document, the
// year 017 and the offset +030.
func parseStamp(text string, zone *time.Location) (time.Time, bool) {
	s := scanner{rest: text}
	year := s.year()
	month := s.part('-', 12)
	day := s.part('-', 31)
	if s.ok() && s.rest[0] != 'T' && s.rest[0] != ' ' {
		return time.Time{}, false
	}
	s.blanks()
	hour := s.part(0, 23)
	minute := s.part(':', 59)
	second := s.part(':', 60) // a leap second
	nanosecond := s.fraction()
	s.blanks()
	if s.bad {
		return time.Time{}, false
	}
	loc, ok := zoneOf(s.rest, zone)
	if !ok {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, loc)
	return t.UTC(), month > 0 && day > 0 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// zoneOf reads the end of a stamp.
func zoneOf(text string, none *time.Location) (*time.Location, bool) {
	switch text {
	case "":
		return none, true
	case "+0300":
		return turkey, true
	case "Z", "UTC", "GMT":
		return time.UTC, true
	}
	digits := strings.Replace(text[1:], ":", "", 1)
	if text[0] != '+' && text[0] != '-' || len(digits) == 0 || len(digits) > 4 || strings.Trim(digits, "0123456789") != "" {
		return nil, false
	}
	if len(digits) == 1 {
		digits = "0" + digits
	}
	digits = (digits + "00")[:4]
	number := func(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }
	offset := number(digits[:2])*3600 + number(digits[2:])*60
	if text[0] == '-' {
		offset = -offset
	}
	return time.FixedZone("", offset), offset >= -14*3600 && offset <= 14*3600 && number(digits[2:]) < 60
}

// turkey is what stamps have had since 2016.
var turkey = time.FixedZone("", 3*3600)

// A scanner reads a stamp from its front. Once it is bad it stays so.
type scanner struct {
	rest string
	bad  bool
}

func (s *scanner) ok() bool {
	s.bad = s.bad || s.rest == ""
	return !s.bad
}

func (s *scanner) blanks() {
	for s.rest != "" && (s.rest[0] == ' ' || s.rest[0] == 'T') {
		s.rest = s.rest[1:]
	}
}

// digits reads the digits at the front and returns how many they are.
func (s *scanner) digits() (value, count int) {
	for count < len(s.rest) && count < 9 && s.rest[count] >= '0' && s.rest[count] <= '9' {
		value = value*10 + int(s.rest[count]-'0')
		count++
	}
	s.rest = s.rest[count:]
	return value, count
}

// year reads a year, also one that lost its first digit: 017.
func (s *scanner) year() int {
	lost := strings.HasPrefix(s.rest, "0")
	value, count := s.digits()
	switch {
	case count == 4:
		return value
	case count == 3 && lost:
		return 2000 + value
	}
	s.bad = true
	return 0
}

// part reads what separates two parts, 0 for nothing, and the part of one or two digits behind it.
func (s *scanner) part(separator byte, most int) int {
	if separator != 0 && s.ok() {
		s.bad = s.rest[0] != separator
		s.rest = s.rest[1:]
	}
	value, count := s.digits()
	s.bad = s.bad || count == 0 || count > 2 || value > most
	return value
}

// fraction reads the fraction of a second, in nanoseconds.
func (s *scanner) fraction() int {
	if s.rest == "" || s.rest[0] != '.' && s.rest[0] != ',' {
		return 0
	}
	s.rest = s.rest[1:]
	value, count := s.digits()
	s.bad = s.bad || count == 0
	for ; count < 9; count++ {
		value *= 10
	}
	return value
}

// moment reads a time that a row may lack.
func (c *Client) moment(v scalar.Value, at time.Time) (time.Time, bool) {
	if v.Kind() < scalar.Scalar {
		return time.Time{}, false
	}
	t, err := c.stamp(v, at)
	return t, err == nil
}
