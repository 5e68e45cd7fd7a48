package telsam

import (
	"errors"

	"github.com/callbus/callbus/ingest"
)

var errTwice = errors.New("channel: shown twice, with durations that cannot be of one call; the shorter is taken for the call it carries")

// unique sees to it that no channel is in a snapshot twice: a channel carries one call at a time. Two rows that may show
// one call become the one that has got further, or the first. Of two that cannot, the call that began last is the one the
// channel carries now; what the other means is not known, so it is rejected.
type unique struct {
	at    map[string]int // place in calls, by channel
	calls []ingest.ActiveCall
	rows  []row
}

func newUnique(size int) *unique {
	return &unique{at: make(map[string]int, size), calls: make([]ingest.ActiveCall, 0, size), rows: make([]row, 0, size)}
}

// add takes in a call. It returns the row, if any, that had to give way.
func (u *unique) add(call ingest.ActiveCall, r row) row {
	i, twice := u.at[call.Channel]
	if !twice {
		u.at[call.Channel] = len(u.calls)
		u.calls, u.rows = append(u.calls, call), append(u.rows, r)
		return nil
	}
	other := u.calls[i]
	if overlap(call.Began, other.Began) {
		if call.Talking && !other.Talking {
			u.calls[i], u.rows[i] = call, r
		}
		return nil
	}
	if call.Began.To.Before(other.Began.From) {
		return r
	}
	gone := u.rows[i]
	u.calls[i], u.rows[i] = call, r
	return gone
}

func overlap(a, b ingest.Window) bool { return !a.To.Before(b.From) && !b.To.Before(a.From) }
