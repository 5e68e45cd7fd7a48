package verimor

import (
	"errors"
	"fmt"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

// A row is one record, or one leg of a call's flow, as the vendor wrote it. It is a part of the answer, not a copy.
type row = scalar.Value

var errNotObject = errors.New("the row is not an object with fields")

// fields are those of a row that are read. A leg has some of them, and the last two.
type fields struct {
	uuid, direction, result, missed, returned        scalar.Value
	caller, callerName, destination, destinationName scalar.Value
	start, answer, end, duration, talk, queueWait    scalar.Value
	queue, recording, disposition, cause             scalar.Value
	address, agent                                   scalar.Value
}

func readFields(r row) (*fields, error) {
	members, err := r.Members()
	if err != nil {
		return nil, errNotObject
	}
	f := &fields{}
	for name, v := range members {
		if field := f.field(string(name)); field != nil {
			*field = v
		}
	}
	return f, nil
}

func (f *fields) field(name string) *scalar.Value {
	switch name {
	case "call_uuid":
		return &f.uuid
	case "direction":
		return &f.direction
	case "result":
		return &f.result
	case "missed":
		return &f.missed
	case "return_uuid":
		return &f.returned
	case "caller_id_number":
		return &f.caller
	case "caller_id_name":
		return &f.callerName
	case "destination_number":
		return &f.destination
	case "destination_name":
		return &f.destinationName
	case "start_stamp":
		return &f.start
	case "answer_stamp":
		return &f.answer
	case "end_stamp":
		return &f.end
	case "duration":
		return &f.duration
	case "talk_duration":
		return &f.talk
	case "queue_wait_seconds":
		return &f.queueWait
	}
	return f.rareField(name)
}

func (f *fields) rareField(name string) *scalar.Value {
	switch name {
	case "queue":
		return &f.queue
	case "recording_present":
		return &f.recording
	case "sip_hangup_disposition":
		return &f.disposition
	case "hangup_cause": // in the detail, as users of the API have it; no document does
		return &f.cause
	case "ip_address":
		return &f.address
	case "sip_user_agent":
		return &f.agent
	}
	return nil
}

// party returns a side of a call: its number, and the name that the PBX shows with it.
func (c *Client) party(field string, number, name scalar.Value) (events.Party, error) {
	s := c.sides.get(number)
	if s.err != nil {
		return s.party, fmt.Errorf("%s: %w", field, s.err)
	}
	p := s.party
	p.Name = c.words.get(name)
	return p, nil
}
