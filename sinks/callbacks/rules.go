package callbacks

import (
	"fmt"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks/callbacks/hours"
)

// Rules are what a sink's settings say about its obligations.
type Rules struct {
	Sink    string          // its name: the ids of callbacks are its own
	After   []time.Duration // of business time since the first missed call: when reminders fall due, ascending
	Grace   time.Duration   // how long a missed call stands before anything is told
	MaxAge  time.Duration   // after the last missed call, when it is too late
	ByQueue bool            // an obligation for each queue that the caller was missed in
	Hours   hours.Calendar

	key string // as Key has it, when it is known
}

// lateness is how much later than a call its record may be learned, and still be told from a repeat.
const lateness = 24 * time.Hour

// horizon is how long what is known of a number may matter.
func (r Rules) horizon() time.Duration { return r.MaxAge + lateness }

// Key tells rules from others: by other rules, what is open falls due at other times.
func (r Rules) Key() string {
	if r.key != "" {
		return r.key
	}
	return events.Hash("rules", fmt.Sprint(r.After, r.Grace, r.MaxAge, r.ByQueue), r.Hours.String())
}

// group returns what the missed calls of one obligation share, besides their number.
func (r Rules) group(c Call) string {
	switch {
	case !r.ByQueue || c.Queue == nil:
		return ""
	case c.Queue.ID != nil:
		return "id " + *c.Queue.ID
	case c.Queue.Name != nil:
		return "name " + *c.Queue.Name
	}
	return ""
}

// ladder returns when the reminders from the step-th on fall due, of a call that was missed at from. A business that never
// opens again has none.
func (r Rules) ladder(from time.Time, step int) (times []time.Time) {
	for _, after := range r.After[min(step, len(r.After)):] {
		t := r.Hours.AddBusiness(from, after)
		if t.IsZero() {
			break
		}
		times = append(times, t)
	}
	return times
}
