package score

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// Stored is an event, and when the stream stored it: from then on, callbus can know it.
type Stored struct {
	events.Event
	At time.Time
}

// CallbackOptions say by which rules callers are owed a call back, and under which conditions the events came about. A zero
// field stands for the default named beside it.
type CallbackOptions struct {
	After   []time.Duration // of time in which it is open, since the first missed call: when reminders fall due
	Grace   time.Duration   // how long a missed call stands before anything is told
	MaxAge  time.Duration   // after the last missed call, when it is too late
	ByQueue bool            // a caller is owed a call by each queue
	// Open tells whether somebody is there to be reminded. It is asked once for each minute: hours are of whole minutes. nil
	// for always.
	Open func(time.Time) bool

	Until     time.Time     // when the events were read; required
	Known     time.Duration // how long after an event was stored it may still be overlooked; 1 s
	Late      time.Duration // how long callbus must have been at work until what is due is told; 3 s
	Away      []Stretch     // when it was not at work
	Tolerance time.Duration // how far a time may be from the true one; 2 s
	Skew      time.Duration // how far the PBX's clock is ahead
	List      int           // how many discrepancies are kept; 20
}

// Stretch is a stretch of time.
type Stretch struct{ From, To time.Time }

func (o CallbackOptions) withDefaults() CallbackOptions {
	orDefault(&o.Known, time.Second)
	orDefault(&o.Late, 3*time.Second)
	orDefault(&o.Tolerance, 2*time.Second)
	orDefault(&o.List, 20)
	return o
}

// OfCallbacks scores the callback events of one account. published is all that is stored of it, in stream order: when a call
// was known is taken from its events, what it was from the truth.
func OfCallbacks(truth []pbxsim.Truth, published []Stored, o CallbackOptions) Callbacks {
	o = o.withDefaults()
	j := &callbackJudge{o: o, calls: map[string]*heard{}, byEvent: map[string]*heard{}, byNumber: map[string][]*heard{}, of: map[string][]*duty{}}
	j.report.Completed = map[events.Resolution]int{}
	j.hear(truth, published)
	j.read(published)
	for _, d := range j.duties {
		j.duty(d)
	}
	for _, number := range j.numbers() {
		j.overlaps(j.of[number])
		j.caller(j.byNumber[number])
	}
	j.report.Published, j.report.True = returnsOf(j.published), returnsOf(j.really)
	return j.report
}

// callbackJudge counts.
type callbackJudge struct {
	o        CallbackOptions
	calls    map[string]*heard   // by their ids on the bus
	byEvent  map[string]*heard   // by the ids of their events
	byNumber map[string][]*heard // by who was outside, in order of beginning
	duties   []*duty             // in order of opening
	of       map[string][]*duty  // by who is owed
	report   Callbacks

	published, really []time.Duration // from the missed call to the call back
}

func (j *callbackJudge) numbers() (all []string) {
	for number := range j.byNumber {
		all = append(all, number)
	}
	slices.Sort(all)
	return all
}

// heard is a true call, and what was said of it on the bus.
type heard struct {
	*pbxsim.Truth
	id    string
	words []word
}

// word is what one event says of a call.
type word struct {
	matter   matter
	stored   time.Time
	recorded time.Time
	ended    *time.Time // when the call ended, as it says
	backfill bool
	returned *events.Returned
}

// matter is what a call is to somebody who waits to be called back.
type matter int

const (
	nothing matter = iota
	missed         // they rang, and no person answered
	spoken         // a person spoke with them, whoever rang
	tried          // we rang, and they did not answer
)

// really is what the call was.
func (h *heard) really() matter {
	c := h.Call
	switch {
	case c.Media == events.Fax || c.External() == "" || c.Direction == events.Internal:
		return nothing
	case c.Answered():
		return spoken
	case c.Direction == events.Inbound:
		return missed
	}
	return tried
}

// couldBe tells whether the call was m, or its record said so before it was corrected.
func (h *heard) couldBe(m matter) bool {
	if h.really() == m {
		return true
	}
	if h.Corrected == nil || h.Corrected.Outcome == "" || h.really() == nothing {
		return false
	}
	said := tried
	switch {
	case h.Corrected.Outcome == events.Answered:
		said = spoken
	case h.Call.Direction == events.Inbound:
		said = missed
	}
	return said == m
}

// since is from when the bus says that the call was m, and nothing else any more; false when it does not.
func (h *heard) since(m matter) (at time.Time, ok bool) {
	for _, w := range h.words {
		switch {
		case w.matter == m && !ok:
			at, ok = w.stored, true
		case w.matter != m && w.matter != nothing:
			ok = false
		}
	}
	return at, ok
}

