package callbacks

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// A Caller is all that is kept of one telephone number at one account: the calls that matter, and what was told of them. It is
// a value: Learn and Advance return what becomes of it.
//
// The calls are facts, and it does not matter in which order they are learned. What was told is history: it is not taken
// back.
type Caller struct {
	Version  int    `json:"version"`
	Account  string `json:"account"`
	Provider string `json:"provider"`
	Number   string `json:"number"` // E.164

	Calls []Call  `json:"calls,omitempty"` // by their beginning
	Cases []Case  `json:"cases,omitempty"` // that are open
	Ended []Ended `json:"ended,omitempty"` // the last of those that are not

	Rules string    `json:"rules"`         // by which Wake was worked out: Rules.Key
	Wake  time.Time `json:"wake,omitzero"` // when it must be looked at again; zero: never
}

// version of the form in which a Caller is kept.
const version = 1

// A Call is what matters of one call with the number.
type Call struct {
	ID       string    `json:"id"`
	Kind     Kind      `json:"kind"`
	Out      bool      `json:"out,omitempty"` // we rang them
	Revision int       `json:"revision"`      // of what is known of it
	Began    time.Time `json:"began"`
	At       time.Time `json:"at"`    // when it was missed, answered, or given up
	Event    string    `json:"event"` // that said so
	// MissedBy is the event call.missed about it, of which there is at most one, of any revision. MissedAt is when it was missed,
	// of a call that was told in a case and is no longer taken for a missed one.
	MissedBy string        `json:"missed_by,omitempty"`
	MissedAt time.Time     `json:"missed_at,omitzero"`
	Queue    *events.Queue `json:"queue,omitempty"`
	// Correlation is the conversation that the call belongs to.
	Correlation string `json:"correlation,omitempty"`
	// Trace is the traceparent of the event that told what is kept of the call, if that has one.
	Trace    string `json:"trace,omitempty"`
	Returned *Mark  `json:"returned,omitempty"`
	Case     string `json:"case,omitempty"` // in which it was told
}

// Kind is what a call is to the obligation to call back.
type Kind string

const (
	Missed  Kind = "missed"
	Contact Kind = "contact" // a person spoke with the caller, whoever rang
	Attempt Kind = "attempt" // we rang, and nobody answered
	Void    Kind = "void"    // none of these, by an amendment: what was said before it counts no more
)

// A Mark is the vendor's word that a missed call was returned.
type Mark struct {
	Call    string    `json:"call,omitempty"`
	At      time.Time `json:"at,omitzero"` // zero: the vendor does not say when
	Learned time.Time `json:"learned"`
}

// A Case is an obligation to call back that was told of.
type Case struct {
	ID     string    `json:"id"`
	Group  string    `json:"group,omitempty"` // see Rules.group
	First  string    `json:"first"`           // the missed call that it began with
	Opened time.Time `json:"opened"`
	More   int       `json:"more,omitempty"` // missed calls that are no longer kept

	Step      int       `json:"step,omitempty"`      // of the last reminder
	Extra     int       `json:"extra,omitempty"`     // of the steps, those that a person asked for, besides the ladder's
	Attempted []string  `json:"attempted,omitempty"` // calls back that were told
	Snoozed   time.Time `json:"snoozed,omitzero"`    // until then
	Done      time.Time `json:"done,omitzero"`       // when a person said that it is

	Due    time.Time             `json:"due,omitzero"` // when the next reminder falls due
	Steps  int                   `json:"steps"`
	Status events.CallbackStatus `json:"status"`
}

// Ended is a case that was told to be over.
type Ended struct {
	ID    string    `json:"id"`
	Group string    `json:"group,omitempty"`
	First string    `json:"first"`
	Until time.Time `json:"until,omitzero"` // what was missed in calls that began until then is over, too
	At    time.Time `json:"at"`
}

const (
	mostOfCase   = events.MostMissedCalls
	mostAttempts = 100 // told of one case
	mostEnded    = 8
)

// errUnreadable is wrapped by what is wrong with a kept Caller.
var errUnreadable = errors.New("what is kept of a caller cannot be read")

// parseCaller reads what text wrote.
func parseCaller(text []byte) (c Caller, err error) {
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if c.Version != version || c.Account == "" || c.Number == "" {
		return c, fmt.Errorf("%w: it is of version %d, of account %q", errUnreadable, c.Version, c.Account)
	}
	return c, nil
}

// text returns c as it is kept.
func (c Caller) text() []byte {
	text, _ := json.Marshal(c) // nothing in it can fail
	return text
}

// Key returns what a caller is kept under. It does not show the number.
func Key(account, number string) string { return events.Hash("caller", account, number) }

// clone returns a copy that may be changed.
func (c Caller) clone() Caller {
	c.Calls, c.Cases, c.Ended = slices.Clone(c.Calls), slices.Clone(c.Cases), slices.Clone(c.Ended)
	for i := range c.Cases {
		c.Cases[i].Attempted = slices.Clone(c.Cases[i].Attempted)
	}
	return c
}

// put takes in a call, in its place.
func (c *Caller) put(call Call) {
	i, _ := slices.BinarySearchFunc(c.Calls, call, byBeginning)
	c.Calls = slices.Insert(c.Calls, i, call)
}

func byBeginning(a, b Call) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID)) }
