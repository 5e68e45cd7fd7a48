package verimor

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

// A leg is one number that was called in the course of a call.
type leg struct {
	to                       events.Party
	started, answered, ended *time.Time
	result                   *string
	pickedUp                 bool // somebody or something answered this leg, and not another one in its place
	device                   bool // the vendor tells of a telephone
}

func (c *Client) leg(r row, at time.Time) (l leg, err error) {
	f, err := readFields(r)
	if err != nil {
		return l, err
	}
	moment := func(v scalar.Value) *time.Time {
		if t, ok := c.moment(v, at); ok {
			return &t
		}
		return nil
	}
	l = leg{
		to: c.sides.get(f.destination).party, started: moment(f.start), ended: moment(f.end),
		result: c.words.get(f.result), device: f.address.Kind() >= scalar.Scalar || f.agent.Kind() >= scalar.Scalar,
	}
	answered := moment(f.answer)
	if l.pickedUp = picksUp(c.text(f.result), answered != nil); l.pickedUp {
		l.answered = answered
	}
	return l, nil
}

// picksUp tells whether a leg of this result was answered. Members of a group who did not pick up while another did may
// bear the answer's time as well; so the result decides, and the time only where the result does not tell.
func picksUp(result string, stamped bool) bool {
	switch v := judge(result); {
	case v.other:
		return false
	case v.outcome == events.UnknownOutcome, v.breaks:
		return stamped
	default:
		return v.outcome == events.Answered
	}
}

// A way is the legs of a call, and what has to be known of the call to read them.
type way struct {
	legs      []leg
	kinds     []events.StepKind
	direction events.Direction
	ours      *string // the number of ours that was called
	queue     *events.Queue
	answered  bool // by a person, as the record says
	nobody    bool // answered, as the record says
	name      *string
}

func (c *Client) way(call events.Call, f *fields, legs []leg) way {
	w := way{legs: legs, direction: call.Direction, queue: c.queues.get(f.queue), name: c.words.get(f.destinationName)}
	if call.Outcome != nil {
		w.answered = *call.Outcome == events.Answered
		w.nobody = !w.answered && *call.Outcome != events.UnknownOutcome
	}
	if w.queue == nil {
		w.queue = call.Queue
	}
	if w.direction == events.Inbound {
		w.ours = call.To.Number
	}
	if w.name == nil && call.Agent != nil {
		w.name = call.Agent.Name
	}
	devices := slices.ContainsFunc(legs, func(l leg) bool { return l.device })
	for _, l := range legs {
		w.kinds = append(w.kinds, w.kind(l, devices))
	}
	return w
}

// kind works out what a leg went to, which the vendor does not tell. A long number is ours, if it is the one that was
// called, or outside. A short one is the record's queue, or an extension; but what picked up and is no telephone, while
// others of the call are telephones or nobody answered the call, is a menu.
func (w *way) kind(l leg, devices bool) events.StepKind {
	switch {
	case l.to.Number != nil && w.ours != nil && *l.to.Number == *w.ours:
		return events.StepNumber
	case l.to.Number != nil:
		return events.StepExternal
	case l.to.Extension != nil && w.queue != nil && w.queue.ID != nil && *l.to.Extension == *w.queue.ID:
		return events.StepQueue
	case l.pickedUp && !l.device && (devices || w.nobody):
		return events.StepMenu
	}
	return events.StepExtension
}

func (w *way) steps() []events.Step {
	steps := make([]events.Step, 0, len(w.legs))
	for i, l := range w.legs {
		steps = append(steps, events.Step{
			Kind: w.kinds[i], Target: l.target(), StartedAt: l.started, AnsweredAt: l.answered, EndedAt: l.ended, Result: l.result,
		})
	}
	return steps
}

func (l leg) target() *string {
	if l.to.Number != nil {
		return l.to.Number
	}
	return l.to.Raw
}

// answerer returns the leg of the extension that answered the call first; nil where nobody did, or nobody of ours.
func (w *way) answerer() *leg {
	if !w.answered || w.direction == events.Outbound {
		return nil
	}
	for i := range w.legs {
		if w.kinds[i] == events.StepExtension && w.legs[i].pickedUp && w.legs[i].to.Extension != nil {
			return &w.legs[i]
		}
	}
	return nil
}

// agent returns who answered on l. The name that the record has is that of whom was called, or of who answered.
func (w *way) agent(l *leg) *events.Agent {
	return &events.Agent{Extension: l.to.Extension, Name: w.name}
}
