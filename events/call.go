package events

import (
	"encoding/json"
	"time"
)

// Call is the data of every call.* event: all that callbus knows of one call at the moment of the event.
// A pointer, a nil slice or a nil map is null on the wire and means "not known": unknown is never 0 or "".
type Call struct {
	CallID    string            `json:"call_id"`
	Account   string            `json:"account"`
	Provider  string            `json:"provider"`
	VendorIDs map[string]string `json:"vendor_ids"` // every id the vendor gave, by the vendor's name for it
	Revision  int               `json:"revision"`   // 1, then one more for each amendment
	State     State             `json:"state"`

	Direction      Direction `json:"direction"` // as the account sees it
	Media          Media     `json:"media"`
	From           Party     `json:"from"`
	To             Party     `json:"to"`
	ExternalNumber *string   `json:"external_number"` // E.164 of the side outside the PBX
	Queue          *Queue    `json:"queue"`           // the last queue or ring group reached
	Agent          *Agent    `json:"agent"`           // who answered

	StartedAt    *time.Time `json:"started_at"`
	AnsweredAt   *time.Time `json:"answered_at"`
	EndedAt      *time.Time `json:"ended_at"`
	RingSeconds  *float64   `json:"ring_seconds"`
	WaitSeconds  *float64   `json:"wait_seconds"`
	TalkSeconds  *float64   `json:"talk_seconds"`
	TotalSeconds *float64   `json:"total_seconds"`

	Outcome      *Outcome      `json:"outcome"` // of the call, not of a leg; null while it lasts
	Missed       *bool         `json:"missed"`  // null while it lasts, and while it cannot be told
	MissedReason *MissedReason `json:"missed_reason"`
	Returned     *Returned     `json:"returned"`
	Hangup       Hangup        `json:"hangup"`
	Recording    Recording     `json:"recording"`
	Price        *Price        `json:"price"`
	Flow         []Step        `json:"flow"`
	VendorResult *string       `json:"vendor_result"` // the vendor's own result text

	Evidence       []Evidence      `json:"evidence"`
	Estimated      []string        `json:"estimated"` // names of the times inferred from polls: each lies between the two below
	ObservedAfter  *time.Time      `json:"observed_after"`
	ObservedBefore *time.Time      `json:"observed_before"`
	Backfill       bool            `json:"backfill"` // read long after it happened: never alert a person
	Raw            json.RawMessage `json:"raw"`      // the vendor's record, where the account asks for it
}

// Amendment is the data of call.amended: the call as it is now known, and what that changes.
type Amendment struct {
	Call
	Changed    []string `json:"changed"`    // names of the fields of Call that differ from what was published
	Supersedes string   `json:"supersedes"` // id of the event that said otherwise
}

// State tells whether the vendor's record of the call has been seen.
type State string

const (
	Provisional State = "provisional"
	Final       State = "final"
)

// Direction of a call, as the account sees it.
type Direction string

const (
	Inbound          Direction = "inbound"
	Outbound         Direction = "outbound"
	Internal         Direction = "internal"
	UnknownDirection Direction = "unknown"
)

// Media of a call.
type Media string

const (
	Voice Media = "voice"
	Fax   Media = "fax"
)

// Outcome of a whole call. See [Call.Outcome].
type Outcome string

const (
	Answered       Outcome = "answered"
	Voicemail      Outcome = "voicemail"
	NoAnswer       Outcome = "no_answer"
	Busy           Outcome = "busy"
	Rejected       Outcome = "rejected"
	Cancelled      Outcome = "cancelled"
	Unreachable    Outcome = "unreachable"
	Blocked        Outcome = "blocked"
	Failed         Outcome = "failed"
	UnknownOutcome Outcome = "unknown"
)

// MissedReason says how an inbound call came to be missed.
type MissedReason string

const (
	MissedNoAnswer    MissedReason = "no_answer"
	MissedBusy        MissedReason = "busy"
	MissedRejected    MissedReason = "rejected"
	MissedAbandoned   MissedReason = "abandoned"
	MissedInQueue     MissedReason = "abandoned_in_queue"
	MissedInMenu      MissedReason = "abandoned_in_menu"
	MissedUnreachable MissedReason = "unreachable"
	MissedFailed      MissedReason = "failed"
	MissedUnknown     MissedReason = "unknown"
)

// Recording tells whether the PBX holds a recording of the call.
type Recording string

const (
	RecordingAvailable Recording = "available"
	RecordingNone      Recording = "none"
	RecordingRemoved   Recording = "removed"
	RecordingUnknown   Recording = "unknown"
)

// Evidence names a kind of observation that callbus has of a call.
type Evidence string

const (
	FromSnapshot Evidence = "snapshot"
	FromCDR      Evidence = "cdr"
)

// Party is one side of a call.
type Party struct {
	Number    *string `json:"number"` // E.164 with +
	Raw       *string `json:"raw"`    // as the vendor wrote it
	Name      *string `json:"name"`
	Extension *string `json:"extension"`
}

// Queue is a queue or ring group.
type Queue struct {
	ID   *string `json:"id"`
	Name *string `json:"name"`
}

// Agent is the person who answered.
type Agent struct {
	Extension *string `json:"extension"`
	Name      *string `json:"name"`
}

// Returned is the vendor's word that a missed call was called back.
type Returned struct {
	CallID *string    `json:"call_id"`
	At     *time.Time `json:"at"`
}

// HangupSide is who ended a call.
type HangupSide string

const (
	ByCaller  HangupSide = "caller"
	ByCallee  HangupSide = "callee"
	BySystem  HangupSide = "system"
	ByUnknown HangupSide = "unknown"
)

// Hangup is who ended the call, and the vendor's own word for why.
type Hangup struct {
	By    HangupSide `json:"by"`
	Cause *string    `json:"cause"`
}

// Price of a call. Amount is a decimal string, so that no cent is lost to binary fractions.
type Price struct {
	Amount   string  `json:"amount"`
	Currency *string `json:"currency"`
}

// StepKind is what a step of a call's flow went through.
type StepKind string

const (
	StepNumber    StepKind = "number"
	StepMenu      StepKind = "menu"
	StepQueue     StepKind = "queue"
	StepExtension StepKind = "extension"
	StepExternal  StepKind = "external"
)

// Step is one step of a call's way through the PBX.
type Step struct {
	Kind       StepKind   `json:"kind"`
	Target     *string    `json:"target"`
	StartedAt  *time.Time `json:"started_at"`
	AnsweredAt *time.Time `json:"answered_at"`
	EndedAt    *time.Time `json:"ended_at"`
	Result     *string    `json:"result"`
}
