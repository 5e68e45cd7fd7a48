package pbxsim

import (
	"net/http"
	"strconv"
	"time"

	"github.com/callbus/callbus/events"
)

func (v *Verimor) detail(q request, id string) reply {
	if q.fault == Refused {
		return v.refuse(q)
	}
	now := v.clock()
	c := v.names.find(id, now)
	if c == nil || !verimorKeeps(c) || v.record(c).appears.After(now) {
		return verimorText(http.StatusNotFound, "cannot find call with call_uuid "+id+" ") // the blank is the vendor's
	}
	row := v.row(c, v.returnsOf([]entry{{call: c}}, now)[c.N], now)
	b := row.appendDetail([]byte(`{"cdr":`))
	b = append(b, `,"call_flow":[`...)
	for i, s := range v.flow(v.record(c).told(c, now)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.appendStep(b, s)
	}
	return reply{http.StatusOK, jsonType, append(b, "]}"...)}
}

// appendDetail appends the record as the detail has it: without names and queue, in another order.
func (r *verimorRow) appendDetail(b []byte) []byte {
	o := object{text: b}
	o.str("direction", r.direction)
	o.str("caller_id_number", r.caller)
	o.str("destination_number", r.destination)
	o.str("result", r.result)
	o.strOrNull("sip_hangup_disposition", r.hungUpBy)
	o.raw("missed", r.missed)
	o.strOrNull("return_uuid", r.returnUUID)
	o.str("call_uuid", r.uuid)
	o.str("start_stamp", r.start)
	o.strOrNull("answer_stamp", r.answer)
	o.str("end_stamp", r.end)
	o.str("duration", r.total)
	o.str("talk_duration", r.talk)
	o.raw("queue_wait_seconds", r.waited)
	o.str("recording_present", r.recording)
	return o.closed()
}

// verimorStep is one step of a call's flow: a menu, a queue, or a telephone.
type verimorStep struct {
	target           string
	from, answer, to time.Time
	result           string
	telephone        bool
}

// flow is the call's way: a menu and a queue where there were any, then everyone who was rung.
func (v *Verimor) flow(told *Call) []verimorStep {
	var steps []verimorStep
	if told.Menu != "" {
		steps = append(steps, verimorStep{target: told.Menu, from: told.Start, answer: told.Start, to: told.MenuUntil, result: verimorAnswered})
	}
	if told.Queue != nil {
		steps = append(steps, v.queueStep(told))
	}
	for _, l := range told.legs() {
		steps = append(steps, v.telephoneStep(told, l))
	}
	if told.Direction == events.Outbound {
		result, _ := v.result(told)
		steps = append(steps, verimorStep{target: v.destination(told), from: told.Start, answer: told.Answer, to: told.End, result: result, telephone: true})
	}
	return steps
}

func (v *Verimor) queueStep(told *Call) verimorStep {
	s := verimorStep{target: told.Queue.ID, from: told.queued(), answer: told.Answer, to: told.End, result: verimorUnanswered}
	switch {
	case told.Answered():
		s.result = verimorAnswered
	case v.machineAnswers(told):
		s.answer, s.result = s.from, verimorAnswered
	}
	return s
}

func (v *Verimor) telephoneStep(told *Call, l leg) verimorStep {
	s := verimorStep{target: l.extension, from: l.from, answer: l.answer, to: l.to, result: verimorUnanswered, telephone: true}
	switch {
	case l.end == legTalked:
		s.result = verimorAnswered
	case l.end == legLost:
		s.result = verimorLost
	case !l.to.Before(told.End) && told.Hangup == events.ByCaller:
		s.result = "Vazgeçildi"
	}
	return s
}

func (v *Verimor) appendStep(b []byte, s verimorStep) []byte {
	o := object{text: b}
	o.str("destination_number", s.target)
	o.str("start_stamp", v.stamp(s.from))
	o.strOrNull("answer_stamp", v.stampOrNone(s.answer))
	o.str("end_stamp", v.stamp(s.to))
	seconds := v.seconds(s.from, s.to)
	o.str("duration", time.Time{}.Add(time.Duration(seconds)*time.Second).Format(time.TimeOnly))
	device, address, codec := "", "", ""
	if s.telephone {
		device, address, codec = "SIP-Phone 1.0", deskAddress(s.target), "PCMA"
	}
	o.strOrNull("ip_address", address)
	o.strOrNull("sip_user_agent", device)
	o.strOrNull("write_codec", codec)
	o.strOrNull("read_codec", codec)
	o.str("result", s.result)
	return o.closed()
}

func (v *Verimor) stampOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return v.stamp(t)
}

// deskAddress is one of the addresses for documentation, always the same for one telephone.
func deskAddress(extension string) string {
	n, _ := strconv.Atoi(extension[max(0, len(extension)-4):])
	return "192.0.2." + strconv.Itoa(n%254+1)
}
