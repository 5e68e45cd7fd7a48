package bulutfon

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
)

// answered is the result of the extension that a ring group's call went to. All others that were rung have LOSE_RACE,
// and in the vendor's sample the times of the winner.
const answered = "ANSWERED"

// A stop is one step of a call's way, or one extension that a group rang.
type stop struct {
	kind                 events.StepKind
	target               string
	redirection, towards string // what the step did with the call, and whereto
	result               string
	began, picked, ended *time.Time
	origination          scalar.Value
	rung                 []stop // by a group: its origination
}

// A way is the stops of a call in their order.
type way []stop

// way reads a call_flow. A step of it that is none makes the whole unreadable: without it, nobody could tell who
// answered.
func (c *Client) way(flow scalar.Value) (way, error) {
	w, err := c.stops(flow)
	if err != nil {
		return nil, err
	}
	for i := range w {
		w[i].kind = kindOfStop(w[i], w[:i])
		if w[i].rung, err = c.rung(w[i].origination); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// rung reads the extensions that a group rang.
func (c *Client) rung(origination scalar.Value) ([]stop, error) {
	legs, err := c.stops(origination)
	for i := range legs {
		legs[i].kind = events.StepExtension
		if len(legs[i].target) > longestExtension {
			legs[i].kind = events.StepExternal
		}
	}
	return legs, err
}

// stops reads a list of steps, or of entries of an origination; none where there is no list.
func (c *Client) stops(v scalar.Value) (all []stop, err error) {
	if kind := v.Kind(); kind != scalar.Scalar && kind != scalar.Nested {
		return nil, nil
	}
	list, err := v.Elements()
	if err != nil {
		return nil, fmt.Errorf("%w: its call_flow is not a list", ingest.ErrForeign)
	}
	for r := range list {
		s, err := c.stop(r)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// stop reads a step, or an entry of an origination: the two differ in the name of their number alone.
func (c *Client) stop(r row) (s stop, err error) {
	members, err := r.Members()
	if err != nil {
		return s, fmt.Errorf("%w: a step of its call_flow is not an object", ingest.ErrForeign)
	}
	for name, v := range members {
		switch string(name) {
		case "callee", "destination":
			s.target = c.plain(v)
		case "redirection":
			s.redirection = strings.ToUpper(c.plain(v))
		case "redirection_target":
			s.towards = c.plain(v)
		case "result":
			s.result = c.plain(v)
		case "start_time":
			s.began = c.moment(v)
		case "answer_time":
			s.picked = c.moment(v)
		case "hangup_time":
			s.ended = c.moment(v)
		case "origination":
			s.origination = v
		}
	}
	return s, nil
}

// plain reads a text that is only good to know.
func (c *Client) plain(v scalar.Value) string {
	text, _ := v.Text()
	return c.clean(text)
}

// moment reads a time that is only good to know.
func (c *Client) moment(v scalar.Value) *time.Time {
	t, err := c.time("", v)
	if err != nil || t.IsZero() {
		return nil
	}
	return &t
}

// longestExtension is the greatest number of digits of an internal number.
const longestExtension = 6

var (
	connecting = map[string]events.StepKind{
		"CONNECTING_TO_MENU": events.StepMenu, "CONNECTING_TO_GROUP": events.StepQueue, "CONNECTING_TO_EXTENSION": events.StepExtension,
	}
	redirected = map[string]events.StepKind{
		"REDIRECTED_TO_MENU": events.StepMenu, "REDIRECTED_TO_GROUP": events.StepQueue, "REDIRECTED_TO_EXTENSION": events.StepExtension,
	}
)

// kindOfStop tells what a call came to: by what it does there, by what the step before said of it, or by the length of
// its number. A long number is the one that was called, and further on one outside.
func kindOfStop(s stop, before []stop) events.StepKind {
	if kind, known := connecting[s.redirection]; known && len(s.target) <= longestExtension {
		return kind
	}
	if len(before) > 0 {
		last := before[len(before)-1]
		if kind, known := redirected[last.redirection]; known && last.towards == s.target {
			return kind
		}
	}
	switch n := len(s.target); {
	case n == 0 || n > longestExtension && len(before) == 0:
		return events.StepNumber
	case n <= 2:
		return events.StepMenu
	case n == 3:
		return events.StepQueue
	case n <= longestExtension:
		return events.StepExtension
	}
	return events.StepExternal
}

// flow returns the way as it is published: after a group, each extension that it rang.
func (w way) flow() []events.Step {
	steps := []events.Step{}
	for _, s := range w {
		steps = append(steps, s.step())
		for _, leg := range s.rung {
			steps = append(steps, leg.leg(s.rung))
		}
	}
	return steps
}

func (s stop) step() events.Step {
	result := s.result
	if result == "" {
		result = s.redirection
	}
	return events.Step{
		Kind: s.kind, Target: filled(s.target), Result: filled(result),
		StartedAt: s.began, AnsweredAt: s.picked, EndedAt: s.ended,
	}
}

// leg returns the step of one that was rung. Who did not answer has no answer, and no end later than the moment a
// colleague did: the times are the colleague's.
func (s stop) leg(all []stop) events.Step {
	step := s.step()
	if s.answered() {
		return step
	}
	step.AnsweredAt = nil
	won := slices.IndexFunc(all, stop.answered)
	if won >= 0 && all[won].picked != nil && s.ended != nil && s.ended.After(*all[won].picked) {
		step.EndedAt = nil
	}
	return step
}

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (s stop) answered() bool { return strings.EqualFold(s.result, answered) }

// queue returns the last group that was reached.
func (w way) queue() *events.Queue {
	for _, s := range slices.Backward(w) {
		if s.kind == events.StepQueue && s.target != "" {
			return &events.Queue{ID: &s.target}
		}
	}
	return nil
}
