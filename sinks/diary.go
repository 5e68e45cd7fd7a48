package sinks

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/callbus/callbus/events"
)

// A Diary is what a sink keeps that has to be looked at again: pages by key, each with the time at which that is, kept by the
// event bus. It may be used by any number of goroutines, and by several processes of one sink at a time.
type Diary interface {
	// Page returns the page of that key; one that is not there has no text and revision 0.
	Page(ctx context.Context, key string) (Page, error)
	// Write replaces a page, sets its alarm, and publishes events, all of it or nothing, however the process ends. Its error
	// wraps [ErrStale] when the page has another revision by now. After any other error it may be written or not.
	Write(ctx context.Context, e Entry) error
	// Pages returns all pages that there are, in any order.
	Pages(ctx context.Context) iter.Seq2[Page, error]
	// Alarms returns each page whose alarm has gone off, from the call on until ctx is done. An alarm is not given twice to one
	// process, and one that went off while nobody listened may not be given: whoever begins looks at all pages.
	//
	// Whoever is given an alarm writes the page again, if it has an alarm: one that is set in the instant in which the one before
	// it goes off may be lost with it.
	Alarms(ctx context.Context) iter.Seq2[Alarm, error]
}

// A Page of a diary.
type Page struct {
	Key      string // of [A-Za-z0-9_-]
	Text     []byte
	Revision uint64
}

// An Entry is what becomes of a page.
type Entry struct {
	Page                // with the revision that it replaces
	Aside []byte        // what the page held, when it cannot be read and is to be kept for a person
	Wake  time.Time     // when its alarm goes off, instead of what was set before; zero: that stays, if there is one
	Keep  time.Duration // how long the page is kept if it is not written again; 0: for ever
	// Events are published in their order, each exactly once.
	Events []events.Event
}

// An Alarm is a page that is to be looked at.
type Alarm struct {
	Key string
	At  time.Time
}

// ErrStale is wrapped by the error of a Write that another one was before.
var ErrStale = errors.New("the page was changed by somebody else")
