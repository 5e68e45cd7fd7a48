package ingest

import (
	"time"

	"github.com/callbus/callbus/events"
)

// changed returns the names of the fields in which b says something else than a: of the facts, not of how they are known
// (vendor_ids, evidence, estimated, the observed window, raw).
func changed(a, b *events.Call) []string {
	var names []string
	differ := func(name string, same bool) {
		if !same {
			names = append(names, name)
		}
	}
	differ("state", a.State == b.State)
	differ("direction", a.Direction == b.Direction)
	differ("media", a.Media == b.Media)
	differ("from", sameParty(a.From, b.From))
	differ("to", sameParty(a.To, b.To))
	differ("external_number", same(a.ExternalNumber, b.ExternalNumber))
	differ("queue", sameQueue(a.Queue, b.Queue))
	differ("agent", sameAgent(a.Agent, b.Agent))
	differ("started_at", sameTime(a.StartedAt, b.StartedAt))
	differ("answered_at", sameTime(a.AnsweredAt, b.AnsweredAt))
	differ("ended_at", sameTime(a.EndedAt, b.EndedAt))
	differ("ring_seconds", same(a.RingSeconds, b.RingSeconds))
	differ("wait_seconds", same(a.WaitSeconds, b.WaitSeconds))
	differ("talk_seconds", same(a.TalkSeconds, b.TalkSeconds))
	differ("total_seconds", same(a.TotalSeconds, b.TotalSeconds))
	differ("outcome", same(a.Outcome, b.Outcome))
	differ("missed", same(a.Missed, b.Missed))
	differ("missed_reason", same(a.MissedReason, b.MissedReason))
	differ("returned", sameReturned(a.Returned, b.Returned))
	differ("hangup", a.Hangup.By == b.Hangup.By && same(a.Hangup.Cause, b.Hangup.Cause))
	differ("recording", a.Recording == b.Recording)
	differ("price", samePrice(a.Price, b.Price))
	differ("flow", sameFlow(a.Flow, b.Flow))
	differ("vendor_result", same(a.VendorResult, b.VendorResult))
	return names
}

// same compares what two pointers hold; nil is like nil alone.
func same[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func sameTime(a, b *time.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}

func sameParty(a, b events.Party) bool {
	return a == b || same(a.Number, b.Number) && same(a.Raw, b.Raw) && same(a.Name, b.Name) && same(a.Extension, b.Extension)
}

func sameQueue(a, b *events.Queue) bool {
	return a == b || a != nil && b != nil && same(a.ID, b.ID) && same(a.Name, b.Name)
}

func sameAgent(a, b *events.Agent) bool {
	return a == b || a != nil && b != nil && same(a.Extension, b.Extension) && same(a.Name, b.Name)
}

func sameReturned(a, b *events.Returned) bool {
	return a == b || a != nil && b != nil && same(a.CallID, b.CallID) && sameTime(a.At, b.At)
}

func samePrice(a, b *events.Price) bool {
	return a == b || a != nil && b != nil && a.Amount == b.Amount && same(a.Currency, b.Currency)
}

func sameFlow(a, b []events.Step) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameStep(a[i], b[i]) {
			return false
		}
	}
	return true
}

func sameStep(a, b events.Step) bool {
	return a.Kind == b.Kind && same(a.Target, b.Target) && same(a.Result, b.Result) &&
		sameTime(a.StartedAt, b.StartedAt) && sameTime(a.AnsweredAt, b.AnsweredAt) && sameTime(a.EndedAt, b.EndedAt)
}
