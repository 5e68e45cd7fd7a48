package hours

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events/setting"
)

const acceptedWindow = "times such as 09:00-18:00 are accepted, up to 24:00, and 22:00-06:00 for one that ends on the next day"

// wholeDay is the end of a day, in minutes from its begin.
const wholeDay = 24 * 60

// window is when it is open, in minutes from the midnight with which the day begins that it belongs to. It begins on that
// day, and may end on the next one.
type window struct{ from, to int }

// on returns the window of d, as the clock on the wall shows it.
func (w window) on(d day) (begin, end time.Time) {
	first := d.midnight()
	return first.Add(time.Duration(w.from) * time.Minute), first.Add(time.Duration(w.to) * time.Minute)
}

// parseWindows reads each of texts. Those that can be read are returned even if others cannot.
func parseWindows(texts []string) ([]window, error) {
	var all []window
	var faults []error
	for _, text := range texts {
		w, err := parseWindow(text)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		all = append(all, w)
	}
	return unite(all), errors.Join(faults...)
}

func parseWindow(text string) (window, error) {
	first, last, _ := strings.Cut(text, "-")
	from, ok1 := minutes(first)
	to, ok2 := minutes(last)
	switch {
	case !ok1 || !ok2 || from == wholeDay:
		return window{}, fmt.Errorf("%s is no window; %s", setting.Quote(text), acceptedWindow)
	case from == to:
		return window{}, fmt.Errorf("%s ends as it begins; for a whole day 00:00-24:00 is accepted", setting.Quote(text))
	case to < from:
		to += wholeDay
	}
	return window{from, to}, nil
}

var timeForm = regexp.MustCompile(`^([0-9]{1,2}):([0-5][0-9])$`)

// minutes reads a time of the day.
func minutes(text string) (int, bool) {
	m := timeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	h, _ := strconv.Atoi(m[1]) // two digits
	min, _ := strconv.Atoi(m[2])
	total := h*60 + min
	return total, total <= wholeDay
}

// unite returns the windows of one day in order, those that overlap or touch as one. Only the last can go on after
// midnight then, because all begin before it.
func unite(windows []window) []window {
	var united []window
	slices.SortFunc(windows, func(a, b window) int { return cmp.Compare(a.from, b.from) })
	for _, w := range windows {
		if last := len(united) - 1; last >= 0 && w.from <= united[last].to {
			united[last].to = max(united[last].to, w.to)
			continue
		}
		united = append(united, w)
	}
	return united
}

// spell writes windows as they are set.
func spell(windows []window) string {
	texts := make([]string, len(windows))
	for i, w := range windows {
		texts[i] = w.String()
	}
	return strings.Join(texts, " ")
}

func (w window) String() string {
	if w.to <= wholeDay || w.to-wholeDay < w.from {
		return timeOfDay(w.from) + "-" + timeOfDay(w.to)
	}
	return fmt.Sprintf("%s-24:00 23:59-%s", timeOfDay(w.from), timeOfDay(w.to)) // longer than a day: no single window says that
}

// timeOfDay writes a time of this day or of the next.
func timeOfDay(minutes int) string {
	if minutes > wholeDay {
		minutes -= wholeDay
	}
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}
