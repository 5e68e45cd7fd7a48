package telsam

import (
	"iter"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/wallclock"
)

// piece is the longest window that is asked for at once: the vendor has no pages and sends all of it.
const piece = time.Hour

// Span is as much as is asked for at once.
func (c *Client) Span() time.Duration { return piece }

// pieces cuts w into windows of at most an hour, the newest first.
func pieces(w ingest.Window) iter.Seq[ingest.Window] {
	return func(yield func(ingest.Window) bool) {
		for to := w.To; ; to = to.Add(-piece) {
			from := to.Add(-piece)
			if !from.After(w.From) {
				if !to.Before(w.From) {
					yield(ingest.Window{From: w.From, To: to})
				}
				return
			}
			if !yield(ingest.Window{From: from, To: to}) {
				return
			}
		}
	}
}

// question asks for the records of w. The vendor knows whole minutes only, and not whether the last of them is meant to
// be in it; so a minute more is asked for on each side.
func question(w ingest.Window, zone *time.Location) string {
	const minute = "020120061504"
	from, to := wallclock.Span(w, zone)
	date1 := from.Truncate(time.Minute).Add(-time.Minute)
	date2 := to.Add(time.Minute - time.Nanosecond).Truncate(time.Minute).Add(time.Minute)
	return "action=cdr&date1=" + date1.Format(minute) + "&date2=" + date2.Format(minute) + "&number=&uf=yes"
}
