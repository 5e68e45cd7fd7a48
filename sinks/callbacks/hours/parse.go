package hours

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callbus/callbus/events/setting"
)

// Parse reads the settings HOURS, TIMEZONE and HOLIDAYS. Its error names every fault, each by its variable.
func Parse(hours, zone, holidays string) (Calendar, error) {
	var c Calendar
	var hoursErr, zoneErr, holidaysErr error
	c.week, hoursErr = parseWeek(hours)
	c.zone, zoneErr = parseZone(zone)
	c.holidays, holidaysErr = parseHolidays(holidays)
	if err := errors.Join(setting.Fault("HOURS", hoursErr), setting.Fault("TIMEZONE", zoneErr), setting.Fault("HOLIDAYS", holidaysErr)); err != nil {
		return Calendar{}, err
	}
	return c, nil
}

func parseZone(name string) (*time.Location, error) {
	name = cmp.Or(strings.TrimSpace(name), "UTC")
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // where callbus runs says nothing of where the business is
		return nil, fmt.Errorf("%s is not a known time zone; a name such as Europe/Istanbul is accepted", setting.Quote(name))
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
