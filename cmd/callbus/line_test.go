package main

import (
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func missedCall() events.Call {
	outcome := events.NoAnswer
	return events.Call{
		CallID: "651f8a68-782e-11e7", Direction: events.Inbound,
		From: events.Party{Number: new("+905321234567")}, To: events.Party{Extension: new("215")},
		Queue: &events.Queue{Name: new("Sales")}, Outcome: &outcome, TalkSeconds: new(0.0), TotalSeconds: new(23.4),
	}
}

func lineOf(c events.Call) string {
	f := lineFormat{Zone: time.UTC}
	return f.Line(events.Event{Type: events.CallMissed, Account: "acme", Time: noon, Data: c})
}

func TestALineShowsTheCall(t *testing.T) {
	t.Parallel()
	const want = "12:00:00  call.missed        acme  ←  +905321234567 -> 215            Sales           no_answer    0s/23s     651f8a68"
	if got := lineOf(missedCall()); got != want {
		t.Errorf("line\n%q, want\n%q", got, want)
	}
}

func TestALineShowsWhatIsKnown(t *testing.T) {
	t.Parallel()
	busy := events.Busy
	for _, tc := range []struct {
		name   string
		change func(*events.Call)
		want   string
	}{
		{"outbound", func(c *events.Call) { c.Direction = events.Outbound }, "acme  →  +905321234567"},
		{"internal", func(c *events.Call) { c.Direction = events.Internal }, "acme  ↔  +905321234567"},
		{"unknown direction", func(c *events.Call) { c.Direction = events.UnknownDirection }, "acme  ?  +905321234567"},
		{"no caller", func(c *events.Call) { c.From = events.Party{} }, "  ? -> 215"},
		{"a caller in words", func(c *events.Call) { c.From = events.Party{Raw: new("anonymous")} }, "  anonymous -> 215"},
		{"a caller by name alone", func(c *events.Call) { c.From = events.Party{Name: new("Ayşe")} }, "  Ayşe -> 215"},
		{"number and extension", func(c *events.Call) { c.To = events.Party{Number: new("+902120000000"), Extension: new("215")} }, "-> +902120000000/215"},
		{"no queue", func(c *events.Call) { c.Queue = nil }, "215                            no_answer"},
		{"a queue without a name", func(c *events.Call) { c.Queue = &events.Queue{ID: new("7")} }, "215            7  "},
		{"an agent", func(c *events.Call) { c.Agent = &events.Agent{Extension: new("215")} }, "Sales @215 "},
		{"another outcome", func(c *events.Call) { c.Outcome = &busy }, "  busy  "},
		{"no outcome yet", func(c *events.Call) { c.Outcome = nil }, "Sales                        0s/23s"},
		{"no seconds", func(c *events.Call) { c.TalkSeconds, c.TotalSeconds = nil, nil }, "no_answer               651f8a68"},
		{"half the seconds", func(c *events.Call) { c.TalkSeconds = nil }, "?/23s"},
		{"a backfill", func(c *events.Call) { c.Backfill = true }, "no_answer (backfill)  "},
		{"a short id", func(c *events.Call) { c.CallID = "x1" }, "  x1"},
	} {
		c := missedCall()
		tc.change(&c)
		if got := lineOf(c); !strings.Contains(got, tc.want) {
			t.Errorf("%s: line\n%q does not hold\n%q", tc.name, got, tc.want)
		}
	}
}

// Whoever rings chooses what is shown as a caller's name: it must not reach the terminal as it is.
func TestALineHoldsNoControlSequence(t *testing.T) {
	t.Parallel()
	c := missedCall()
	c.From = events.Party{Raw: new("\x1b]0;owned\x07\nline\r\u202e" + strings.Repeat("x", 500))}
	c.Queue.Name = new("\x1b[31m")
	c.CallID = "\x1b\x1b"
	got := lineOf(c)
	if strings.ContainsAny(got, "\x1b\n\r\a\u202e") {
		t.Errorf("a control character is left in %q", got)
	}
	if len([]rune(got)) > 200 {
		t.Errorf("a line of %d characters: %q", len([]rune(got)), got)
	}
}

func TestAnAmendmentSaysWhatChanged(t *testing.T) {
	t.Parallel()
	f := lineFormat{Zone: time.UTC}
	got := f.Line(events.Event{Type: events.CallAmended, Account: "acme", Time: noon, Data: events.Amendment{Call: missedCall(), Changed: []string{"missed", "returned"}}})
	if !strings.HasSuffix(got, "651f8a68  changed: missed, returned") {
		t.Errorf("line %q", got)
	}
}

func TestAGapSaysFromWhenAndWhy(t *testing.T) {
	t.Parallel()
	f := lineFormat{Zone: time.UTC}
	g := events.Gap{List: events.CDRs, From: noon, Reason: events.GapRefused}
	opened := f.Line(events.Event{Type: events.GapOpened, Account: "acme", Time: noon.Add(time.Minute), Data: g})
	if want := "12:01:00  source.gap.opened  acme  cdrs not read since 12:00:00: credentials"; opened != want {
		t.Errorf("line %q, want %q", opened, want)
	}
	g.To = new(noon.Add(90 * time.Second))
	closed := f.Line(events.Event{Type: events.GapClosed, Account: "acme", Time: noon.Add(90 * time.Second), Data: g})
	if want := "12:01:30  source.gap.closed  acme  cdrs read again after 1m30s: credentials"; closed != want {
		t.Errorf("line %q, want %q", closed, want)
	}
}

func TestColumnsKeepTheWidestWidth(t *testing.T) {
	t.Parallel()
	f := lineFormat{Zone: time.UTC}
	e := events.Event{Type: events.CallMissed, Account: "a-long-account", Time: noon, Data: missedCall()}
	long := f.Line(e)
	e.Account = "x"
	if short := f.Line(e); strings.Index(short, "←") != strings.Index(long, "←") {
		t.Errorf("columns are not in line:\n%s\n%s", long, short)
	}
}

func TestColourAndDateOnRequest(t *testing.T) {
	t.Parallel()
	e := events.Event{Type: events.CallMissed, Account: "acme", Time: noon, Data: missedCall()}
	plain := (&lineFormat{Zone: time.UTC}).Line(e)
	coloured := (&lineFormat{Zone: time.UTC, Colour: true}).Line(e)
	if strings.Contains(plain, "\x1b") || !strings.Contains(coloured, "\x1b[31mcall.missed") {
		t.Errorf("plain %q, coloured %q", plain, coloured)
	}
	dated := (&lineFormat{Zone: time.UTC, Date: true}).Line(e)
	if !strings.HasPrefix(dated, "2026-03-01 12:00:00  ") {
		t.Errorf("with its date: %q", dated)
	}
}
