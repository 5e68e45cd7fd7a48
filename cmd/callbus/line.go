package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/callbus/callbus/events"
)

// lineFormat writes events for a person, one line each, in columns:
//
//	15:04:05  call.missed    acme  ←  +905321234567 -> 215  Sales  no_answer  0s/23s  651f8a68
//
// local time, type, account, direction, who called whom, queue and who answered, outcome, talk and total seconds, and
// the beginning of the call's id. Events of a callback or a gap say in words what they have to say, after who and where. A
// column grows with what it holds, and keeps its width for the lines that follow.
// The zero lineFormat is ready.
type lineFormat struct {
	Colour bool
	Date   bool           // say the day as well, for events of other days
	Zone   *time.Location // local when nil

	kind, account, parties, place int // widths so far
}

// What the columns begin with, so that they stay in line for most events.
const (
	typeWidth     = len("source.gap.opened")
	partiesWidth  = len("+905321234567 -> +905321234567")
	placeWidth    = 14
	outcomeWidth  = len("unreachable")
	durationWidth = len("120s/125s")
	accountMost   = 40
	columnMost    = 44 // more of a name than this is cut
	idShown       = 8
)

// Line returns e as one line, without its end.
func (f *lineFormat) Line(e events.Event) string {
	cells := []string{f.when(e.Time), f.paint(e.Type, grow(&f.kind, string(e.Type), typeWidth)), grow(&f.account, clean(e.Account, accountMost), 4)}
	call, isCall := e.Call()
	callback, isCallback := e.Callback()
	switch {
	case isCall:
		cells = append(cells, f.call(call)...)
	case isCallback:
		cells = append(cells, f.callback(e, callback)...)
	default:
		cells = append(cells, f.other(e))
	}
	if a, ok := e.Data.(events.Amendment); ok {
		cells = append(cells, "changed: "+clean(strings.Join(a.Changed, ", "), 100))
	}
	return strings.TrimRight(strings.Join(cells, "  "), " ")
}

func (f *lineFormat) when(t time.Time) string {
	zone := f.Zone
	if zone == nil {
		zone = time.Local
	}
	if f.Date {
		return t.In(zone).Format(time.DateTime)
	}
	return t.In(zone).Format(time.TimeOnly)
}

func (f *lineFormat) call(c events.Call) []string {
	return []string{
		arrows[c.Direction],
		grow(&f.parties, party(c.From)+" -> "+party(c.To), partiesWidth),
		grow(&f.place, place(c), placeWidth),
		pad(outcome(c), outcomeWidth),
		pad(durations(c), durationWidth),
		clean(c.CallID, idShown),
	}
}

// other describes an event that is neither of a call nor of a callback.
func (f *lineFormat) other(e events.Event) string {
	g, ok := e.Data.(events.Gap)
	if !ok {
		return clean(e.Subject, columnMost)
	}
	text := fmt.Sprintf("%s not read since %s: %s", clean(string(g.List), columnMost), f.when(g.From), clean(string(g.Reason), columnMost))
	if g.To != nil {
		text = fmt.Sprintf("%s read again after %s: %s", clean(string(g.List), columnMost), g.To.Sub(g.From).Round(time.Second), clean(string(g.Reason), columnMost))
	}
	return text
}

var arrows = map[events.Direction]string{
	events.Inbound:          "←",
	events.Outbound:         "→",
	events.Internal:         "↔",
	events.UnknownDirection: "?",
}

// party is the best name of one side for a person at a telephone: its number, and who that is.
func party(p events.Party) string {
	switch {
	case p.Number != nil && p.Extension != nil:
		return clean(*p.Number, columnMost) + "/" + clean(*p.Extension, columnMost)
	case p.Number != nil:
		return clean(*p.Number, columnMost)
	case p.Extension != nil:
		return clean(*p.Extension, columnMost)
	case p.Raw != nil && *p.Raw != "":
		return clean(*p.Raw, columnMost)
	case p.Name != nil && *p.Name != "":
		return clean(*p.Name, columnMost)
	}
	return "?"
}

// place is where in the PBX the call got to: its queue, and who answered.
func place(c events.Call) string {
	var parts []string
	if c.Queue != nil {
		parts = append(parts, queueName(c.Queue))
	}
	if c.Agent != nil {
		parts = append(parts, "@"+firstOf(c.Agent.Extension, c.Agent.Name))
	}
	return strings.Join(parts, " ")
}

func queueName(q *events.Queue) string { return firstOf(q.Name, q.ID) }

func firstOf(texts ...*string) string {
	for _, t := range texts {
		if t != nil && *t != "" {
			return clean(*t, columnMost)
		}
	}
	return "?"
}

func outcome(c events.Call) string {
	if c.Outcome == nil {
		return ""
	}
	text := string(*c.Outcome)
	if c.Backfill {
		text += " (backfill)"
	}
	return clean(text, columnMost)
}

// durations are talk and total seconds; empty while both are unknown.
func durations(c events.Call) string {
	if c.TalkSeconds == nil && c.TotalSeconds == nil {
		return ""
	}
	return seconds(c.TalkSeconds) + "/" + seconds(c.TotalSeconds)
}

func seconds(s *float64) string {
	if s == nil {
		return "?"
	}
	return fmt.Sprintf("%.0fs", *s)
}

const (
	red, green, yellow, magenta, cyan, faint = "31", "32", "33", "35", "36", "2"
)

var colours = map[events.Type]string{
	events.CallStarted:  cyan,
	events.CallAnswered: green,
	events.CallEnded:    faint,
	events.CallMissed:   red,
	events.CallAmended:  yellow,

	events.CallbackOpened:    yellow,
	events.CallbackDue:       red,
	events.CallbackAttempted: yellow,
	events.CallbackCompleted: green,
	events.CallbackCancelled: faint,
	events.CallbackExpired:   red,

	events.GapOpened: magenta,
	events.GapClosed: magenta,
}

func (f *lineFormat) paint(t events.Type, text string) string {
	if colour := colours[t]; f.Colour && colour != "" {
		return "\x1b[" + colour + "m" + text + "\x1b[0m"
	}
	return text
}

// clean makes text from a PBX, or from whoever rang it, fit for a terminal: one line, no control sequences, not
// endless.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, text)
	if utf8.RuneCountInString(text) > most {
		return string([]rune(text)[:most])
	}
	return text
}

// grow pads text to the widest that its column has held.
func grow(width *int, text string, least int) string {
	*width = max(*width, least, utf8.RuneCountInString(text))
	return pad(text, *width)
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
