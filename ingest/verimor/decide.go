package verimor

import (
	"time"

	"github.com/callbus/callbus/events"
)

// decide adds to call how it went. The vendor's flag has the last word: its result says that a call was answered also
// when a menu or a queue did so.
func (c *Client) decide(call *events.Call, f *fields, at time.Time) {
	v := judge(c.text(f.result))
	answer := c.answer(f, call, at)
	talk := c.lengths.get(f.talk)
	missed := flagged(f, call.Direction, v)
	call.Outcome = new(outcome(v, missed, answer, talk))
	call.Missed = new(missed && call.Direction == events.Inbound)
	if *call.Missed {
		call.MissedReason = new(reason(call, v, answer))
	}
	switch {
	case *call.Outcome == events.Answered:
		call.AnsweredAt = answer
		call.TalkSeconds = atMost(talk, call.TotalSeconds)
		call.Agent = agent(call, v)
	case missed || *call.Outcome != events.UnknownOutcome:
		call.TalkSeconds = new(0.0)
	}
	if *call.Outcome != events.Answered {
		call.Returned = c.returned(f)
	}
}

// flagged returns whether the vendor calls the call missed, and where it does not say, whether its result does.
func flagged(f *fields, d events.Direction, v verdict) bool {
	missed, err := f.missed.Bool()
	if err != nil {
		return d == events.Inbound && v.outcome != events.Answered
	}
	return missed
}

// outcome returns how a call went, by its result and by whether it is flagged as missed.
func outcome(v verdict, missed bool, answer *time.Time, talk *float64) events.Outcome {
	switch {
	case missed && v.outcome == events.Answered:
		return events.NoAnswer // a menu or a queue picked up
	case !missed && v.breaks && answer != nil && talk != nil && *talk > 0:
		return events.Answered // what broke off was a conversation
	}
	return v.outcome
}

// reason returns why a call was missed.
func reason(call *events.Call, v verdict, answer *time.Time) events.MissedReason {
	pickedUp := v.outcome == events.Answered
	switch {
	case (pickedUp || v.outcome == events.Cancelled) && call.Queue != nil:
		return events.MissedInQueue
	case pickedUp && answer != nil && call.To.Extension == nil:
		return events.MissedInMenu // what picked up was neither a person nor a queue
	case pickedUp:
		return events.MissedUnknown
	}
	return v.reason
}

// agent returns who answered an inbound call: the name that goes with the destination is that of the extension, and so
// is the number where it is a short one, unless it is the queue's.
func agent(call *events.Call, v verdict) *events.Agent {
	if call.Direction != events.Inbound || v.other {
		return nil
	}
	extension := call.To.Extension
	if extension != nil && call.Queue != nil && *call.Queue.ID == *extension {
		extension = nil
	}
	if extension == nil && call.To.Name == nil {
		return nil
	}
	return &events.Agent{Extension: extension, Name: call.To.Name}
}

// answer reads when something picked up. A time outside the call is not believed.
func (c *Client) answer(f *fields, call *events.Call, at time.Time) *time.Time {
	t, ok := c.moment(f.answer, at)
	if !ok || t.Before(*call.StartedAt) || t.After(*call.EndedAt) {
		return nil
	}
	return &t
}

// atMost returns how long a talk lasted, which is no longer than the call did; the vendor's document has one that is.
func atMost(talk, total *float64) *float64 {
	if talk != nil && total != nil && *talk > *total {
		return total
	}
	return talk
}

// returned reads the id of the call that returned this one. When that was is not told.
func (c *Client) returned(f *fields) *events.Returned {
	id, err := f.returned.Text()
	if err != nil || id == "" {
		return nil
	}
	return &events.Returned{CallID: new(c.clean(id))}
}
