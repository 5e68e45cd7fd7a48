package bulutfon

import (
	"strings"

	"github.com/callbus/callbus/events"
)

// A verdict is what a hangup_cause says of a call that nobody answered.
type verdict struct {
	outcome events.Outcome
	reason  events.MissedReason // where the call is missed
}

var (
	tellsNothing = verdict{events.UnknownOutcome, events.MissedUnknown}
	failed       = verdict{events.Failed, events.MissedFailed}
	unreachable  = verdict{events.Unreachable, events.MissedUnreachable}
	barred       = verdict{events.Blocked, events.MissedRejected}
	noAnswer     = verdict{events.NoAnswer, events.MissedNoAnswer}
)

// normal is written of every call that the PBX had no trouble with, whether or not anybody talked.
const normal = "NORMAL_CLEARING"

// verdicts has the causes of the vendor's document, and those of FreeSWITCH underneath it that others have met with.
var verdicts = map[string]verdict{
	normal:              noAnswer,
	"NO_ANSWER":         noAnswer,
	"NO_USER_RESPONSE":  noAnswer,
	"USER_BUSY":         {events.Busy, events.MissedBusy},
	"CALL_REJECTED":     {events.Rejected, events.MissedRejected},
	"ORIGINATOR_CANCEL": {events.Cancelled, events.MissedAbandoned}, // the caller hung up while it rang

	"SUBSCRIBER_ABSENT":        unreachable,
	"USER_NOT_REGISTERED":      unreachable,
	"DESTINATION_OUT_OF_ORDER": unreachable,

	"OUTGOING_CALL_BARRED": barred,
	"INCOMING_CALL_BARRED": barred,

	"ANSWERED":               tellsNothing, // of a call without answer_time
	"LOSE_RACE":              tellsNothing, // of a leg
	"PICKED_OFF":             tellsNothing,
	"BLIND_TRANSFER":         tellsNothing,
	"ATTENDED_TRANSFER":      tellsNothing,
	"CALL_AWARDED_DELIVERED": tellsNothing,
	"MANAGER_REQUEST":        tellsNothing,
	"UNSPECIFIED":            tellsNothing,
	"NORMAL_UNSPECIFIED":     tellsNothing,

	"ACCESS_INFO_DISCARDED": failed, "ALLOTTED_TIMEOUT": failed, "BEARERCAPABILITY_NOTAUTH": failed,
	"BEARERCAPABILITY_NOTAVAIL": failed, "BEARERCAPABILITY_NOTIMPL": failed, "CHANNEL_UNACCEPTABLE": failed,
	"CHAN_NOT_IMPLEMENTED": failed, "CRASH": failed, "EXCHANGE_ROUTING_ERROR": failed, "FACILITY_NOT_IMPLEMENTED": failed,
	"FACILITY_NOT_SUBSCRIBED": failed, "FACILITY_REJECTED": failed, "GATEWAY_DOWN": failed, "IE_NONEXIST": failed,
	"INCOMPATIBLE_DESTINATION": failed, "INTERWORKING": failed, "INVALID_CALL_REFERENCE": failed,
	"INVALID_IE_CONTENTS": failed, "INVALID_MSG_UNSPECIFIED": failed, "INVALID_NUMBER_FORMAT": failed,
	"MANDATORY_IE_LENGTH_ERROR": failed, "MANDATORY_IE_MISSING": failed, "MEDIA_TIMEOUT": failed,
	"MESSAGE_TYPE_NONEXIST": failed, "NETWORK_OUT_OF_ORDER": failed, "NORMAL_CIRCUIT_CONGESTION": failed,
	"NORMAL_TEMPORARY_FAILURE": failed, "NO_ROUTE_DESTINATION": failed, "NO_ROUTE_TRANSIT_NET": failed,
	"NUMBER_CHANGED": failed, "PRE_EMPTED": failed, "PROGRESS_TIMEOUT": failed, "PROTOCOL_ERROR": failed,
	"RECOVERY_ON_TIMER_EXPIRE": failed, "REDIRECTION_TO_NEW_DESTINATION": failed, "REQUESTED_CHAN_UNAVAIL": failed,
	"RESPONSE_TO_STATUS_ENQUIRY": failed, "SERVICE_NOT_IMPLEMENTED": failed, "SERVICE_UNAVAILABLE": failed,
	"SWITCH_CONGESTION": failed, "SYSTEM_SHUTDOWN": failed, "UNALLOCATED_NUMBER": failed, "USER_CHALLENGE": failed,
	"WRONG_CALL_STATE": failed, "WRONG_MESSAGE": failed,
}

// judge adds to call how it went, and tells whether the row leaves open who answered: the older revision has no
// missing_call, and an answer_time also when it was a menu.
func (f facts) judge(call *events.Call) (undecided bool) {
	picked := !f.answered.IsZero()
	missing := f.missing != nil && *f.missing
	call.Missed = new(f.missed(picked))
	switch {
	case !picked || missing:
		f.unanswered(call, picked)
	case f.missing == nil && f.direction == events.Inbound && f.media == events.Voice:
		call.Outcome = new(events.UnknownOutcome)
		return true
	default:
		call.Outcome, call.AnsweredAt = new(events.Answered), &f.answered
		call.RingSeconds, call.TalkSeconds = seconds(f.start, f.answered), seconds(f.answered, f.end)
	}
	return false
}

// missed tells whether a call is missed: the vendor's word goes before everything. No call of our own people is.
func (f facts) missed(picked bool) bool {
	switch {
	case f.direction == events.Outbound || f.direction == events.Internal:
		return false
	case f.missing != nil:
		return *f.missing
	}
	return f.direction == events.Inbound && f.media == events.Voice && !picked
}

// unanswered adds how a call went that no person answered. Where a menu or a group picked it up, a normal end tells
// nothing of why: the caller may have had what he wanted from the menu, or may have given up.
func (f facts) unanswered(call *events.Call, picked bool) {
	v := judgeCause(f.cause)
	if picked {
		v.outcome = events.NoAnswer
		if strings.EqualFold(f.cause, normal) {
			v.reason = events.MissedUnknown
		}
	}
	call.Outcome, call.TalkSeconds = &v.outcome, new(0.0)
	if *call.Missed {
		call.MissedReason = &v.reason
	}
}

func judgeCause(cause string) verdict {
	if v, known := verdicts[strings.ToUpper(cause)]; known {
		return v
	}
	return tellsNothing
}
