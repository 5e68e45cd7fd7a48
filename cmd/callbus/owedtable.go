package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbus/callbus/events"
)

// owedTable writes who waits to be called back, for a person.
type owedTable struct {
	now   time.Time
	zone  *time.Location
	short map[string]string // how much of an id is shown
}

// print writes a line for each callback, and names accounts and sinks where there are several.
func (t owedTable) print(out io.Writer, all []owed) error {
	accounts, several := map[string]bool{}, map[string]bool{}
	for _, o := range all {
		accounts[o.Account], several[o.sink] = true, true
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(id, account, sink string, rest ...string) {
		cells := []string{id}
		if len(accounts) > 1 {
			cells = append(cells, account)
		}
		if len(several) > 1 {
			cells = append(cells, sink)
		}
		fmt.Fprintln(w, strings.Join(append(cells, rest...), "\t"))
	}
	row("ID", "ACCOUNT", "SINK", "CALLER", "MISSED", "SINCE", "QUEUE", "REMINDER DUE", "WAITS FOR")
	for _, o := range all {
		row(t.short[o.CallbackID], clean(o.Account, accountMost), o.sink, clean(o.ExternalNumber, columnMost), times(o.Count),
			t.since(o), queueOf(o), t.due(o), t.waitsFor(o))
	}
	return w.Flush() // has every error of the writes above
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func queueOf(o owed) string {
	if o.Queue == nil {
		return "-"
	}
	return queueName(o.Queue)
}

func (t owedTable) since(o owed) string {
	return fmt.Sprintf("%s (%s)", roughly(t.now.Sub(o.FirstMissedAt)), t.clock(o.FirstMissedAt))
}

// due says when people are reminded next.
func (t owedTable) due(o owed) string {
	switch {
	case o.DueAt == nil:
		return "-"
	case !o.DueAt.After(t.now):
		return fmt.Sprintf("overdue (%s)", t.clock(*o.DueAt))
	}
	return fmt.Sprintf("in %s (%s)", roughly(o.DueAt.Sub(t.now)), t.clock(*o.DueAt))
}

// waitsFor says what has to happen next.
func (t owedTable) waitsFor(o owed) string {
	expires := o.expires()
	switch {
	case o.DueAt == nil && o.Attempts > 0:
		return "a call back: " + attempts(o.Attempts)
	case o.DueAt == nil && o.Step > 0:
		return fmt.Sprintf("a call back: reminder %d of %d was the last", o.Step, o.Steps)
	case o.DueAt == nil:
		return "a call back: no reminder follows"
	case !expires.IsZero() && !expires.After(*o.DueAt):
		return fmt.Sprintf("its end (%s): it expires before it is due", t.clock(expires))
	case o.Status == events.StatusSnoozed && o.DueAt.After(t.now):
		return "snoozed until " + t.clock(*o.DueAt)
	case o.rules != nil && !o.rules.Hours.Open(t.now):
		return fmt.Sprintf("business hours (%s)", t.opens(o))
	case o.Status == events.StatusAttempted:
		return "a call back: " + attempts(o.Attempts)
	case o.Step == 0:
		return "first reminder"
	}
	return fmt.Sprintf("reminder %d of %d", o.Step+1, o.Steps)
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

func (t owedTable) opens(o owed) string {
	next := o.rules.Hours.NextOpen(t.now)
	if next.IsZero() {
		return "never"
	}
	return t.clock(next)
}

// clock writes a time as short as it is clear.
func (t owedTable) clock(at time.Time) string {
	now, at := t.now.In(t.zone), at.In(t.zone)
	switch days := at.Sub(now).Hours() / 24; {
	case now.YearDay() == at.YearDay() && now.Year() == at.Year():
		return at.Format("15:04")
	case days > -6 && days < 6:
		return at.Format("Mon 15:04")
	}
	return at.Format("2006-01-02 15:04")
}

// roughly writes a duration by its two largest units.
func roughly(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
