package ingest

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/callbus/callbus/events"
)

// Bus is what a worker needs of the event bus. It is shared by all workers of a process.
type Bus interface {
	// Publish returns nil once every event is stored, in its order, or was stored before. It waits for a bus that is
	// away until ctx is done. An error that wraps ErrOvertaken says that another writer published for this account.
	Publish(ctx context.Context, evs ...events.Event) error
	// Quarantine keeps a row that could not be understood, once, however often it is given.
	Quarantine(ctx context.Context, account, provider string, row Rejected, at time.Time) error
	// Events returns what is stored of account since then, in stream order.
	Events(ctx context.Context, account string, since time.Time) iter.Seq2[events.Event, error]
	// FirstSeen returns the moment at which account was first seen: now, if it never was.
	FirstSeen(ctx context.Context, account string, now time.Time) (time.Time, error)
}

// ErrOvertaken is wrapped when the stream holds something else than the worker expected: another one published for the
// same account. The worker reads its state back and goes on.
var ErrOvertaken = errors.New("another process published for this account")

// ErrBusClosed is wrapped when the bus is closed for good: there is no point in going on.
var ErrBusClosed = errors.New("the event bus is closed")
