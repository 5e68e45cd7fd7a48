package hours

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events/setting"
)

const acceptedHours = "hours such as Mon-Fri 09:00-18:00,Sat 10:00-14:00 are accepted, and Mon-Sun 00:00-24:00 for always"

var dayNames = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"} // by time.Weekday

// week has the windows that begin on each day of the week.
type week [7][]window

// parseWeek reads HOURS.
func parseWeek(text string) (week, error) {
	var w week
	if strings.TrimSpace(text) == "" {
		return w, fmt.Errorf("not set: it would never be open; %s", acceptedHours)
	}
	var faults []error
	for entry := range strings.SplitSeq(text, ",") {
		faults = append(faults, w.add(strings.Fields(entry)))
	}
	return w, errors.Join(faults...)
}

// add takes in days and their windows.
func (w *week) add(fields []string) error {
	switch len(fields) {
	case 0:
		return fmt.Errorf("nothing stands between two commas, or at an end; %s", acceptedHours)
	case 1:
		return fmt.Errorf("%s is not days and a window after them; %s", setting.Quote(fields[0]), acceptedHours)
	}
	days, daysErr := parseDays(fields[0])
	windows, windowsErr := parseWindows(fields[1:])
	for _, d := range days {
		w[d] = unite(slices.Concat(w[d], windows))
	}
	return errors.Join(daysErr, windowsErr)
}

// parseDays reads a day of the week, or a range of them, which may go on from Sunday to Monday.
func parseDays(text string) ([]time.Weekday, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, to := weekday(first), weekday(last)
	if from < 0 || to < 0 {
		return nil, fmt.Errorf("%s is no day of the week; Mon, Tue, Wed, Thu, Fri, Sat and Sun are accepted, and ranges such as Mon-Fri", setting.Quote(text))
	}
	days := []time.Weekday{from}
	for d := from; d != to; {
		d = (d + 1) % 7
		days = append(days, d)
	}
	return days, nil
}

// weekday returns the day that name is, or one below 0.
func weekday(name string) time.Weekday {
	return time.Weekday(slices.IndexFunc(dayNames, func(d string) bool { return strings.EqualFold(d, name) }))
}

// String writes w as it is set, from Monday on, and days that follow each other and have the same hours as a range.
func (w week) String() string {
	var entries []string
	for first := 0; first < 7; {
		last := first
		for last < 6 && slices.Equal(w.fromMonday(first), w.fromMonday(last+1)) {
			last++
		}
		if windows := w.fromMonday(first); len(windows) > 0 {
			entries = append(entries, days(first, last)+" "+spell(windows))
		}
		first = last + 1
	}
	return strings.Join(entries, ", ")
}

// fromMonday returns the windows of the nth day of a week that begins with Monday, the 0th.
func (w week) fromMonday(n int) []window { return w[(n+1)%7] }

// days writes a range of such days.
func days(first, last int) string {
	if first == last {
		return dayNames[(first+1)%7]
	}
	return dayNames[(first+1)%7] + "-" + dayNames[(last+1)%7]
}
