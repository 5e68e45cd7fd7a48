package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/callbus/callbus/events"
)

// An ActiveLister is a provider whose vendor shows the calls that are active now.
type ActiveLister interface {
	// ActiveCalls returns every call the PBX shows now, or an error; never some of them without saying so
	// (see [Snapshot.Partial]). It makes one attempt and does not retry: the worker does. It is not called
	// concurrently with itself, but may be while CDRs runs. It returns soon after ctx is done.
	ActiveCalls(ctx context.Context) (Snapshot, error)
}

// A CDRReader is a provider whose vendor keeps call detail records.
type CDRReader interface {
	// CDRs reads the records of calls that began in w, page by page. A page is whole or an error, which ends the
	// reading; a row that cannot be read stands in its Rejected. Attempts, concurrency and ctx are as for ActiveCalls.
	CDRs(ctx context.Context, w Window) iter.Seq2[Page, error]

	// RecordKey returns the Key that the record behind a published call has, read from its vendor_ids and facts,
	// or "" when it was published without one. It is how a worker that starts anew knows which records it has seen.
	RecordKey(c events.Call) string
}

// Window is a span of time. Records are asked for by the moment their call began, both ends included.
type Window struct{ From, To time.Time }

// Contains tells whether t is in w.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && !t.After(w.To) }

// Snapshot is everything the PBX showed as active at one moment.
type Snapshot struct {
	Asked    time.Time // when the request left
	At       time.Time // when the reply was here, whole
	Calls    []ActiveCall
	Rejected []Rejected
	// Ahead is by how much the PBX's clock is ahead of ours, to about a second, as the reply's Date tells; nil if it
	// does not. It helps to tell apart calls that resemble one another, where snapshot and record share no id.
	Ahead *time.Duration
	// Partial is true when a row could not even be told from others: then absence of a call proves nothing.
	Partial bool
}

// ActiveCall is a row of a snapshot, in callbus's terms.
type ActiveCall struct {
	Channel        string // the vendor's name for it while it lasts; may be used again afterwards
	Began          Window // the call began in it: as narrow as the provider can tell
	Direction      events.Direction
	From, To       events.Party
	ExternalNumber *string
	Queue          *events.Queue
	Talking        bool          // a person has answered; a menu or a queue that picked up is not one
	Agent          *events.Agent // who, where the vendor tells
}

// CDR is a call detail record, in callbus's terms.
type CDR struct {
	// Key tells this record from every other of the account, for ever.
	Key string
	// Call holds what the record says. The tracker sets its CallID, Account, Provider, Revision, State, Evidence,
	// Estimated, ObservedAfter, ObservedBefore and Backfill; StartedAt, EndedAt, Outcome and Missed are never nil.
	Call events.Call
}

// Page is a whole reply to a question for CDRs.
type Page struct {
	Asked    time.Time
	At       time.Time
	Ahead    *time.Duration // as in Snapshot
	Window   Window         // whatever began in it and was listed is in Records
	Partial  bool           // more pages of the same reading follow; the worker sets it
	Records  []CDR
	Rejected []Rejected
}

// Rejected is a vendor's row that could not be understood.
type Rejected struct {
	Row    []byte // as the vendor wrote it, secrets taken out
	Reason string // for a person: which field, what it held, what was expected
}

// ErrCredentials is wrapped when the vendor refuses the account's credentials: trying again soon is pointless.
var ErrCredentials = errors.New("credentials refused")

// ErrForeign is wrapped when something answered that is not the vendor's API: an error page, a list that does not
// match its count, a body cut short that still parses. It is no information about any call.
var ErrForeign = errors.New("not a reply of this vendor's API")

// RateLimitError is wrapped when the vendor asks to slow down.
type RateLimitError struct {
	After time.Duration // how long the vendor asks to wait; 0 when it does not say
}

func (e *RateLimitError) Error() string {
	if e.After > 0 {
		return fmt.Sprintf("the vendor asks to wait %s", e.After)
	}
	return "the vendor asks to slow down"
}