// saidBy tells whether the bus had said by t that the call was m.
func (h *heard) saidBy(m matter, t time.Time) bool {
	return slices.ContainsFunc(h.words, func(w word) bool { return w.matter == m && !w.stored.After(t) })
}

// lastWord is when the bus last said something of the call until t.
func (h *heard) lastWord(t time.Time) (last time.Time) {
	for _, w := range h.words {
		if !w.stored.After(t) {
			last = w.stored
		}
	}
	return last
}

// saidToEnd tells whether the bus said that the call ended at t, or t is when it did.
func (j *callbackJudge) saidToEnd(h *heard, t time.Time) bool {
	said := slices.ContainsFunc(h.words, func(w word) bool { return w.matter == missed && w.ended != nil && w.ended.Equal(t) })
	return said || Options{Skew: j.o.Skew}.apart(t, h.Call.End) <= j.o.Tolerance
}

// marked is the first word of the call that says that it was returned.
func (h *heard) marked() (word, bool) {
	for _, w := range h.words {
		if w.returned != nil && w.matter == missed {
			return w, true
		}
	}
	return word{}, false
}

// hear takes in what the bus says of each true call.
func (j *callbackJudge) hear(truth []pbxsim.Truth, published []Stored) {
	at := map[string]time.Time{}
	var all []events.Event
	for _, e := range published {
		if _, twice := at[e.ID]; !twice {
			at[e.ID] = e.At
		}
		all = append(all, e.Event)
	}
	stories := tell(all)
	match(truth, stories, Options{Skew: j.o.Skew})
	for _, s := range stories {
		if s.truth == nil {
			continue // the score of the calls says so
		}
		h := &heard{Truth: s.truth, id: s.id}
		for i, e := range s.events {
			h.words = append(h.words, wordOf(e, s.calls[i], at[e.ID]))
			j.byEvent[e.ID] = h
		}
		j.calls[s.id] = h
		if number := h.Call.External(); number != "" {
			j.byNumber[number] = append(j.byNumber[number], h)
		}
	}
	for _, of := range j.byNumber {
		slices.SortFunc(of, func(a, b *heard) int { return cmp.Compare(a.Call.N, b.Call.N) })
	}
}

func wordOf(e events.Event, c events.Call, stored time.Time) word {
	w := word{stored: stored, recorded: e.RecordedTime, ended: c.EndedAt, backfill: c.Backfill, returned: c.Returned}
	answered := e.Type == events.CallAnswered || isAnswered(c)
	switch {
	case c.Direction == events.Inbound && c.Missed != nil && *c.Missed:
		w.matter = missed
	case answered && c.Media != events.Fax:
		w.matter = spoken
	case c.Direction == events.Outbound && !answered && c.Outcome != nil && *c.Outcome != events.UnknownOutcome:
		w.matter = tried
	}
	return w
}

// duty is a callback: what was told under one id.
type duty struct {
	id     string
	events []Stored
	at     []int // their places in the stream
}

func (d *duty) first() Stored { return d.events[0] }
func (d *duty) last() Stored  { return d.events[len(d.events)-1] }

func (d *duty) data() events.Callback { return dataOf(d.last()) }

func dataOf(e Stored) events.Callback {
	c, _ := e.Callback()
	return c
}

// ended is the event that ended it, if one did.
func (d *duty) ended() (Stored, bool) {
	i := slices.IndexFunc(d.events, func(e Stored) bool { return isEnd(e.Type) })
	if i < 0 {
		return Stored{}, false
	}
	return d.events[i], true
}

func isEnd(t events.Type) bool {
	return t == events.CallbackCompleted || t == events.CallbackCancelled || t == events.CallbackExpired
}

// group is what distinguishes it from others of the same caller.
func (d *duty) group() string {
	if q := dataOf(d.first()).Queue; q != nil {
		return cmp.Or(text(q.ID), text(q.Name))
	}
	return ""
}

// read sorts the callback events by the callback they are about.
func (j *callbackJudge) read(published []Stored) {
	byID := map[string]*duty{}
	for i, e := range published {
		c, ok := e.Callback()
		if !ok {
			continue
		}
		d := byID[e.Subject]
		if d == nil {
			d = &duty{id: e.Subject}
			byID[e.Subject] = d
			j.duties = append(j.duties, d)
			j.of[c.ExternalNumber] = append(j.of[c.ExternalNumber], d)
		}
		d.events, d.at = append(d.events, e), append(d.at, i)
	}
}
