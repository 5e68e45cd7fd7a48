package verimor

import (
	"fmt"
	"iter"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

const (
	// span is as much as one reading is best made of: at a hundred records a request and six requests a minute, what is
	// lost by beginning anew stays small.
	span = 6 * time.Hour
	// piece is the longest window that is asked for at once. The vendor takes 31 days at most; we stay a bit below.
	piece = 31*24*time.Hour - time.Hour
	// pageSize is the most that the vendor gives at once.
	pageSize = 100
)

// Span is as much as one reading is best made of.
func (c *Client) Span() time.Duration { return span }

// pieces cuts w into windows that the vendor takes, the newest first.
func pieces(w ingest.Window) iter.Seq[ingest.Window] {
	return func(yield func(ingest.Window) bool) {
		for to := w.To; !to.Before(w.From); to = to.Add(-piece) {
			from := to.Add(-piece)
			if !from.After(w.From) {
				yield(ingest.Window{From: w.From, To: to})
				return
			}
			if !yield(ingest.Window{From: from, To: to}) {
				return
			}
		}
	}
}

// question asks for a page of the records of w. The vendor knows whole seconds, and does not say whether the bounds are
// meant to be included; so a second more is asked for on each side.
func question(w ingest.Window, page int) string {
	const second = "2006-01-02 15:04:05 UTC"
	from := w.From.UTC().Truncate(time.Second).Add(-time.Second)
	to := w.To.UTC().Add(2*time.Second - time.Nanosecond).Truncate(time.Second)
	return fmt.Sprintf("&start_stamp_from=%s&start_stamp_to=%s&limit=%d&page=%d",
		vendorhttp.Escape(from.Format(second)), vendorhttp.Escape(to.Format(second)), pageSize, page)
}
