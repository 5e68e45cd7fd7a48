package main

import (
	"fmt"
	"time"

	"github.com/callbus/callbus/events"
)

// callback tells who waits to be called back, since when, and what became of it:
//
//	↩  +905321234567  Sales  missed 3 times since 15:04:05, waiting for 15m: reminder 1 of 3, due 15:19:05  mgss5xsc
func (f *lineFormat) callback(e events.Event, c events.Callback) []string {
	queue := ""
	if c.Queue != nil {
		queue = queueName(c.Queue)
	}
	missed := "missed once at " + f.on(e.Time, c.FirstMissedAt)
	if c.Count > 1 {
		missed = fmt.Sprintf("missed %d times since %s", c.Count, f.on(e.Time, c.FirstMissedAt))
	}
	return []string{
		"↩",
		grow(&f.parties, clean(c.ExternalNumber, columnMost), partiesWidth),
		grow(&f.place, queue, placeWidth),
		missed + ", " + f.course(e, c),
		clean(c.CallbackID, idShown),
	}
}

// course says how far a callback has come. Nobody waits any more where it is completed or cancelled.
func (f *lineFormat) course(e events.Event, c events.Callback) string {
	waiting := "waiting for " + toTheSecond(e.Time.Sub(c.FirstMissedAt)) + ": "
	switch e.Type {
	case events.CallbackOpened:
		return waiting + f.next(e.Time, c)
	case events.CallbackDue:
		return waiting + fmt.Sprintf("reminder %d of %d, due %s", c.Step, c.Steps, f.due(e.Time, c))
	case events.CallbackAttempted:
		return waiting + fmt.Sprintf("called back in vain (%d), %s", c.Attempts, f.next(e.Time, c))
	case events.CallbackCompleted:
		return resolved(c)
	case events.CallbackCancelled:
		return "but answered after all"
	case events.CallbackExpired:
		return waiting + "given up"
	}
	return clean(string(c.Status), columnMost)
}

// next says when people will be reminded.
func (f *lineFormat) next(now time.Time, c events.Callback) string {
	switch {
	case c.DueAt == nil:
		return "no reminder follows"
	case c.Status == events.StatusHeld:
		return "outside business hours, reminder due " + f.due(now, c)
	case c.Status == events.StatusSnoozed:
		return "snoozed, reminder due " + f.due(now, c)
	}
	return "reminder due " + f.due(now, c)
}

func (f *lineFormat) due(now time.Time, c events.Callback) string {
	if c.DueAt == nil {
		return "?"
	}
	return f.on(now, *c.DueAt)
}

var resolutions = map[events.Resolution]string{
	events.ResolutionReturned:        "called back",
	events.ResolutionCallerReachedUs: "reached us",
	events.ResolutionVendor:          "called back, says the vendor",
	events.ResolutionManual:          "marked as done",
}

func resolved(c events.Callback) string {
	how := "completed"
	if c.Resolution != nil {
		how = firstOf(new(resolutions[*c.Resolution]), (*string)(c.Resolution))
	}
	if c.SecondsToReturn == nil {
		return how
	}
	return how + " after " + toTheSecond(time.Duration(*c.SecondsToReturn*float64(time.Second)))
}

// on is the time of t, with its day where that is not the day of the event.
func (f *lineFormat) on(event, t time.Time) string {
	day := lineFormat{Zone: f.Zone, Date: true}
	if at := day.when(t); at[:len(time.DateOnly)] != day.when(event)[:len(time.DateOnly)] {
		return at
	}
	return f.when(t)
}

func toTheSecond(d time.Duration) string { return span(d.Round(time.Second)) }
