package telsam

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

type cdrRow struct {
	id, callDate, callType, src, dst, duration scalar.Value
	disposition, queue, record, userField      scalar.Value
}

func readCDRRow(r row) (f cdrRow, err error) {
	members, err := fields(r)
	if err != nil {
		return f, err
	}
	for name, v := range members {
		if field := f.field(string(name)); field != nil {
			*field = v
		}
	}
	return f, nil
}

func (f *cdrRow) field(name string) *scalar.Value {
	switch name {
	case "id":
		return &f.id
	case "calldate":
		return &f.callDate
	case "calltype":
		return &f.callType
	case "src":
		return &f.src
	case "dst":
		return &f.dst
	case "duration":
		return &f.duration
	case "disposition":
		return &f.disposition
	case "queue":
		return &f.queue
	case "record":
		return &f.record
	case "userfield":
		return &f.userField
	}
	return nil
}

// facts are what a record says, read but not yet interpreted.
type facts struct {
	id, callType, src, dst, disposition string
	queue, userField                    string
	calldate                            string
	wall                                time.Time // calldate, see zone.go
	seconds                             float64   // the whole call, ringing included
	lasted                              time.Duration
	record                              scalar.Value
}

// readCDR reads a record. It refuses one without what makes it a call: an id, a start, a duration. Of what is only good
// to know (queue, userfield, record) nothing can make it refuse.
func readCDR(r row) (facts, error) {
	v, err := readCDRRow(r)
	if err != nil {
		return facts{}, err
	}
	t := scalar.Texts{}
	f := facts{
		id: t.Must("id", v.id, "the record's number"), callType: t.Read("calltype", v.callType),
		src: t.Read("src", v.src), dst: t.Read("dst", v.dst), disposition: t.Read("disposition", v.disposition),
		record: v.record,
	}
	f.calldate = t.Must("calldate", v.callDate, "a date of the form dd.mm.yyyy HH:MM:SS")
	if t.Err != nil {
		return facts{}, t.Err
	}
	f.queue, _ = v.queue.Text()
	f.userField, _ = v.userField.Text()
	if f.wall, err = parseWall(f.calldate); err != nil {
		return facts{}, fmt.Errorf("calldate: %w", err)
	}
	f.seconds, f.lasted, err = readDuration(v.duration)
	return f, err
}

// readDuration reads seconds with a decimal comma.
func readDuration(v scalar.Value) (float64, time.Duration, error) {
	seconds, err := v.Number()
	if err != nil {
		return 0, 0, fmt.Errorf("duration: %w", err)
	}
	if seconds < 0 || seconds > longest.Seconds() {
		return 0, 0, fmt.Errorf("duration: %.60s is not the duration of a call, expected 0 to %.0f seconds", v, longest.Seconds())
	}
	return max(seconds, 0), time.Duration(math.Round(seconds*1000)) * time.Millisecond, nil // max: there is a -0
}

// ids returns what tells the record from others. The id alone does not: see key.go.
func (f facts) ids() map[string]string {
	ids := map[string]string{"id": f.id}
	if f.callType != "" {
		ids["calltype"] = f.callType
	}
	return ids
}

// media tells faxes from calls by what samples have for them; no document does.
func (f facts) media() events.Media {
	if strings.EqualFold(f.userField, "fax") || strings.EqualFold(f.dst, "fax") {
		return events.Fax
	}
	return events.Voice
}

func (f facts) recording() events.Recording {
	switch has, err := f.record.Bool(); {
	case err != nil:
		return events.RecordingUnknown
	case has:
		return events.RecordingAvailable
	}
	return events.RecordingNone
}
