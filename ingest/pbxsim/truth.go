package pbxsim

import "time"

// Truth is what can be known of one call through one vendor's API by somebody who misses nothing: the call itself, and
// the life of its record. The score holds events against it.
type Truth struct {
	Call      *Call
	VendorIDs map[string]string // which tell its record from all others, by the vendor's names
	Channel   string            // as the vendor names it while the call lasts
	Queue     string            // the id of the queue that the record names, or ""
	Appears   time.Time         // from when the record is listed
	Readable  time.Time         // from when the record can be understood; later than Appears when it is garbled at first
	Corrected *Correction       // nil when the record was right from the beginning
}
