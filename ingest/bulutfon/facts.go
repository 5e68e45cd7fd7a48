package bulutfon

import (
	"fmt"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

const (
	// longest is the longest call that is believed.
	longest = 31 * 24 * time.Hour
	// soonest is how far a record may lie ahead of our clock: more than any error of a time zone, which is no reason to
	// hide calls.
	soonest = 48 * time.Hour
	// rounding is by how much times may be out of order that were rounded each by itself.
	rounding = time.Second
)

// oldest is before the vendor had customers.
var oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// facts are what a row says, read but not yet interpreted.
type facts struct {
	uuid, caller, callee, extension string
	direction                       events.Direction
	media                           events.Media
	start, answered, end            time.Time // answered is zero when nothing answered
	running                         bool      // the call is not over, and has no end
	missing                         *bool     // missing_call, nil in rows of the older revision
	price                           *events.Price
	recording                       events.Recording
	cause                           string
}

// read reads a row. It refuses one without what makes it a call: an id, its times, its sides; and one whose missing_call
// cannot be read, for on that everything hangs. Of what is only good to know (price, recording, extension) nothing can
// make it refuse. The start is there, if it can be read, also with an error.
func (c *Client) read(r row, at time.Time) (f facts, err error) {
	v, err := readFields(r)
	if err != nil {
		return f, err
	}
	if f.start, err = c.start(v.callTime, at); err != nil {
		return f, err
	}
	t := scalar.Texts{}
	f.uuid = t.Must("uuid", v.uuid, "the call's id")
	f.caller, f.callee = t.Read("caller", v.caller), t.Read("callee", v.callee)
	f.cause = t.Read("hangup_cause", v.cause)
	f.direction = directionOf(t.Read("direction", v.direction))
	f.media = mediaOf(t.Read("bf_calltype", v.callType))
	if t.Err != nil {
		return f, t.Err
	}
	if f.missing, err = readMissing(v.missingCall); err != nil {
		return f, err
	}
	f.extension, _ = v.extension.Text()
	f.price, f.recording = priceOf(v.price), recordingOf(v.record)
	return f, c.times(&f, v)
}

// start reads when a call began.
func (c *Client) start(v scalar.Value, at time.Time) (time.Time, error) {
	t, err := c.time("call_time", v)
	switch {
	case err != nil:
		return time.Time{}, err
	case t.IsZero():
		return time.Time{}, fmt.Errorf("call_time: %w (%s), expected a time", scalar.ErrNone, v.Kind())
	case t.Before(oldest) || t.After(at.Add(soonest)):
		return time.Time{}, fmt.Errorf("call_time: %.60s is not a time at which a call can have been, expected 2000 to now", v)
	}
	return t, nil
}

// times reads when a call was answered and when it ended.
func (c *Client) times(f *facts, v fields) (err error) {
	if f.end, err = c.time("hangup_time", v.hangupTime); err != nil {
		return err
	}
	if f.answered, err = c.time("answer_time", v.answerTime); err != nil {
		return err
	}
	if f.end.IsZero() {
		f.running = true
		return nil
	}
	if f.end.Before(f.start.Add(-rounding)) || f.end.After(f.start.Add(longest)) {
		return fmt.Errorf("hangup_time: %.60s is not when a call can have ended that began at %.60s", v.hangupTime, v.callTime)
	}
	f.end = later(f.end, f.start)
	if f.answered.IsZero() {
		return nil
	}
	if f.answered.Before(f.start.Add(-rounding)) || f.answered.After(f.end.Add(rounding)) {
		return fmt.Errorf("answer_time: %.60s is not between call_time %.60s and hangup_time %.60s", v.answerTime, v.callTime, v.hangupTime)
	}
	f.answered = later(f.answered, f.start)
	if f.answered.After(f.end) {
		f.answered = f.end
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// readMissing reads missing_call, nil where the row has none.
func readMissing(v scalar.Value) (*bool, error) {
	if kind := v.Kind(); kind != scalar.Scalar && kind != scalar.Nested {
		return nil, nil
	}
	if text, err := v.Text(); err == nil {
		switch strings.ToLower(text) {
		case "var", "evet":
			return new(true), nil
		case "yok", "hayır":
			return new(false), nil
		}
	}
	missing, err := v.Bool()
	if err != nil {
		return nil, fmt.Errorf("missing_call: %w", err)
	}
	return &missing, nil
}

func directionOf(word string) events.Direction {
	switch strings.ToUpper(word) {
	case "IN":
		return events.Inbound
	case "OUT":
		return events.Outbound
	case "LOCAL":
		return events.Internal
	}
	return events.UnknownDirection
}

// mediaOf takes for a call whatever is not said to be a fax.
func mediaOf(word string) events.Media {
	if strings.EqualFold(word, "fax") {
		return events.Fax
	}
	return events.Voice
}

// recordingOf knows the words of the document, and the Turkish ones that its older samples have in their place.
func recordingOf(v scalar.Value) events.Recording {
	word, _ := v.Text()
	switch strings.ToLower(word) {
	case "yes", "var", "true":
		return events.RecordingAvailable
	case "no", "yok", "false":
		return events.RecordingNone
	case "removed", "silinmiş", "silindi":
		return events.RecordingRemoved
	}
	return events.RecordingUnknown
}
