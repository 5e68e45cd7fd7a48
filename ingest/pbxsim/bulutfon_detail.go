package pbxsim

import (
	"net/http"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

func (b *Bulutfon) detail(id string) reply {
	now := b.clock()
	c := b.names.find(id, now)
	if c == nil || b.record(c).appears.After(now) {
		return bulutfonError(http.StatusNotFound, `{"error":"Not found","code":404}`)
	}
	row := b.row(entry{call: c}, now)
	row.recording = englishRecording.Replace(row.recording)
	o := object{text: []byte(`{"cdr":`)}
	row.appendTo(&o)
	if c.Direction == events.Inbound {
		o.raw("call_flow", string(b.flow(b.record(c).told(c, now))))
	}
	return reply{http.StatusOK, jsonType, append(o.closed(), '}')}
}

// englishRecording: the detail is in English in both revisions of the document.
var englishRecording = strings.NewReplacer("Yok", "NO", "Var", "YES", "Silinmiş", "REMOVED")

// The vendor's words for what a step of the flow does.
const (
	stepToMenu      = "REDIRECTED_TO_MENU"
	stepToGroup     = "REDIRECTED_TO_GROUP"
	stepToExtension = "REDIRECTED_TO_EXTENSION"
	stepAtMenu      = "CONNECTING_TO_MENU"
	stepAtGroup     = "CONNECTING_TO_GROUP"
	stepAtExtension = "CONNECTING_TO_EXTENSION"
	stepOther       = "OTHER"
)

// bulutfonStep is one step of a call's flow. Zero times are null.
type bulutfonStep struct {
	callee              string
	from, answer, to    time.Time
	redirection, target string // no target: the step is the last of its way
	origination         []byte
}

// flow is the way of an inbound call: the number, a menu, a group or an extension, and whoever it was handed on to.
func (b *Bulutfon) flow(told *Call) []byte {
	list := newRows(8)
	for _, s := range b.steps(told) {
		list.add(func(text []byte) []byte { return b.appendStep(text, s) })
	}
	return append(append([]byte{'['}, list.text...), ']')
}

func (b *Bulutfon) steps(told *Call) []bulutfonStep {
	number := bulutfonStep{callee: b.callee(told), from: told.Start}
	legs := told.legs()
	switch {
	case told.Menu != "":
		number.redirection, number.target = stepToMenu, bulutfonMenu(told.Menu)
		return append([]bulutfonStep{number}, b.fromMenu(told, legs)...)
	case told.Queue != nil:
		number.redirection, number.target = stepToGroup, told.Queue.ID
		return append([]bulutfonStep{number}, b.fromGroup(told, legs)...)
	case len(legs) > 0:
		number.redirection, number.target = stepToExtension, bulutfonExtension(legs[0].extension)
		return append([]bulutfonStep{number}, extensionSteps(legs)...)
	}
	number.redirection, number.answer, number.to = stepOther, told.Answer, told.End // the fax machine, or nothing
	return []bulutfonStep{number}
}

func (b *Bulutfon) fromMenu(told *Call, legs []leg) []bulutfonStep {
	menu := bulutfonStep{callee: bulutfonMenu(told.Menu), from: told.Start, answer: told.Start}
	if told.Queue == nil {
		menu.redirection, menu.to = stepAtMenu, told.End
		return []bulutfonStep{menu}
	}
	menu.redirection, menu.target = stepToGroup, told.Queue.ID
	return append([]bulutfonStep{menu}, b.fromGroup(told, legs)...)
}

// fromGroup is the group with everyone it rang, then those to whom the call was handed on.
func (b *Bulutfon) fromGroup(told *Call, legs []leg) []bulutfonStep {
	rung := legs[:len(told.Rings)]
	group := bulutfonStep{
		callee: told.Queue.ID, from: told.queued(), answer: told.Answer, to: told.handedOn(0), redirection: stepAtGroup,
		origination: b.origination(told, rung),
	}
	return append([]bulutfonStep{group}, extensionSteps(legs[len(rung):])...)
}

func extensionSteps(legs []leg) []bulutfonStep {
	var steps []bulutfonStep
	for _, l := range legs {
		steps = append(steps, bulutfonStep{callee: bulutfonExtension(l.extension), from: l.from, answer: l.answer, to: l.to, redirection: stepAtExtension})
	}
	return steps
}

func (b *Bulutfon) appendStep(text []byte, s bulutfonStep) []byte {
	o := object{text: text}
	o.raw("callee", s.callee)
	o.raw("start_time", b.stamp(s.from))
	o.raw("answer_time", b.stampOrNull(s.answer))
	o.raw("hangup_time", b.stampOrNull(s.to))
	o.str("redirection", s.redirection)
	if s.target != "" {
		o.raw("redirection_target", s.target)
	}
	if s.origination != nil {
		o.raw("origination", string(s.origination))
	}
	return o.closed()
}

// origination is everyone whom a group rang. Those who rang when a colleague picked up have the colleague's times, and
// only the result tells them from him.
func (b *Bulutfon) origination(told *Call, rung []leg) []byte {
	list := newRows(len(rung))
	for _, l := range rung {
		result := "NO_ANSWER"
		switch {
		case l.end == legTalked:
			result = "ANSWERED"
		case l.end == legLost:
			result, l.answer, l.to = "LOSE_RACE", told.Answer, told.handedOn(0)
		case !l.to.Before(told.End) && told.Hangup == events.ByCaller:
			result = "ORIGINATOR_CANCEL"
		}
		list.add(func(text []byte) []byte {
			o := object{text: text}
			o.raw("destination", bulutfonExtension(l.extension))
			o.raw("start_time", b.stamp(l.from))
			o.raw("answer_time", b.stampOrNull(l.answer))
			o.raw("hangup_time", b.stampOrNull(l.to))
			o.str("result", result)
			return o.closed()
		})
	}
	return append(append([]byte{'['}, list.text...), ']')
}
