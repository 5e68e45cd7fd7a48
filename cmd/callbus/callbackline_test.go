package main

import (
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
)

func owedCallback() events.Callback {
	return events.Callback{
		CallbackID: "mgss5xscru4o2uwzh7hpcwmize", ExternalNumber: "+905321234567", Queue: &events.Queue{Name: new("Sales")},
		Count: 3, FirstMissedAt: noon, LastMissedAt: noon.Add(10 * time.Minute), Step: 1, Steps: 3, DueAt: new(noon.Add(15 * time.Minute)),
		Status: events.StatusNotified,
	}
}

func callbackLine(t events.Type, after time.Duration, c events.Callback) string {
	f := lineFormat{Zone: time.UTC}
	return f.Line(events.Event{Type: t, Account: "acme", Time: noon.Add(after), Data: c})
}

func TestALineShowsTheCallback(t *testing.T) {
	t.Parallel()
	const want = "12:15:00  callback.due       acme  ↩  +905321234567                   Sales           missed 3 times since 12:00:00, waiting for 15m: reminder 1 of 3, due 12:15:00  mgss5xsc"
	if got := callbackLine(events.CallbackDue, 15*time.Minute, owedCallback()); got != want {
		t.Errorf("line\n%q, want\n%q", got, want)
	}
}

func TestALineSaysHowFarACallbackHasCome(t *testing.T) {
	t.Parallel()
	resolution := func(r events.Resolution, seconds *float64) func(*events.Callback) {
		return func(c *events.Callback) {
			c.Status, c.DueAt, c.Resolution, c.SecondsToReturn = events.StatusResolved, nil, &r, seconds
		}
	}
	for _, tc := range []struct {
		name   string
		typ    events.Type
		after  time.Duration
		change func(*events.Callback)
		want   string
	}{
		{"opened", events.CallbackOpened, time.Minute, func(c *events.Callback) { c.Status, c.Step, c.Count = events.StatusWatching, 0, 1 },
			"missed once at 12:00:00, waiting for 1m: reminder due 12:15:00  "},
		{"opened out of hours", events.CallbackOpened, time.Minute, func(c *events.Callback) { c.Status, c.DueAt = events.StatusHeld, new(noon.Add(21*time.Hour)) },
			"outside business hours, reminder due 2026-03-02 09:00:00  "},
		{"opened and put off", events.CallbackOpened, time.Minute, func(c *events.Callback) { c.Status = events.StatusSnoozed }, "snoozed, reminder due 12:15:00  "},
		{"never to be reminded of", events.CallbackOpened, time.Minute, func(c *events.Callback) { c.DueAt = nil }, ": no reminder follows  "},
		{"due on another day", events.CallbackDue, 30 * time.Hour, func(c *events.Callback) { c.Step, c.DueAt = 3, new(noon.Add(30*time.Hour)) },
			"missed 3 times since 2026-03-01 12:00:00, waiting for 30h: reminder 3 of 3, due 18:00:00  "},
		{"attempted", events.CallbackAttempted, 20*time.Minute + 3*time.Second, func(c *events.Callback) {
			c.Status, c.Attempts, c.DueAt = events.StatusAttempted, 2, new(noon.Add(time.Hour))
		},
			"waiting for 20m3s: called back in vain (2), reminder due 13:00:00  "},
		{"returned", events.CallbackCompleted, time.Hour, resolution(events.ResolutionReturned, new(1711.4)), "since 12:00:00, called back after 28m31s  "},
		{"caller reached us", events.CallbackCompleted, time.Hour, resolution(events.ResolutionCallerReachedUs, new(60.0)), ", reached us after 1m  "},
		{"vendor", events.CallbackCompleted, time.Hour, resolution(events.ResolutionVendor, nil), ", called back, says the vendor  "},
		{"manual", events.CallbackCompleted, time.Hour, resolution(events.ResolutionManual, nil), ", marked as done  "},
		{"in a way of a later version", events.CallbackCompleted, time.Hour, resolution("by_letter\n", nil), ", by_letter·  "},
		{"cancelled", events.CallbackCancelled, time.Hour, func(c *events.Callback) { c.Status = events.StatusCancelled }, ", but answered after all  "},
		{"expired", events.CallbackExpired, 72 * time.Hour, func(c *events.Callback) { c.Status = events.StatusExpired }, "since 2026-03-01 12:00:00, waiting for 72h: given up  "},
		{"no queue", events.CallbackDue, time.Hour, func(c *events.Callback) { c.Queue = nil }, "+905321234567                                   missed"},
		{"a queue without a name", events.CallbackDue, time.Hour, func(c *events.Callback) { c.Queue = &events.Queue{ID: new("7")} }, "  7               missed"},
	} {
		c := owedCallback()
		tc.change(&c)
		if got := callbackLine(tc.typ, tc.after, c); !strings.Contains(got, tc.want) {
			t.Errorf("%s: line\n%q does not hold\n%q", tc.name, got, tc.want)
		}
	}
}

func TestALineOfACallbackHoldsNoControlSequence(t *testing.T) {
	t.Parallel()
	c := owedCallback()
	c.ExternalNumber, c.Queue.Name, c.CallbackID = "\x1b]0;owned\a", new("\x1b[31m"+strings.Repeat("x", 500)), "\r\n"
	for _, typ := range []events.Type{events.CallbackOpened, events.CallbackDue, events.CallbackCompleted} {
		if got := callbackLine(typ, time.Hour, c); strings.ContainsAny(got, "\x1b\n\r\a") || len([]rune(got)) > 250 {
			t.Errorf("line %q", got)
		}
	}
}

func TestCallbacksAndCallsAreInLine(t *testing.T) {
	t.Parallel()
	f := lineFormat{Zone: time.UTC}
	callback := f.Line(events.Event{Type: events.CallbackCompleted, Account: "acme", Time: noon, Data: owedCallback()})
	call := f.Line(events.Event{Type: events.CallMissed, Account: "acme", Time: noon, Data: missedCall()})
	column := func(line, text string) int { return len([]rune(line[:strings.Index(line, text)])) }
	if column(callback, "+90532") != column(call, "+90532") || column(callback, "Sales") != column(call, "Sales") {
		t.Errorf("columns are not in line:\n%s\n%s", callback, call)
	}
}
