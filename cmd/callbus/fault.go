package main

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with the settings.
type Fault struct {
	Setting  string // the whole variable, or the file (and line) it stands in
	Problem  string
	Accepted string // what would be right, where that can be said shortly
}

func (f Fault) Error() string {
	text := f.Setting + ": " + f.Problem
	if f.Accepted != "" {
		text += "; accepted: " + f.Accepted
	}
	return text
}

// SettingsError lists every fault of the settings: a person mends them all in one go. It ends the program with code 2.
type SettingsError struct{ Faults []Fault }

func (e *SettingsError) Error() string {
	if len(e.Faults) == 1 {
		return "a setting is wrong:\n  " + e.Faults[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d settings are wrong:", len(e.Faults))
	for _, f := range e.Faults {
		b.WriteString("\n  " + f.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find a single Fault.
func (e *SettingsError) Unwrap() []error {
	all := make([]error, len(e.Faults))
	for i, f := range e.Faults {
		all[i] = f
	}
	return all
}

// settingsError returns nil when there is no fault, so that its result can be returned as it is.
func settingsError(faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &SettingsError{Faults: faults}
}

// refusal is what the decoder of a value says: a [Fault] that does not know its variable yet.
type refusal struct{ problem, accepted string }

func (r *refusal) Error() string {
	if r.accepted == "" {
		return r.problem
	}
	return r.problem + "; accepted: " + r.accepted
}

func refuse(accepted, format string, args ...any) error {
	return &refusal{problem: fmt.Sprintf(format, args...), accepted: accepted}
}

// quotedMost keeps an error readable when a whole file was pasted into a variable.
const quotedMost = 60

// quote shows a value that is no secret.
func quote(value string) string {
	if runes := []rune(value); len(runes) > quotedMost {
		value = string(runes[:quotedMost]) + "..."
	}
	return fmt.Sprintf("%q", value)
}
