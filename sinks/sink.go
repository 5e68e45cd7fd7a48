package sinks

import (
	"context"
	"time"

	"github.com/callbus/callbus/events"
)

// A Sink delivers events to one place.
type Sink interface {
	// Deliver hands over one event and returns nil once it is the other side's. It makes one attempt, of bounded length,
	// and says of a failure what it means for this event and for others (see [Error]); any other error is one that may
	// pass. It is called concurrently, though never for two events of one call.
	Deliver(ctx context.Context, d Delivery) error
	// Close lets go of what the sink holds. No Deliver is under way then.
	Close() error
}

// A Carrier is a Sink that passes events on as they are stored and looks at none of their data. Its deliveries have events without
// Data: to read what is around the data takes a tenth of the time.
type Carrier interface {
	Sink
	// Carries does nothing: to have it is to be a Carrier.
	Carries()
}

// A Starter is a sink that has to know when it was given all that was stored before it began. It may be called more than once.
type Starter interface{ CaughtUp() }

// A Delivery is one attempt to deliver one event.
type Delivery struct {
	// Event is Body as it is read; for a Carrier without its Data.
	Event events.Event
	// Body is the event as it is stored: a CloudEvent in the JSON format. Nobody may change it.
	Body []byte
	// Attempt counts from 1, as far as it is known: a process that was killed may count one of them twice.
	Attempt int
}

// Fault says what a failure means.
type Fault string

const (
	// Passing is a failure that may pass by itself: a time-out, a reset, a server in trouble. When it befalls different
	// events in a row it is the endpoint's.
	Passing Fault = "passing"
	// OfEvent is a refusal of this event, which another attempt will hardly change. Others may be taken.
	OfEvent Fault = "event"
	// OfEndpoint is a failure that every event would meet until somebody mends something: credentials, address, certificate.
	OfEndpoint Fault = "endpoint"
	// Pause is the endpoint's wish to be left alone for a while (Error.After).
	Pause Fault = "pause"
	// Gone is the endpoint's wish never to be sent anything again.
	Gone Fault = "gone"
)

// An Error is a failed delivery.
type Error struct {
	Fault Fault
	// After is how long the endpoint asks to wait before anything else is sent; 0 when it does not say.
	After time.Duration
	// Status is the endpoint's answer in its protocol's numbers (HTTP); 0 when there was none.
	Status int
	// Snippet is the beginning of what the endpoint said, at most 4 KiB, without secrets; for the dead letters.
	Snippet string
	// Err says for a person what was wrong, without secrets.
	Err error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
