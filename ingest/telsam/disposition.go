package telsam

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/callbus/callbus/events"
)

// A verdict is what a disposition says of a call.
type verdict struct {
	outcome events.Outcome
	reason  events.MissedReason // of an inbound call; "" when somebody answered
}

// verdicts has the dispositions of the vendor's document, those of Asterisk underneath it, and the results of dialling
// on the pages of the vendor's call centre product, without blanks and in capitals.
var verdicts = map[string]verdict{
	"ANSWERED":    {events.Answered, ""},
	"ANSWER":      {events.Answered, ""},
	"NOANSWER":    {events.NoAnswer, events.MissedNoAnswer},
	"BUSY":        {events.Busy, events.MissedBusy},
	"FAILED":      {events.Failed, events.MissedFailed},
	"CONGESTION":  {events.Failed, events.MissedFailed},
	"INVALIDARGS": {events.Failed, events.MissedFailed},
	"CHANUNAVAIL": {events.Unreachable, events.MissedUnreachable},
	"CANCEL":      {events.Cancelled, events.MissedAbandoned}, // the caller hung up while it rang
	"DONTCALL":    {events.Rejected, events.MissedRejected},   // whoever was called had the call turned away
	"TORTURE":     {events.Rejected, events.MissedRejected},
}

// answeredWords are words that no document has, and that can only mean that somebody answered. Whether a person did
// they do not say, so the outcome stays unknown; but nobody is to be called back for such a call.
var answeredWords = map[string]bool{
	"CEVAPLANDI": true, "YANITLANDI": true, "KONUŞULDU": true, "GÖRÜŞÜLDÜ": true,
}

// judge reads a disposition. Any that is not known leaves the outcome unknown, and an inbound call missed: a customer
// called back in vain costs a minute, one forgotten is lost. The vendor's word goes with the event.
func judge(disposition string) verdict {
	word := plainWord(disposition)
	if v, known := verdicts[word]; known {
		return v
	}
	if answeredWords[word] {
		return verdict{events.UnknownOutcome, ""}
	}
	return verdict{events.UnknownOutcome, events.MissedUnknown}
}

// plainWord takes a disposition to the form in which verdicts has it: NO ANSWER, no_answer and NoAnswer are one.
func plainWord(disposition string) string {
	return joined.Replace(strings.ToUpper(norm.NFC.String(disposition)))
}

var joined = strings.NewReplacer(" ", "", "_", "", "-", "")

// missed returns why a call was missed. Of a caller who gave up it is known when he waited in a queue.
func (v verdict) missed(queue *events.Queue) events.MissedReason {
	if v.reason == events.MissedAbandoned && queue != nil {
		return events.MissedInQueue
	}
	return v.reason
}
