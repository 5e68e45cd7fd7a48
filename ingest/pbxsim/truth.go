package pbxsim

import (
	"net/http"
	"time"

	"github.com/callbus/callbus/events"
)

// A View is a world as one vendor shows it: its API, and the truth of what can be known through it.
type View interface {
	http.Handler
	// Truth returns the truth of every call that began at or before until, in order of beginning.
	Truth(until time.Time) []Truth
	// SetFaults changes how often requests go wrong from now on. It panics when f does not validate.
	SetFaults(f Faults)
	// Requests returns how many requests there were, and how many of them each fault befell.
	Requests() (n int, faults map[Fault]int)
	// TooMany returns how many requests came beyond the vendor's limit; 0 where it has none.
	TooMany() int
}

// Truth is what can be known of one call through one vendor's API by somebody who misses nothing: the call itself, and
// the life of its record. The score holds events against it.
type Truth struct {
	Call      *Call
	VendorIDs map[string]string // which tell its record from all others, by the vendor's names
	Channel   string            // as the vendor names it while the call lasts
	Queue     string            // the id of the queue that the record names, or ""
	Outcome   events.Outcome    // what the record says in the end: the vendor may be finer (cancelled for no_answer). "" is Call.Outcome
	Appears   time.Time         // from when the record is listed
	Readable  time.Time         // from when the record can be understood; later than Appears when it is garbled at first
	Corrected *Correction       // nil when the record was right from the beginning
	Returned  *Mark             // nil when the vendor never marks the call as called back
}

// Said is the outcome that the record tells in the end.
func (t *Truth) Said() events.Outcome {
	if t.Outcome != "" {
		return t.Outcome
	}
	return t.Call.Outcome
}

// Mark is when a vendor's record begins to say that a missed call was called back, and by which call.
type Mark struct {
	At     time.Time
	CallID string // the vendor's id of that call; "" where it does not tell
}
