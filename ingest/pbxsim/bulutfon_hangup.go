package pbxsim

import "github.com/callbus/callbus/events"

// bulutfonEnd is how a call ended in the vendor's words, and what that means.
type bulutfonEnd struct {
	cause, state string
	outcome      events.Outcome
}

var (
	bulutfonBusy = []bulutfonEnd{
		{"USER_BUSY", "send_refuse", events.Busy}, {"USER_BUSY", "send_refuse", events.Busy}, {"CALL_REJECTED", "send_refuse", events.Rejected},
	}
	bulutfonFailed = []bulutfonEnd{
		{"SUBSCRIBER_ABSENT", "send_refuse", events.Unreachable}, {"NETWORK_OUT_OF_ORDER", "send_refuse", events.Failed},
		{"NORMAL_TEMPORARY_FAILURE", "send_refuse", events.Failed}, {"SWITCH_CONGESTION", "send_cancel", events.Failed},
	}
	bulutfonNobody = []bulutfonEnd{
		{"NO_ANSWER", "send_cancel", events.NoAnswer},
		{"ORIGINATOR_CANCEL", "recv_cancel", events.Cancelled}, {"ORIGINATOR_CANCEL", "recv_cancel", events.Cancelled},
	}
)

// hangup is how the call ended. NORMAL_CLEARING says nothing of whether anybody talked: calls that only a menu or a
// queue picked up have it, and, as in the document's own example, some calls to the outside that nobody picked up.
func (b *Bulutfon) hangup(told *Call) (cause, state string, outcome events.Outcome) {
	of := bulutfonNobody
	switch {
	case told.Answered():
		return "NORMAL_CLEARING", bulutfonBye(told), events.Answered
	case told.Outcome == events.Busy:
		of = bulutfonBusy
	case told.Outcome == events.Failed:
		of = bulutfonFailed
	case told.machinePickedUp():
		return "NORMAL_CLEARING", bulutfonBye(told), events.NoAnswer
	case told.Hangup != events.ByCaller:
		return "NO_ANSWER", "send_cancel", events.NoAnswer
	case told.Direction == events.Outbound && !b.cfg.Plain && b.die(told, "refused").chance(0.15):
		return "NORMAL_CLEARING", "recv_refuse", events.NoAnswer
	}
	end := of[b.die(told, "hangup").of(len(of))]
	return end.cause, end.state, end.outcome
}

func bulutfonBye(told *Call) string {
	if told.Hangup == events.ByCaller {
		return "recv_bye"
	}
	return "send_bye"
}
