package bulutfon

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// answer returns whether a person answered, who, and when; nil where the way does not tell.
func (w way) answer() (answered *bool, agent *events.Agent, at *time.Time) {
	for _, s := range slices.Backward(w) {
		if person := s.person(); person != nil {
			return new(true), person.agent(), person.picked
		}
	}
	if len(w) > 0 && w[len(w)-1].nobody() {
		return new(false), nil, nil
	}
	return nil, nil, nil
}

// person returns where a person answered: at an extension that a group rang, or at one that was called by itself.
func (s stop) person() *stop {
	for i := range s.rung {
		if s.rung[i].answered() {
			return &s.rung[i]
		}
	}
	if s.toExtension() && s.picked != nil && (s.result == "" || s.answered()) {
		return &s
	}
	return nil
}

// nobody tells whether a call that was answered by no person, and came no further, is certain to have been answered by
// none: it ended in a menu, or those who were rung are known to have let it ring.
func (s stop) nobody() bool {
	switch {
	case s.kind == events.StepMenu:
		return redirected[s.redirection] == ""
	case s.redirection == "CONNECTING_TO_GROUP":
		return s.picked == nil || len(s.rung) > 0 && !slices.ContainsFunc(s.rung, stop.unclear)
	case s.toExtension():
		return s.picked == nil || s.result != ""
	}
	return false
}

// unclear tells of one who was rung that it may have answered.
func (s stop) unclear() bool { return s.result == "" && s.picked != nil }

func (s stop) toExtension() bool { return s.redirection == "CONNECTING_TO_EXTENSION" }

// agent returns who answered here, where it is an extension.
func (s stop) agent() *events.Agent {
	if s.kind != events.StepExtension || s.target == "" {
		return nil
	}
	return &events.Agent{Extension: &s.target}
}
