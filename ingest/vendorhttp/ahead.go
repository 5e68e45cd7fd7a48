package vendorhttp

import (
	"net/http"
	"time"
)

// maxAheadError is how long the headers may take for their Date to be of use.
const maxAheadError = 2 * time.Second

// ahead compares the Date of an answer, which is cut to whole seconds, with our clock. The vendor wrote it at some
// moment between asked and here; the middle of each is the best guess.
func ahead(date string, asked, here time.Time) *time.Duration {
	theirs, err := http.ParseTime(date)
	took := here.Sub(asked)
	if err != nil || took > maxAheadError {
		return nil
	}
	return new(theirs.Add(time.Second / 2).Sub(asked.Add(took / 2)))
}
