package events

import "time"

// Callback is the data of every callback.* event: somebody rang, was missed, and is owed a call back. It is all that callbus
// knows of that at the moment of the event. A pointer that is nil is null on the wire and means "not known", or "not yet".
type Callback struct {
	CallbackID     string `json:"callback_id"`
	Account        string `json:"account"`
	ExternalNumber string `json:"external_number"` // E.164 of who is owed the call: without a number, nobody is
	Queue          *Queue `json:"queue"`

	MissedCalls   []MissedCall `json:"missed_calls"` // at least one, the oldest first; of more than MostMissedCalls the first, and the last
	Count         int          `json:"count"`        // how many there are, also of those that are not listed
	FirstMissedAt time.Time    `json:"first_missed_at"`
	LastMissedAt  time.Time    `json:"last_missed_at"`

	Step     int            `json:"step"`     // how far the ladder of reminders has come: 0 before the first
	Steps    int            `json:"steps"`    // how many reminders there are
	DueAt    *time.Time     `json:"due_at"`   // in callback.due, when it fell due; else when the next reminder will; null when none will
	Attempts int            `json:"attempts"` // calls back that nobody answered
	Status   CallbackStatus `json:"status"`

	Resolution       *Resolution `json:"resolution"` // null unless it is completed, and so the next two
	ResolvedByCallID *string     `json:"resolved_by_call_id"`
	SecondsToReturn  *float64    `json:"seconds_to_return"` // from FirstMissedAt
}

// MostMissedCalls is how many missed calls one event lists: somebody who rings all day must not make it endless.
const MostMissedCalls = 100

// MissedCall is one of the calls that a callback is owed for.
type MissedCall struct {
	CallID  string    `json:"call_id"`
	EventID string    `json:"event_id"` // of its call.missed
	At      time.Time `json:"at"`       // when it was missed
}

// CallbackStatus is how far a callback has come. Which of them an event may have depends on its type.
type CallbackStatus string

const (
	StatusWatching  CallbackStatus = "watching"  // nobody was reminded yet
	StatusHeld      CallbackStatus = "held"      // outside business hours: the clock stands
	StatusNotified  CallbackStatus = "notified"  // a reminder fell due
	StatusAttempted CallbackStatus = "attempted" // somebody called back, and was not answered
	StatusSnoozed   CallbackStatus = "snoozed"   // somebody asked to be reminded later
	StatusResolved  CallbackStatus = "resolved"
	StatusCancelled CallbackStatus = "cancelled" // the call was not missed after all
	StatusExpired   CallbackStatus = "expired"   // nobody called back in time
)

// Resolution is how a callback came to be completed.
type Resolution string

const (
	ResolutionReturned        Resolution = "returned"          // a call to the number was answered
	ResolutionCallerReachedUs Resolution = "caller_reached_us" // the caller rang again, and was answered
	ResolutionVendor          Resolution = "vendor"            // the vendor says that the call was returned
	ResolutionManual          Resolution = "manual"            // somebody said so
)
