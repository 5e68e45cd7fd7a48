package verimor

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest/scalar"
)

// longest is the longest call that is believed.
const longest = 31 * 24 * time.Hour

// patience is for how long a record without an end and without a result may stand for a call that goes on.
const patience = 12 * time.Hour

// errGoingOn is the error of a record whose call is not over: it will be read again.
var errGoingOn = errors.New("the call goes on")

// times are when a call began and ended, and how long it took by the vendor's own count.
type times struct {
	start, end time.Time
	total      *float64 // seconds
}

// readTimes reads when a call was. The end is told by its stamp, else by the duration.
func (c *Client) readTimes(f *fields, id string, at time.Time) (t times, err error) {
	t.total = c.lengths.get(f.duration)
	if t.start, err = c.began(f, id, t.total, at); err != nil {
		return t, err
	}
	end, err := c.stamp(f.end, at)
	if errors.Is(err, scalar.ErrNone) && f.result.Kind() < scalar.Scalar && at.Sub(t.start) < patience {
		return t, errGoingOn
	}
	if err == nil && (end.Before(t.start) || end.Sub(t.start) > longest) {
		err = fmt.Errorf("%s is not a time at which this call can have ended", f.end)
	}
	switch {
	case err == nil:
		t.end = end
	case t.total != nil:
		t.end = t.start.Add(duration(*t.total))
	default:
		return t, fmt.Errorf("end_stamp: %w; and duration does not tell it", err)
	}
	if t.total == nil {
		t.total = new(t.end.Sub(t.start).Seconds())
	}
	return t, nil
}

// began returns when a call began. Where its stamp cannot be read, the clock in a version 1 id tells, else end and
// duration.
func (c *Client) began(f *fields, id string, total *float64, at time.Time) (time.Time, error) {
	start, err := c.stamp(f.start, at)
	if err == nil {
		return start, nil
	}
	if t, ok := uuidTime(id); ok && believable(t, at) {
		return t.Truncate(time.Second), nil // as the vendor writes it
	}
	if end, endErr := c.stamp(f.end, at); endErr == nil && total != nil {
		return end.Add(-duration(*total)), nil
	}
	return start, fmt.Errorf("start_stamp: %w; and neither call_uuid nor end_stamp and duration tell it", err)
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
}

// seconds reads a duration, which is HH:MM:SS or a number of seconds; nil where it is not told or not believed.
func seconds(v scalar.Value) *float64 {
	text, err := v.Text()
	if err != nil || text == "" {
		return nil
	}
	var n float64
	if strings.Contains(text, ":") {
		var d time.Duration
		d, err = v.Clock()
		n = d.Seconds()
	} else {
		n, err = v.Number()
	}
	if err != nil || n < 0 || n > longest.Seconds() {
		return nil
	}
	return new(max(n, 0)) // max: there is a -0
}
