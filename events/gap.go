package events

import "time"

// List is what a vendor offers to read.
type List string

const (
	ActiveCalls List = "active_calls"
	CDRs        List = "cdrs"
)

// GapReason says why an account could not be read.
type GapReason string

const (
	GapUnreachable GapReason = "unreachable"  // no connection, a timeout, a reply cut short
	GapRefused     GapReason = "credentials"  // the vendor refuses the credentials
	GapRateLimited GapReason = "rate_limited" // the vendor asked us to slow down
	GapBadReply    GapReason = "bad_reply"    // something answered, but not as the vendor does
	GapUnwatched   GapReason = "unwatched"    // the process of callbus that read it was lost, and another one took over
)

// Gap is the data of source.gap.*: a time in which callbus could not see what the account did.
// Calls in it may be reported late (from their CDRs), or, where the vendor keeps no record, not at all.
type Gap struct {
	GapID    string     `json:"gap_id"`
	Account  string     `json:"account"`
	Provider string     `json:"provider"`
	List     List       `json:"list"`   // which of the vendor's lists could not be read
	From     time.Time  `json:"from"`   // the last time it was read
	To       *time.Time `json:"to"`     // when it was read again; null while the gap lasts
	Reason   GapReason  `json:"reason"` // of the first failure
	Failures int        `json:"failures"`
}
