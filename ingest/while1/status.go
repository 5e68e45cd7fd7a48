package while1

import (
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// statusInfo is a call_status_info: DS:CONGESTION|HC:34|HI:SIP 503 Service Unavailable. It reads as the dial status and
// the hangup cause of Asterisk, the latter by Q.850, and what the other side said.
type statusInfo struct{ dial, cause, text string }

func parseInfo(text string) (s statusInfo) {
	for part := range strings.SplitSeq(text, "|") {
		name, value, _ := strings.Cut(part, ":")
		switch value = strings.TrimSpace(value); strings.ToUpper(strings.TrimSpace(name)) {
		case "DS":
			s.dial = strings.ToUpper(value)
		case "HC":
			s.cause = value
		case "HI":
			s.text = value
		}
	}
	return s
}

// hangup returns who ended a leg, as far as it can be told, and the vendor's word for why.
func (s statusInfo) hangup() events.Hangup {
	h := events.Hangup{By: events.ByUnknown}
	if s.dial == "CANCEL" {
		h.By = events.ByCaller
	}
	if h.Cause = told(s.text); h.Cause == nil {
		h.Cause = told(s.cause)
	}
	return h
}

// statuses are the values of call_status that the vendor documents, and others of Asterisk underneath it.
var statuses = map[string]events.Outcome{
	"ANSWERED":    events.Answered,
	"ANSWER":      events.Answered,
	"NOANSWER":    events.NoAnswer,
	"BUSY":        events.Busy,
	"FAILED":      events.Failed,
	"CONGESTION":  events.Failed,
	"INVALIDARGS": events.Failed,
	"CANCEL":      events.Cancelled,
	"CHANUNAVAIL": events.Unreachable,
	"DONTCALL":    events.Rejected,
	"TORTURE":     events.Rejected,
}

// causes are the hangup causes of Q.850 that say more of a call that failed.
var causes = map[string]events.Outcome{
	"17": events.Busy,
	"18": events.NoAnswer, "19": events.NoAnswer,
	"20": events.Unreachable, "27": events.Unreachable,
	"21": events.Rejected,
}

// ranks says which of several legs decides how a call went that nobody answered: the one that got furthest.
var ranks = map[events.Outcome]int{
	events.Answered: 0, events.Voicemail: 1, events.NoAnswer: 2, events.Cancelled: 3, events.Rejected: 4,
	events.Busy: 5, events.Unreachable: 6, events.Failed: 7, events.UnknownOutcome: 8,
}

// outcome returns how a leg went. A queue or a menu that picked up is not a person.
func (f *facts) outcome() events.Outcome {
	said, known := statuses[plainWord(f.status)]
	switch {
	case f.talked():
		return events.Answered
	case said == events.Answered && f.voicemail:
		return events.Voicemail
	case said == events.Answered:
		return events.NoAnswer
	case known && said != events.Failed:
		return said
	}
	if why, ok := f.info.outcome(); ok {
		return why
	}
	if known {
		return said
	}
	return events.UnknownOutcome
}

// outcome returns how a leg went that failed, or whose call_status is not known. A cause knows better than Asterisk's
// word for it, which calls unavailable whatever could not be reached for any cause.
func (s statusInfo) outcome() (events.Outcome, bool) {
	if why, known := causes[s.cause]; known {
		return why, true
	}
	why, known := statuses[plainWord(s.dial)]
	if why == events.Unreachable && s.cause != "" {
		return events.Failed, true
	}
	return why, known && why != events.Answered
}

// talked tells whether a person, or a fax machine, answered this leg.
func (f *facts) talked() bool {
	if statuses[plainWord(f.status)] != events.Answered || f.voicemail {
		return false
	}
	someone := f.desk != "" || f.user != "" || f.direction == "OUT" || f.fax
	if f.bill == nil || someone {
		return someone && (f.bill == nil || *f.bill > 0)
	}
	return *f.bill > orZero(f.menu)+orZero(f.hold) // else all that was billed was a menu or a queue
}

func orZero(d *time.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return *d
}

// plainWord takes a status to the form in which statuses has it: NO ANSWER, no_answer and NoAnswer are one.
func plainWord(status string) string { return joined.Replace(strings.ToUpper(status)) }

var joined = strings.NewReplacer(" ", "", "_", "", "-", "")
