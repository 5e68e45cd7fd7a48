package score

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// types are those of a call, in the order in which the events of one call are stored.
var types = []events.Type{events.CallStarted, events.CallAnswered, events.CallEnded, events.CallMissed, events.CallAmended}

// Report is a score.
type Report struct {
	Calls int    // true calls about which everything had to be known
	Types []Line // by type of event

	OutOfOrder  int // events stored after one that must follow them
	FalseMissed int // calls said to be missed that were not
	Premature   int // events recorded before they happened, above all ends of calls that went on
	WrongFacts  int // facts that are wrong after the last event of a call
	NeverFinal  int // calls whose record could be read and that were left provisional
	MadeUp      int // published calls that never were
	Doubled     int // published calls that are also published under another id

	Latency Latency // from the start of a call until it was known

	Discrepancies int           // all of them,
	Listed        []Discrepancy // and the first few
}

// Line is the score of one type of event.
type Line struct {
	Type       events.Type
	Expected   int // calls that must have one
	Told       int // of them, those that have it
	Got        int // events
	Right      int // of them, those that are true, and said for the first time
	Duplicates int // of them, those said before
}

// Recall is the share of what happened that was told; 1 when nothing had to be.
func (l Line) Recall() float64 { return share(l.Told, l.Expected) }

// Precision is the share of what was told that is so; 1 when nothing was.
func (l Line) Precision() float64 { return share(l.Right, l.Got) }

func share(part, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(part) / float64(of)
}

// Latency of a number of calls.
type Latency struct {
	Calls         int
	P50, P95, Max time.Duration
}

func summarise(d []time.Duration) Latency {
	if len(d) == 0 {
		return Latency{}
	}
	slices.Sort(d)
	at := func(p float64) time.Duration { return d[int(p*float64(len(d)-1))] }
	return Latency{Calls: len(d), P50: at(0.5), P95: at(0.95), Max: at(1)}
}

// Discrepancy is one thing that is not as it was.
type Discrepancy struct {
	Kind      string // left out, untrue, doubled, out of order, premature, wrong, never final, made up
	What      string
	Truth     string // the call as it was
	Published string // the call as it was told
}

func (d Discrepancy) String() string {
	return fmt.Sprintf("%s: %s\n    truth:     %s\n    published: %s", d.Kind, d.What, d.Truth, d.Published)
}

func newReport() Report {
	var r Report
	for _, t := range types {
		r.Types = append(r.Types, Line{Type: t})
	}
	return r
}

// Line returns the score of type t, one of those of a call.
func (r Report) Line(t events.Type) Line { return *r.line(t) }

func (r *Report) line(t events.Type) *Line { return &r.Types[slices.Index(types, t)] }

// Perfect is true when something happened, and everything was told as it was.
func (r Report) Perfect() bool {
	for _, l := range r.Types {
		if l.Told != l.Expected || l.Right != l.Got || l.Duplicates != 0 {
			return false
		}
	}
	return r.Calls > 0 && r.Discrepancies == 0
}

// String is the score as a table, and the discrepancies that are listed.
func (r Report) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "type\texpected\tgot\trecall\tprecision\tduplicates\t")
	for _, l := range r.Types {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.4f\t%.4f\t%d\t\n", l.Type, l.Expected, l.Got, l.Recall(), l.Precision(), l.Duplicates)
	}
	_ = w.Flush() // a strings.Builder takes everything
	fmt.Fprintf(&b, "calls %d, out of order %d, false missed %d, premature %d, wrong facts %d, never final %d, made up %d, doubled %d\n",
		r.Calls, r.OutOfOrder, r.FalseMissed, r.Premature, r.WrongFacts, r.NeverFinal, r.MadeUp, r.Doubled)
	fmt.Fprintf(&b, "known after: p50 %s, p95 %s, at most %s (%d calls)\n", round(r.Latency.P50), round(r.Latency.P95), round(r.Latency.Max), r.Latency.Calls)
	for _, d := range r.Listed {
		fmt.Fprintln(&b, d)
	}
	if more := r.Discrepancies - len(r.Listed); more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	return b.String()
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func describe(t *pbxsim.Truth) string {
	if t == nil {
		return "nothing"
	}
	c := t.Call
	s := fmt.Sprintf("call %d %v %s %s queue=%s %s to %s %s", c.N, t.VendorIDs, c.Direction, quote(c.External()), quote(t.Queue), clock(c.Start), clock(c.End), c.Outcome)
	if c.Answered() {
		s += " at " + clock(c.Answer)
	}
	s += ", record from " + clock(t.Readable)
	if t.Corrected != nil {
		s += ", corrected at " + clock(t.Corrected.At)
	}
	return s
}

func (s *story) describe() string {
	if s == nil {
		return "nothing"
	}
	c := s.last()
	out := fmt.Sprintf("%s %v %s %s queue=%s", s.id, c.VendorIDs, c.Direction, quote(text(c.ExternalNumber)), quote(queueOf(c)))
	for i, e := range s.events {
		out += fmt.Sprintf("; %s %s recorded %s %s %s", e.Type, clock(e.Time), clock(e.RecordedTime), s.calls[i].State, outcome(s.calls[i].Outcome))
	}
	return out
}

func clock(t time.Time) string { return t.UTC().Format("02T15:04:05.000") }

func quote(s string) string { return fmt.Sprintf("%q", s) }

func outcome(o *events.Outcome) string {
	if o == nil {
		return "null"
	}
	return string(*o)
}

func yesNo(b *bool) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprint(*b)
}
