package hours

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events/setting"
)

const (
	yeardayForm      = "01-02"
	acceptedHolidays = "dates such as 2026-04-23 are accepted, 12-25 for every year, 2026-03-30..2026-04-02 for a range, and special hours such as 2026-12-31 09:00-12:00"
)

// longestRange is what a range of closed days may have. A longer one is rather a slip in the year, and nobody would notice
// that no reminder comes.
const longestRange = 366

// holidays are the days whose hours are not those of the week.
type holidays struct {
	dates  map[day][]window // the windows that begin on it instead: none when it is closed
	yearly map[yearday]bool // closed
}

// parseHolidays reads HOLIDAYS.
func parseHolidays(text string) (holidays, error) {
	h := holidays{map[day][]window{}, map[yearday]bool{}}
	if strings.TrimSpace(text) == "" {
		return h, nil
	}
	var faults []error
	for entry := range strings.SplitSeq(text, ",") {
		faults = append(faults, h.add(strings.Fields(entry)))
	}
	return h, errors.Join(faults...)
}

var looksYearly = regexp.MustCompile(`^[0-9]{2}-[0-9]{2}$`)

// add takes in one entry: a date, or a range, and its windows.
func (h holidays) add(fields []string) error {
	if len(fields) == 0 {
		return fmt.Errorf("nothing stands between two commas, or at an end; %s", acceptedHolidays)
	}
	windows, err := parseWindows(fields[1:])
	first, last, isRange := strings.Cut(fields[0], "..")
	switch {
	case len(fields) > 1 && (isRange || looksYearly.MatchString(first)):
		return errors.Join(fmt.Errorf("%s cannot have special hours; they are accepted for one date, such as 2026-12-31 09:00-12:00", setting.Quote(fields[0])), err)
	case isRange:
		return h.closeRange(first, last)
	case looksYearly.MatchString(first):
		return h.closeYearly(first)
	}
	d, dateErr := parseDate(first)
	if err := errors.Join(dateErr, err); err != nil {
		return err
	}
	h.dates[d] = unite(slices.Concat(h.dates[d], windows))
	return nil
}

func (h holidays) closeRange(first, last string) error {
	from, fromErr := parseDate(first)
	to, toErr := parseDate(last)
	if err := errors.Join(fromErr, toErr); err != nil {
		return err
	}
	if to < from || to-from >= longestRange {
		return fmt.Errorf("%s..%s ends before it begins, or is longer than a year; %s", from, to, acceptedHolidays)
	}
	for d := from; d <= to; d++ {
		if _, set := h.dates[d]; !set { // special hours stay
			h.dates[d] = nil
		}
	}
	return nil
}

func (h holidays) closeYearly(text string) error {
	t, err := time.Parse("2006-"+yeardayForm, "2000-"+text) // a leap year
	if err != nil {
		return fmt.Errorf("%s is a day of no year; a month and a day of it are accepted, such as 12-25", setting.Quote(text))
	}
	h.yearly[yearday{t.Month(), t.Day()}] = true
	return nil
}

var looksLikeDate = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

func parseDate(text string) (day, error) {
	t, err := time.Parse(time.DateOnly, text)
	switch {
	case err == nil:
		return dayOf(t), nil
	case looksLikeDate.MatchString(text):
		return 0, fmt.Errorf("there is no %s; %s", setting.Quote(text), acceptedHolidays)
	}
	return 0, fmt.Errorf("%s is no date; %s", setting.Quote(text), acceptedHolidays)
}

// String writes h as it is set: what is for every year first, then dates in order, closed ones that follow each other as a
// range.
func (h holidays) String() string {
	var entries []string
	for _, y := range slices.SortedFunc(maps.Keys(h.yearly), func(a, b yearday) int { return leapYear(a).Compare(leapYear(b)) }) {
		entries = append(entries, y.String())
	}
	dates := slices.Sorted(maps.Keys(h.dates))
	for len(dates) > 0 {
		n := h.alike(dates)
		entries = append(entries, h.spell(dates[:n]))
		dates = dates[n:]
	}
	return strings.Join(entries, ", ")
}

// alike returns how many of dates, from the first on, are written as one: itself, or a range of closed days.
func (h holidays) alike(dates []day) int {
	n := 1
	for len(h.dates[dates[0]]) == 0 && n < min(len(dates), longestRange) && dates[n] == dates[n-1]+1 && len(h.dates[dates[n]]) == 0 {
		n++
	}
	return n
}

func (h holidays) spell(dates []day) string {
	if windows := h.dates[dates[0]]; len(windows) > 0 {
		return dates[0].String() + " " + spell(windows)
	}
	if len(dates) == 1 {
		return dates[0].String()
	}
	return dates[0].String() + ".." + dates[len(dates)-1].String()
}
