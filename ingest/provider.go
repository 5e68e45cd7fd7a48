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
	// reading; a row that cannot be read stands in its Rejected. A reading of many pages may try a page again that
	// failed; apart from that, attempts and ctx are as for ActiveCalls. Two readings may go on at once, and whoever
	// takes the pages may take his time.
	CDRs(ctx context.Context, w Window) iter.Seq2[Page, error]

	// RecordKey returns the Key that the record behind a published call has, read from its vendor_ids and facts,
	// or "" when it was published without one. It is how a worker that starts anew knows which records it has seen.
	RecordKey(c events.Call) string

	// Span is the longest window that one reading is best made of: what goes wrong in the middle of it is read again
	// from its beginning. 0 is no limit, for a vendor that cannot be asked for the past alone.
	Span() time.Duration
}

// A CDRFollower is a CDRReader that need not read all of the newest records at every poll. Best is a vendor that can be
// asked for what it wrote since it was last asked: then a record is learned of as soon as it is written, however long ago
// its call began. Else the newest of them are read, and the look-back finds the others.
type CDRFollower interface {
	CDRReader
	// NewCDRs reads the records that were written since it was last read to its end, as far as the vendor can be asked
	// for them, and some from before that. A page need not say what it covers. The first time, and whenever it does not know since when, it reads those of calls that began in newest. It is not
	// called concurrently with itself, but may be while CDRs runs.
	NewCDRs(ctx context.Context, newest Window) iter.Seq2[Page, error]
}

// A DetailReader is a CDRReader whose vendor tells more of a call when it is asked for that call alone.
type DetailReader interface {
	CDRReader
	// Detail asks for more about c, which was read from a record of this vendor. It makes one attempt. ErrNoDetail is
	// wrapped when there is none and never will be.
	Detail(ctx context.Context, c events.Call) (Detail, error)
}

// A Hanger is a provider whose vendor can be told to end a call.
type Hanger interface {
	// HangupID returns the vendor's own id by which c can be ended, from its vendor_ids, or "" when it has none.
	HangupID(c events.Call) string
	// Hangup ends the active call that the vendor knows by id. It refuses an empty id before anything is sent, since
	// some vendors take that for every call. It makes one attempt: whoever tries again may end another call.
	// ErrNoSuchCall is wrapped when the vendor knows no such call, or no longer.
	Hangup(ctx context.Context, id string) error
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
	Media          events.Media  // "" is voice
	Talking        bool          // a person has answered; a menu, a queue or a fax machine that picked up is not one
	Agent          *events.Agent // who, where the vendor tells
}

// CDR is a call detail record, in callbus's terms.
type CDR struct {
	// Key tells this record from every other of the account, for ever.
	Key string
	// Call holds what the record says. The tracker sets its CallID, Account, Provider, Revision, State, Evidence,
	// Estimated, ObservedAfter, ObservedBefore and Backfill; StartedAt, EndedAt, Outcome and Missed are never nil.
	Call events.Call
	// Rows is how many of the vendor's rows this record was made of, where there may be more to come: the tracker
	// then waits for SETTLE after the last. 0 where a record is a row, and whole.
	Rows int
	// Undecided is true when the record does not tell whether a person answered, and the vendor's detail does: until
	// that is here, Outcome, Missed and MissedReason are what is most likely.
	Undecided bool
}

// Detail is what a vendor tells of a call beyond its record. What is nil it does not tell.
type Detail struct {
	Key      string // of the record (see CDR)
	Asked    time.Time
	At       time.Time
	Flow     []events.Step // never nil; empty when there was nothing to tell
	Queue    *events.Queue
	Agent    *events.Agent
	Answered *bool // whether a person answered; decides what the record leaves Undecided
	// AnsweredAt is when a person answered, where the record knows only of the menu that did so before.
	AnsweredAt *time.Time
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

// ErrNoDetail is wrapped when the vendor has no detail of a call.
var ErrNoDetail = errors.New("the vendor has no detail of this call")

// ErrNoSuchCall is wrapped when the vendor knows no active call by an id.
var ErrNoSuchCall = errors.New("the vendor knows no such active call")

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
