package bulutfon

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest/scalar"
)

// forms are the ways of writing a time in ISO 8601, after its blanks were taken out. All of them take a fraction of the
// second as well.
var forms = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05"}

// parseTime reads a time. Without an offset it is what the clock in zone showed; of two such moments, in the hour that
// is repeated when summer time ends, Go's choice is as good as any.
func parseTime(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.ParseInLocation(time.RFC3339, text, zone); err == nil {
		return t.UTC(), nil
	}
	text = joined(text)
	for _, form := range forms {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("no time")
}

// joined takes 2024-05-06 10:12:40 +0300, or UTC, to the form with a T.
func joined(text string) string {
	day, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if rest == "" {
		return day
	}
	return day + "T" + strings.ReplaceAll(strings.Replace(rest, "UTC", "Z", 1), " ", "")
}

// time reads a field that holds a time, or null. The zero time is null. A field that is not there at all tells nothing,
// not even that.
func (c *Client) time(field string, v scalar.Value) (time.Time, error) {
	if v.Kind() == scalar.Null || v.Kind() == scalar.Empty {
		return time.Time{}, nil
	}
	text, err := v.Text()
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", field, err)
	}
	if text == "" {
		return time.Time{}, fmt.Errorf("%s: %w (%s), expected a time or null", field, scalar.ErrNone, v.Kind())
	}
	t, err := parseTime(text, c.zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %.60q is not a time of the form 2024-05-06T10:12:40+03:00", field, text)
	}
	return t, nil
}
