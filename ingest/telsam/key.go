package telsam

import (
	"github.com/callbus/callbus/ingest/wallclock"
	"slices"
	"strconv"
	"time"

	"github.com/callbus/callbus/events"
)

// recordKey tells a record from every other of the account. The vendor counts its ids for each call type by itself, and
// may begin anew; so the type and the second of the start are part of it. Of a start that can be read in two ways it is
// the earlier, whichever was taken.
func recordKey(callType, id string, possible []time.Time) string {
	return callType + "/" + id + "@" + strconv.FormatInt(possible[0].Unix(), 10)
}

// RecordKey returns the Key of the record behind a published call, or "" when it was published without one. It also
// makes the record keep the start it was published with, where that can be read in two ways (see [Client.CDRs]).
func (c *Client) RecordKey(call events.Call) string {
	id := call.VendorIDs["id"]
	if id == "" || call.StartedAt == nil || !slices.Contains(call.Evidence, events.FromCDR) {
		return ""
	}
	possible := wallclock.Readings(wallclock.Of(*call.StartedAt, c.clock.zone), c.clock.zone)
	key := recordKey(call.VendorIDs["calltype"], id, possible)
	if len(possible) > 1 {
		c.clock.learn(key, *call.StartedAt)
	}
	return key
}
