package ingesttest

import (
	"cmp"
	"time"

	"github.com/callbus/callbus/events"
)

// The account to which the suite has calls belong.
const account, provider = "acme", "vendor"

// published returns call with what the tracker adds to that of a record.
func published(call events.Call) events.Call {
	call.CallID, call.Account, call.Provider = "A", account, provider
	call.Revision, call.State = 1, events.Final
	call.Evidence, call.Estimated = []events.Evidence{events.FromCDR}, []string{}
	return call
}

// ended returns the event of the end of a published call.
func ended(call events.Call) events.Event {
	at := *cmp.Or(call.EndedAt, &time.Time{})
	return events.Event{
		ID: events.ID(account, call.CallID, events.CallEnded, 1), Type: events.CallEnded, Account: account, Provider: provider,
		Subject: call.CallID, Time: at, RecordedTime: at.Add(time.Minute), CorrelationID: call.CallID, Data: call,
	}
}
