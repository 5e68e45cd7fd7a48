package hours

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Parse reads the settings HOURS, TIMEZONE and HOLIDAYS. Its error names every fault, each by its variable.
func Parse(hours, zone, holidays string) (Calendar, error) {
	var c Calendar
	var hoursErr, zoneErr, holidaysErr error
	c.week, hoursErr = parseWeek(hours)
	c.zone, zoneErr = parseZone(zone)
	c.holidays, holidaysErr = parseHolidays(holidays)
	if err := errors.Join(by("HOURS", hoursErr), by("TIMEZONE", zoneErr), by("HOLIDAYS", holidaysErr)); err != nil {
		return Calendar{}, err
	}
	return c, nil
}

func parseZone(name string) (*time.Location, error) {
	name = cmp.Or(strings.TrimSpace(name), "UTC")
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // where callbus runs says nothing of where the business is
		return nil, fmt.Errorf("%s is not a known time zone; a name such as Europe/Istanbul is accepted", shortly(name))
	}
	return zone, nil
}

// String returns the three settings, parted by semicolons: in one spelling, however they were set, so that it tells
// whether one was changed.
func (c Calendar) String() string {
	s := c.week.String() + "; " + cmp.Or(c.zone, time.UTC).String()
	if holidays := c.holidays.String(); holidays != "" {
		s += "; " + holidays
	}
	return s
}

// by puts the name of its variable before each fault of err.
func by(variable string, err error) error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", variable, err)
	}
	var faults []error
	for _, e := range joined.Unwrap() {
		faults = append(faults, by(variable, e))
	}
	return errors.Join(faults...)
}

// shortly quotes a value, at most its beginning.
func shortly(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%q", value)
}
