package ingest

import "time"

// Settings are what a user may set for one account, whatever its vendor. The vendor's own (URL, credentials, zone) are
// in its provider's Config. A zero duration stands for the provider's default.
type Settings struct {
	PollActive time.Duration `env:"POLL_ACTIVE"` // how often the active calls are asked for
	PollCDR    time.Duration `env:"POLL_CDR"`    // how often the newest records are asked for
	Rate       Rate          `env:"RATE"`        // requests the account may make; all of its requests share it
	Lookback   time.Duration `env:"LOOKBACK"`    // how far back records are read again, to catch what is listed late
	First      First         `env:"FIRST"`       // what becomes of calls that ended before the account was first seen
	Settle     time.Duration `env:"SETTLE"`      // how long to wait for a record before deciding without it
	CallFlow   CallFlow      `env:"CALL_FLOW"`   // for which calls the detail is fetched
}

// First says what becomes of calls that ended before an account was first seen.
type First string

const (
	Baseline     First = "baseline" // they are not published
	FromBackfill First = "backfill" // they are, marked as backfill
)

// CallFlow says for which calls the detail (menu, queue, who was rung) is fetched, where the vendor has one.
type CallFlow string

const (
	NoFlow     CallFlow = "none"
	MissedFlow CallFlow = "missed"
	AllFlow    CallFlow = "all"
)

// Rate is a budget of requests: so many in each period. The zero Rate is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}
