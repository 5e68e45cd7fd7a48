package pbxsim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/callbus/callbus/events"
)

// while1Directions is the vendor's word for each direction. It has none for calls between its own telephones: they go
// out of one.
var while1Directions = map[events.Direction]string{
	events.Inbound: "IN", events.Outbound: "OUT", events.Internal: "OUT",
}

// appendRow appends a row, its fields in the order of the vendor's document.
func (v *While1) appendRow(b []byte, q request, form while1Form, row while1Listed, now time.Time) []byte {
	uniqueid, linkedid, began, ended := v.identity(row.while1Row, now)
	status, bill := v.status(row.while1Row, now), v.bill(row.while1Row, now)
	file, url := v.recording(row.while1Row, now)
	route, routeID := v.route(row.call.Call)
	w := while1Writer{b: append(b, '{'), form: form}
	w.number("id", row.id, true)
	w.text("uniqueid", uniqueid)
	w.text("linkedid", linkedid)
	w.text("time", began)
	w.text("time_end", ended)
	w.text("caller_id", v.callerID(row.while1Row))
	w.text("source", v.source(row.while1Row))
	w.text("destination", v.destination(row.while1Row))
	w.text("direction", while1Directions[row.call.Direction])
	w.text("channel_formatted", v.channelOf(row.while1Row))
	w.text("dstchannel_formatted", v.dstchannel(row.while1Row))
	w.absent("customer_id")
	w.orNull("user_fullname", v.fullname(row.while1Row, bill))
	w.orNull("qname", row.qname())
	w.text("code", row.code())
	w.text("call_status", status)
	w.orNull("call_status_info", while1Info[status])
	w.text("call_codes", row.codes(status, bill))
	w.absent("accounting_code", "accounting_value", "comments", "monitor_files", "monitor_urls")
	w.orNull("recording_file", file)
	w.orNull("recording_url", url)
	w.orNull("transfers", row.legOf().handed)
	w.text("project", "Demo")
	w.orNull("inbound_route", route)
	w.orNull("inbound_route_id", routeID)
	w.absent("queue_log")
	w.orNull("ivr_log", row.menu())
	w.absent("external_id", "external_info", "agent_details")
	w.recovered(q, row.recovered)
	w.absent("transcription_id", "transcription_text")
	w.clock("bill_duration", bill)
	w.clock("duration", row.legOf().to.Sub(row.legOf().from))
	w.number("bill_minutes", int((bill+time.Minute-1)/time.Minute), false)
	w.clock("ivr_duration", row.inMenu())
	w.clock("hold_time", row.held())
	w.clock("ring_time", row.rung())
	return append(w.b, '}')
}

// identity is what tells which call a row is of, and when. It cannot be read while the row is garbled: then no clock is
// left from which a lenient reader could tell the rest.
func (v *While1) identity(row while1Row, now time.Time) (uniqueid, linkedid, began, ended string) {
	uniqueid, linkedid, began, ended = row.uniqueid, row.call.linkedid, v.stamp(row.legOf().from), v.stamp(row.legOf().to)
	if row.leg != garbageLeg && !now.Before(row.call.rec.readable) {
		return uniqueid, linkedid, began, ended
	}
	ids := []string{"#N/A", "?.?", "Array", "NULL.NULL"}
	uniqueid = ids[v.die(row.call.Call, "garble").of(len(ids))]
	if row.leg == garbageLeg || v.die(row.call.Call, "garble time").chance(0.5) {
		began, ended = "0000-00-00 00:00:00", "0000-00-00 00:00:00"
	}
	return uniqueid, uniqueid, began, ended
}

// legOf is the leg that the row tells of. A row of no call looks as one of the first.
func (r while1Row) legOf() while1Leg { return r.call.legs[max(0, r.leg)] }

// bill is how long people talked, by the record as it is at t.
func (v *While1) bill(row while1Row, t time.Time) time.Duration {
	k, leg := row.call, row.legOf()
	switch said := k.rec.outcome(k.Call, t); {
	case row.leg == garbageLeg:
		return 0
	case said == k.Outcome:
		return leg.talked()
	case said == events.Answered && row.leg == len(k.legs)-1: // wrongly
		return max(time.Second, roundUp(leg.to.Sub(leg.from)/2))
	}
	return 0
}

func (v *While1) status(row while1Row, t time.Time) string {
	switch {
	case row.leg == garbageLeg:
		return "NO ANSWER"
	case row.call.Outcome == events.Busy:
		return "BUSY"
	case row.call.Outcome == events.Failed:
		return []string{"FAILED", "CONGESTION"}[v.die(row.call.Call, "fails").of(2)]
	case v.bill(row, t) > 0 || row.legOf().picked:
		return "ANSWERED"
	}
	return "NO ANSWER"
}

// while1Info is what the vendor says beyond the status: the dial status, the cause by Q.850, the words of SIP.
var while1Info = map[string]string{
	"BUSY":       "DS:BUSY|HC:17|HI:SIP 486 Busy Here",
	"FAILED":     "DS:CONGESTION|HC:34|HI:SIP 503 Service Unavailable",
	"CONGESTION": "DS:CONGESTION|HC:34|HI:",
}

func (r while1Row) code() string {
	switch {
	case r.call.Media == events.Fax:
		return "fax"
	case r.call.Direction == events.Inbound:
		return "inbound"
	case r.call.Direction == events.Internal:
		return "internal"
	}
	return "outbound"
}

func (r while1Row) codes(status string, bill time.Duration) string {
	way := "out "
	if r.call.Direction == events.Inbound {
		way = "in "
	}
	switch {
	case r.call.Media == events.Fax:
		return way + "fax"
	case status == "BUSY":
		return way + "busy"
	case status == "CONGESTION":
		return way + "congestion"
	case bill > 0:
		return way + "answered"
	}
	return way + "no answer"
}

func (r while1Row) qname() string {
	if r.legOf().transfer {
		return ""
	}
	return queueID(r.call.Call)
}

// menu is the menu that the caller heard, on the row of the call's beginning.
func (r while1Row) menu() string {
	if r.leg > 0 {
		return ""
	}
	return r.call.Menu
}

func (r while1Row) inMenu() time.Duration {
	if r.menu() == "" {
		return 0
	}
	return r.call.MenuUntil.Sub(r.call.Start)
}

// held is how long the caller waited in the queue until the telephone of this row rang, or to the end.
func (r while1Row) held() time.Duration {
	leg, queued := r.legOf(), r.call.Start
	if r.call.Menu != "" {
		queued = r.call.MenuUntil
	}
	switch {
	case r.qname() == "":
		return 0
	case leg.desk == "":
		return max(0, leg.to.Sub(queued))
	}
	return max(0, leg.rang.Sub(queued))
}

func (r while1Row) rung() time.Duration {
	leg := r.legOf()
	switch {
	case leg.picked:
		return 0
	case leg.answer.IsZero():
		return leg.to.Sub(leg.rang)
	}
	return leg.answer.Sub(leg.rang)
}

// recording names the file, on the rows of the people who talked.
func (v *While1) recording(row while1Row, t time.Time) (file, url string) {
	if v.bill(row, t) == 0 || !row.call.rec.hasRecording(t) {
		return "", ""
	}
	file = row.uniqueid + ".wav"
	return file, "https://pbx.example/recordings/" + file
}

// hms is a duration as the vendor writes it, cut to seconds.
func hms(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// route is the line by which the call came in, and its place in the vendor's list; or "".
func (v *While1) route(c *Call) (name, id string) {
	if c.Direction != events.Inbound {
		return "", ""
	}
	return c.Trunk, strconv.Itoa(v.trunk(c) + 1)
}
