package verimor

import (
	"fmt"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
)

// idName is the vendor's name for a call's id.
const idName = "call_uuid"

// RecordKey returns the Key of the record behind a published call, or "" when it was published without one. The vendor
// has one id for a call everywhere, so the key is that.
func (c *Client) RecordKey(call events.Call) string { return call.VendorIDs[idName] }

// record reads a record. It refuses one without what makes it a call: an id, a start, an end. Of what is only good to
// know nothing can make it refuse.
func (c *Client) record(r row, at time.Time) (ingest.CDR, error) {
	f, err := readFields(r)
	if err != nil {
		return ingest.CDR{}, err
	}
	id, err := c.id(f.uuid)
	if err != nil {
		return ingest.CDR{}, err
	}
	call, err := c.call(f, id, at)
	if err != nil {
		return ingest.CDR{}, err
	}
	if c.raw {
		call.Raw = c.redact.Raw(r)
	}
	return ingest.CDR{Key: id, Call: call}, nil
}

// id reads a call's id: any text. The vendor's own document has one that is no UUID.
func (c *Client) id(v scalar.Value) (string, error) {
	id, err := v.Text()
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", idName, err)
	case id == "":
		return "", fmt.Errorf("%s: %w (%s), expected the call's id", idName, scalar.ErrNone, v.Kind())
	}
	return c.clean(id), nil
}

// call says what a record says in callbus's terms.
func (c *Client) call(f *fields, id string, at time.Time) (call events.Call, err error) {
	t, err := c.readTimes(f, id, at)
	if err != nil {
		return call, err
	}
	call = events.Call{
		VendorIDs:    map[string]string{idName: id},
		Media:        events.Voice,
		Queue:        c.queues.get(f.queue),
		StartedAt:    &t.start,
		EndedAt:      &t.end,
		WaitSeconds:  c.lengths.get(f.queueWait),
		TotalSeconds: t.total,
		Hangup:       events.Hangup{By: hungUp(c.text(f.disposition)), Cause: c.words.get(f.cause)},
		Recording:    recording(f.recording),
		VendorResult: c.words.get(f.result),
	}
	if call.From, err = c.party("caller_id_number", f.caller, f.callerName); err != nil {
		return call, err
	}
	if call.To, err = c.party("destination_number", f.destination, f.destinationName); err != nil {
		return call, err
	}
	call.Direction = directionOf(c.text(f.direction))
	call.ExternalNumber = ingest.Outside(call.Direction, call.From, call.To)
	c.decide(&call, f, at)
	return call, nil
}

// hungUp returns who hung up.
func hungUp(disposition string) events.HangupSide {
	switch disposition {
	case "caller":
		return events.ByCaller
	case "callee":
		return events.ByCallee
	case "system":
		return events.BySystem
	}
	return events.ByUnknown
}

func recording(v scalar.Value) events.Recording {
	text, err := v.Text()
	switch {
	case err != nil || text == "":
		return events.RecordingUnknown
	case strings.EqualFold(text, "deleted"):
		return events.RecordingRemoved
	}
	switch has, err := v.Bool(); {
	case err != nil:
		return events.RecordingUnknown
	case has:
		return events.RecordingAvailable
	}
	return events.RecordingNone
}
