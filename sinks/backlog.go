package sinks

import (
	"context"
	"time"
)

// A Backlog is what is still to be delivered by one sink, kept by the event bus, and what must be remembered about it. It
// is used by one pump.
type Backlog interface {
	// Fetch waits until something is to be delivered and returns it, at most n messages, in stream order; those that an
	// earlier process had in hand when it was killed, and those that were given back, come first. It returns an error when ctx is done or the bus is closed; trouble that may pass it waits out.
	Fetch(ctx context.Context, n int) ([]Message, error)
	// Size returns how many messages are to be delivered, those given back or under way included, and when the oldest of
	// them was stored; zero when there is none.
	Size(ctx context.Context) (n int, oldest time.Time, err error)
	// Bury keeps a message that is given up as a dead letter, once, however often it is given.
	Bury(ctx context.Context, d Dead) error
	// State returns what was kept by SetState, nil when nothing was. Keys are of [A-Za-z0-9_-], parts of them parted by
	// dots. A nil value is forgotten.
	State(ctx context.Context) (map[string][]byte, error)
	SetState(ctx context.Context, key string, value []byte) error
}

// A Message is one stored event on its way to a sink. Whoever fetched it calls Done or Back, or it comes again a while after
// the last Working (or the Fetch).
type Message interface {
	Body() []byte      // the CloudEvent, JSON
	Subject() string   // type.account.id
	Seq() uint64       // its place in the stream
	Stored() time.Time // when it was stored
	// Done says that nothing more is to be done with it.
	Done(ctx context.Context) error
	// Back gives it back, to come again after a while.
	Back(ctx context.Context, after time.Duration) error
	// Working says that it is still being worked on.
	Working(ctx context.Context) error
}

// MessageWait is how long after Fetch or Working a message comes again by itself.
const MessageWait = 10 * time.Second

// Dead is a message that is given up, and why.
type Dead struct {
	Sink     string
	Subject  string // of the event
	Seq      uint64
	Body     []byte
	Reason   string // for a person
	Status   int
	Snippet  string
	Attempts int
	First    time.Time // attempt
	Last     time.Time
}
