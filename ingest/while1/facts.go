package while1

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

// soonest is how far a row may lie ahead of our clock: more than any error of a time zone, which is no reason to hide
// calls.
const soonest = 48 * time.Hour

// oldest is before the vendor had customers.
var oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// neverEnded is how long after its begin a row without an end is taken for one that is damaged, and not for a call that
// goes on: it must not hide the other rows of its call for ever.
const neverEnded = 12 * time.Hour

// facts are what one row says.
type facts struct {
	id                 int64
	uniqueID, linkedID string // linkedID tells the call
	begin, end         time.Time
	ongoing            bool // there is no end yet

	from, to  events.Party
	direction string // IN, OUT, or what else the vendor may write
	routed    bool   // it came in by an inbound route, and so from outside
	fromExt   bool   // source and destination are extensions
	toExt     bool
	desk      string // whose telephone it was: the name of the channel that was called
	user      string // whose, by name
	queue     string

	status                 string // call_status, as the vendor writes it
	result                 string // call_codes, else status
	info                   statusInfo
	bill, ring, hold, menu *time.Duration
	fax, voicemail         bool
	recording              events.Recording
	recovered              bool // the vendor says that the missed call was called back

	raw json.RawMessage // the row itself, where the account asks for it
	sum uint64          // of the row as it was written
}

// facts reads a row that came at a moment of our clock. It refuses one without what makes it a row of a call: an id, a
// call, a begin, an end unless it lasts. Of what is only good to know nothing can make it refuse.
func (c *Client) facts(r row, at time.Time) (facts, error) {
	v, err := readColumns(r)
	if err != nil {
		return facts{}, err
	}
	f := facts{sum: sumOf(r)}
	for _, part := range []func(columns, *facts) error{c.identity, c.times(at), c.sides, c.result} {
		if err := part(v, &f); err != nil {
			return facts{id: f.id}, err
		}
	}
	if c.raw {
		f.raw = c.redact.Raw(r)
	}
	return f, nil
}

func (c *Client) identity(v columns, f *facts) error {
	const asterisk = "seconds since 1970, a dot and a counter"
	t := scalar.Texts{}
	id := t.Must("id", v.id, "the row's number")
	n, err := strconv.ParseUint(id, 10, 63)
	if t.Err == nil && (err != nil || n == 0) {
		t.Err = fmt.Errorf("id: %.60q is not a number above 0", id)
	} else if err == nil {
		f.id = int64(n)
	}
	f.uniqueID = t.Read("uniqueid", v.uniqueID)
	f.linkedID = t.Read("linkedid", v.linkedID)
	if f.linkedID == "" {
		f.linkedID = t.Must("linkedid", v.uniqueID, asterisk+", there or in uniqueid")
	}
	if t.Err != nil {
		return t.Err
	}
	if _, _, ok := clockOf(f.linkedID); !ok || c.clean(f.linkedID) != f.linkedID || len(f.linkedID) > 100 {
		return fmt.Errorf("linkedid: %.60q is not of the form %s", f.linkedID, asterisk)
	}
	f.uniqueID = c.clean(f.uniqueID)
	return nil
}

// clean takes secrets out of an id. One of digits holds none, and is in no other row.
func (c *Client) clean(id string) string {
	if strings.Trim(id, "0123456789.") == "" {
		return id
	}
	return c.redact.Text(id)
}

// times reads when the row began and ended, and how long its parts lasted.
func (c *Client) times(at time.Time) func(columns, *facts) error {
	return func(v columns, f *facts) error {
		t := scalar.Texts{}
		shown := t.Must("time", v.time, "a date of the form yyyy-mm-dd HH:MM:SS")
		if t.Err != nil {
			return t.Err
		}
		wall, err := parseWall(shown)
		if err != nil {
			return fmt.Errorf("time: %w", err)
		}
		channel, _, ok := clockOf(f.uniqueID)
		if !ok {
			channel, _, _ = clockOf(f.linkedID)
		}
		var moved time.Duration
		f.begin, moved = beginOf(wall, channel, c.zone)
		if f.begin.Before(oldest) || f.begin.After(at.Add(soonest)) {
			return fmt.Errorf("time: %q is not a date on which a call can have been, expected 2000 to now", shown)
		}
		return c.ending(v, f, moved, at)
	}
}

func (c *Client) ending(v columns, f *facts, moved time.Duration, at time.Time) (err error) {
	if f.bill, err = lasting("bill_duration", v.bill); err != nil {
		return err
	}
	lasted, err := lasting("duration", v.duration)
	if err != nil {
		return err
	}
	f.ring, _ = lasting("", v.ring)
	f.hold, _ = lasting("", v.hold)
	f.menu, _ = lasting("", v.menu)
	t := scalar.Texts{}
	shown := t.Read("time_end", v.timeEnd)
	if t.Err != nil {
		return t.Err
	}
	if shown == "" || strings.HasPrefix(shown, "0000-00-00") {
		return f.withoutEnd(loose(v.callStatus), lasted, at)
	}
	wall, err := parseWall(shown)
	if err == nil {
		f.end, err = endOf(wall, f.begin, moved, lasted, c.zone)
	}
	if err != nil {
		return fmt.Errorf("time_end: %w", err)
	}
	return nil
}

// withoutEnd reads a row that shows no end: that of a call which goes on has no status either.
func (f *facts) withoutEnd(status string, lasted *time.Duration, at time.Time) error {
	switch {
	case status != "" && lasted != nil:
		f.end = f.begin.Add(*lasted)
	case status != "":
		return fmt.Errorf("time_end: %w, and none in duration, though call_status is %.60q", scalar.ErrNone, status)
	case at.Sub(f.begin) > neverEnded:
		return fmt.Errorf("time_end: %w, and no call_status either, more than 12 hours after the begin", scalar.ErrNone)
	default:
		f.ongoing = true
	}
	return nil
}

// result reads how it went.
func (c *Client) result(v columns, f *facts) error {
	t := scalar.Texts{}
	f.status = c.words.clean(t.Read("call_status", v.callStatus))
	if t.Err != nil {
		return t.Err
	}
	codes := c.words.clean(loose(v.callCodes))
	if f.result = codes; codes == "" {
		f.result = f.status
	}
	f.info = parseInfo(c.words.clean(loose(v.callStatusInfo)))
	kind := strings.ToLower(loose(v.code) + " " + codes)
	f.fax = hasWord(kind, "fax")
	f.voicemail = hasWord(kind, "voicemail") || strings.Contains(kind, "mesagerie vocal") || strings.Contains(kind, "casuta vocal")
	f.recording = recordingOf(v.monitorFiles, v.monitorURLs, v.recFile, v.recURL)
	f.recovered = yes(v.recovered)
	return nil
}

func hasWord(text, word string) bool {
	for one := range strings.FieldsSeq(text) {
		if one == word {
			return true
		}
	}
	return false
}

// recordingOf reads the fields that tell of a recording: where all of them are left out, nothing is known.
func recordingOf(fields ...scalar.Value) events.Recording {
	recording := events.RecordingUnknown
	for _, v := range fields {
		if yes(v) {
			return events.RecordingAvailable
		}
		if v.Kind() != scalar.Absent {
			recording = events.RecordingNone
		}
	}
	return recording
}

func sumOf(r row) uint64 {
	h := fnv.New64a()
	h.Write(r)
	return h.Sum64()
}
