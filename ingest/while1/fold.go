package while1

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// farthest is how far the begin that a linkedid tells may lie before the first row of its call to be believed.
const farthest = 24 * time.Hour

// fold makes one record of the rows of one call. It is false while the call goes on, and where there are no rows. It
// depends on which rows there are alone: not on their order, nor on how often each was read.
func fold(rows []facts) (rec ingest.CDR, over bool) {
	rows = inOrder(rows)
	if len(rows) == 0 || slices.ContainsFunc(rows, func(f facts) bool { return f.ongoing }) {
		return ingest.CDR{}, false
	}
	first := &rows[0]
	call := events.Call{
		VendorIDs: first.ids(),
		Direction: directionOf(rows),
		Media:     mediaOf(rows),
		From:      first.from,
		To:        first.to,
		Queue:     queueOf(rows),
		Returned:  returnedOf(rows),
		Recording: recordingOfAll(rows),
		Flow:      flow(rows),
		Raw:       rawOf(rows),
	}
	call.ExternalNumber = ingest.Outside(call.Direction, call.From, call.To)
	timed(&call, rows)
	judged(&call, rows)
	return ingest.CDR{Key: first.linkedID, Call: call, Rows: len(rows)}, true
}

// inOrder returns each row once, by when it began. Of two versions of a row the one that has an end is kept; which, is
// else of no matter, as long as it is always the same.
func inOrder(rows []facts) []facts {
	versions := slices.Clone(rows)
	slices.SortFunc(versions, func(a, b facts) int {
		return cmp.Or(cmp.Compare(a.id, b.id), compareBool(a.ongoing, b.ongoing), cmp.Compare(a.sum, b.sum))
	})
	versions = slices.CompactFunc(versions, func(a, b facts) bool { return a.id == b.id })
	slices.SortStableFunc(versions, func(a, b facts) int {
		_, m, _ := clockOf(a.uniqueID)
		_, n, _ := clockOf(b.uniqueID)
		return cmp.Or(a.begin.Compare(b.begin), cmp.Compare(m, n))
	})
	return versions
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// beganAt returns when the call of rows began: linkedid is the id of its first channel, and so a clock that is there
// with any of the rows.
func beganAt(rows []facts) time.Time {
	first := rows[0].begin
	for i := range rows {
		if rows[i].begin.Before(first) {
			first = rows[i].begin
		}
	}
	began, _, ok := clockOf(rows[0].linkedID)
	if !ok || began.Sub(first) > clockSlack || first.Sub(began) > farthest {
		return first
	}
	return began
}

// ids returns the ids of a row as those of its call.
func (f *facts) ids() map[string]string {
	ids := map[string]string{"linkedid": f.linkedID, "id": formatID(f.id)}
	if f.uniqueID != "" {
		ids["uniqueid"] = f.uniqueID
	}
	return ids
}

func mediaOf(rows []facts) events.Media {
	if slices.ContainsFunc(rows, func(f facts) bool { return f.fax }) {
		return events.Fax
	}
	return events.Voice
}

// queueOf returns the last queue that was reached. Asterisk knows a queue by its name alone.
func queueOf(rows []facts) *events.Queue {
	for i := len(rows) - 1; i >= 0; i-- {
		if name := told(rows[i].queue); name != nil {
			return &events.Queue{ID: name, Name: name}
		}
	}
	return nil
}

// returnedOf says that the call was called back. The vendor does not tell by which call, nor when.
func returnedOf(rows []facts) *events.Returned {
	if slices.ContainsFunc(rows, func(f facts) bool { return f.recovered }) {
		return &events.Returned{}
	}
	return nil
}

func recordingOfAll(rows []facts) events.Recording {
	recording := events.RecordingUnknown
	for i := range rows {
		switch rows[i].recording {
		case events.RecordingAvailable:
			return events.RecordingAvailable
		case events.RecordingNone:
			recording = events.RecordingNone
		}
	}
	return recording
}

// rawOf returns the rows as data.raw, or nil where the account does not ask for it.
func rawOf(rows []facts) json.RawMessage {
	if rows[0].raw == nil {
		return nil
	}
	raws := make([][]byte, len(rows))
	for i := range rows {
		raws[i] = rows[i].raw
	}
	return slices.Concat([]byte(`{"rows":[`), bytes.Join(raws, []byte(",")), []byte("]}"))
}

// timed adds to call when it began and ended, and how long it was waited and rung for.
func timed(call *events.Call, rows []facts) {
	began := beganAt(rows)
	ended := began
	for i := range rows {
		if rows[i].end.After(ended) {
			ended = rows[i].end
		}
	}
	call.StartedAt, call.EndedAt = &began, &ended
	call.TotalSeconds = new(ended.Sub(began).Seconds())
	for i := range rows {
		hold := rows[i].hold
		if rows[i].queue != "" && hold != nil && (call.WaitSeconds == nil || hold.Seconds() > *call.WaitSeconds) {
			call.WaitSeconds = new(hold.Seconds())
		}
	}
}
