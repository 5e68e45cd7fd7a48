package while1

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest/scalar"
)

// A row is one element of an answer's results, as the vendor wrote it. It is a part of the answer, not a copy.
type row = scalar.Value

// columns are the fields of a row that are read.
type columns struct {
	id, uniqueID, linkedID                       scalar.Value
	time, timeEnd                                scalar.Value
	callerID, source, destination, direction     scalar.Value
	channel, dstChannel, userFullname, queueName scalar.Value
	code, callStatus, callStatusInfo, callCodes  scalar.Value
	bill, duration, ring, hold, menu             scalar.Value
	inboundRoute, inboundRouteID, queueLog       scalar.Value
	monitorFiles, monitorURLs, recFile, recURL   scalar.Value
	recovered                                    scalar.Value
}

func readColumns(r row) (f columns, err error) {
	members, err := r.Members()
	if err != nil {
		return f, errors.New("the row is not an object with fields")
	}
	for name, v := range members {
		if field := f.field(string(name)); field != nil {
			*field = v
		}
	}
	return f, nil
}

func (f *columns) field(name string) *scalar.Value {
	switch name {
	case "id":
		return &f.id
	case "uniqueid":
		return &f.uniqueID
	case "linkedid":
		return &f.linkedID
	case "time":
		return &f.time
	case "time_end":
		return &f.timeEnd
	case "caller_id":
		return &f.callerID
	case "source":
		return &f.source
	case "destination":
		return &f.destination
	case "direction":
		return &f.direction
	case "channel_formatted":
		return &f.channel
	case "dstchannel_formatted":
		return &f.dstChannel
	case "user_fullname":
		return &f.userFullname
	case "qname":
		return &f.queueName
	case "code":
		return &f.code
	case "call_status":
		return &f.callStatus
	case "call_status_info":
		return &f.callStatusInfo
	case "call_codes":
		return &f.callCodes
	}
	return f.rarer(name)
}

func (f *columns) rarer(name string) *scalar.Value {
	switch name {
	case "bill_duration":
		return &f.bill
	case "duration":
		return &f.duration
	case "ring_time":
		return &f.ring
	case "hold_time":
		return &f.hold
	case "ivr_duration":
		return &f.menu
	case "inbound_route":
		return &f.inboundRoute
	case "inbound_route_id":
		return &f.inboundRouteID
	case "queue_log":
		return &f.queueLog
	case "monitor_files":
		return &f.monitorFiles
	case "monitor_urls":
		return &f.monitorURLs
	case "recording_file":
		return &f.recFile
	case "recording_url":
		return &f.recURL
	case "is_recovered":
		return &f.recovered
	}
	return nil
}

// loose reads a field that is null in the vendor's document, so that nobody knows what it holds when it is not: what is
// no text is no reason to refuse the row.
func loose(v scalar.Value) string {
	text, err := v.Text()
	if err != nil {
		return ""
	}
	return text
}

// yes tells whether a field of any type says yes: is_recovered is shown as null alone, and so are those of recordings.
func yes(v scalar.Value) bool {
	switch v.Kind() {
	case scalar.Absent, scalar.Null, scalar.Empty:
		return false
	case scalar.Nested:
		return true
	}
	if is, err := v.Bool(); err == nil {
		return is
	}
	if n, err := v.Number(); err == nil {
		return n != 0
	}
	switch strings.ToLower(loose(v)) {
	case "nu", "null", "none", "nul":
		return false
	}
	return true
}

// lasting reads a duration, HH:MM:SS or a number of seconds; nil where the vendor tells none.
func lasting(field string, v scalar.Value) (*time.Duration, error) {
	switch v.Kind() {
	case scalar.Absent, scalar.Null, scalar.Empty:
		return nil, nil
	}
	d, err := v.Clock()
	if err != nil {
		seconds, notSeconds := v.Number()
		if notSeconds != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		d = time.Duration(min(max(seconds, -1), 2*longest.Seconds()) * float64(time.Second))
	}
	if d < 0 || d > longest {
		return nil, fmt.Errorf("%s: %.60s is not the duration of a call, expected 00:00:00 to 744:00:00", field, v)
	}
	return &d, nil
}
