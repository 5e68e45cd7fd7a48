package pbxsim

import (
	"errors"
	"time"

	"github.com/callbus/callbus/events"
)

// Records says how a vendor keeps its call detail records. It is fixed for the life of a view, because the truth
// follows from it: which record could be read when.
type Records struct {
	// Lag is the time from the end of a call until its record can be asked for; 0 to 2 s when it is zero.
	// For (next to) none, set Max to 1 ns.
	Lag Span

	LateRate float64 // the share of records that come later than that,
	LateLag  Span    // by so much; 5 to 60 s

	GarbageRate float64 // the share of records beside which stands a row for no call at all, its date or duration unreadable

	GarbledRate float64 // the share of records that cannot be read at first, their date or duration being garbled,
	GarbledFor  Span    // for so long; 5 to 60 s

	CorrectRate  float64 // the share of records that the vendor corrects,
	CorrectAfter Span    // so long after they could first be read; 20 to 60 s
}

func (r Records) withDefaults() Records {
	orDefault(&r.Lag, Span{0, 2 * time.Second})
	orDefault(&r.LateLag, Span{5 * time.Second, time.Minute})
	orDefault(&r.GarbledFor, Span{5 * time.Second, time.Minute})
	orDefault(&r.CorrectAfter, Span{20 * time.Second, time.Minute})
	return r
}

// Validate returns everything that is wrong with r, joined, or nil.
func (r Records) Validate() error {
	r = r.withDefaults()
	return errors.Join(
		r.Lag.orderly("Records.Lag"),
		r.LateLag.orderly("Records.LateLag"),
		r.GarbledFor.orderly("Records.GarbledFor"),
		r.CorrectAfter.orderly("Records.CorrectAfter"),
		within("Records.LateRate", r.LateRate, 0, 1),
		within("Records.GarbageRate", r.GarbageRate, 0, 1),
		within("Records.GarbledRate", r.GarbledRate, 0, 1),
		within("Records.CorrectRate", r.CorrectRate, 0, 1),
	)
}

// Correction is what the vendor's record of a call said wrongly at first.
type Correction struct {
	At        time.Time      // from when it is right
	Outcome   events.Outcome // what it said before: answered or no_answer; "" when the outcome was right
	Recording bool           // it did not show the recording before
}

// record is the life of one call's record.
type record struct {
	appears    time.Time
	readable   time.Time
	correction *Correction
	recorded   bool // there is a recording
	garbage    bool // a row for no call stands beside it
}

func (r Records) of(c *Call, seed uint64) record {
	roll := func(matter string) die { return dieOf(seed, c.N, matter) }
	rec := record{recorded: c.Answered() && roll("recorded").chance(0.8), garbage: roll("garbage").chance(r.GarbageRate)}
	rec.appears = c.End.Add(roll("lag").within(r.Lag))
	if roll("late").chance(r.LateRate) {
		rec.appears = rec.appears.Add(roll("late lag").within(r.LateLag))
	}
	rec.readable = rec.appears
	if roll("garbled").chance(r.GarbledRate) {
		rec.readable = rec.appears.Add(roll("garbled for").within(r.GarbledFor))
	}
	if roll("corrected").chance(r.CorrectRate) {
		rec.correction = r.correction(c, rec, roll)
	}
	return rec
}

// correction is nil for a call of which there is nothing to correct (it was busy, or it failed).
func (r Records) correction(c *Call, rec record, roll func(string) die) *Correction {
	at := rec.readable.Add(roll("correct after").within(r.CorrectAfter))
	switch {
	case c.Media == events.Fax:
		return nil
	case rec.recorded && roll("what").chance(0.4):
		return &Correction{At: at, Recording: true}
	case c.Outcome == events.Answered:
		return &Correction{At: at, Outcome: events.NoAnswer}
	case c.Outcome == events.NoAnswer:
		return &Correction{At: at, Outcome: events.Answered}
	}
	return nil
}

// outcome is what the record says at t.
func (r record) outcome(c *Call, t time.Time) events.Outcome {
	if r.correction != nil && r.correction.Outcome != "" && t.Before(r.correction.At) {
		return r.correction.Outcome
	}
	return c.Outcome
}

// hasRecording is what the record says at t. A record that wrongly says that nobody answered shows none either.
func (r record) hasRecording(t time.Time) bool {
	return r.recorded && (r.correction == nil || !t.Before(r.correction.At))
}
