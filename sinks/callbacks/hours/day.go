package hours

import "time"

// day is a date, as days since 1 January 1970.
type day int64

const secondsADay = 24 * 60 * 60

// dayOf returns the day that wall shows.
func dayOf(wall time.Time) day {
	seconds := wall.Unix()
	d := day(seconds / secondsADay)
	if seconds%secondsADay < 0 {
		d--
	}
	return d
}

func (d day) midnight() time.Time { return time.Unix(int64(d)*secondsADay, 0).UTC() }

func (d day) weekday() time.Weekday { return time.Weekday(((d+4)%7 + 7) % 7) } // day 0 was a Thursday

func (d day) yearday() yearday {
	_, month, n := d.midnight().Date()
	return yearday{month, n}
}

func (d day) String() string { return d.midnight().Format(time.DateOnly) }

// yearday is a date of every year, or of every leap year.
type yearday struct {
	month time.Month
	day   int
}

func (y yearday) String() string { return leapYear(y).Format(yeardayForm) }

// leapYear returns y in a year that has all of them.
func leapYear(y yearday) time.Time { return time.Date(2000, y.month, y.day, 0, 0, 0, 0, time.UTC) }
