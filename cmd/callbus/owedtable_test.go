package main

import (
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks/callbacks"
)

func reminderConfig(change func(*callbacks.Config)) callbacks.Config {
	c := callbacks.Config{
		After: callbacks.Durations{15 * time.Minute, time.Hour, 4 * time.Hour}, Hours: "Mon-Sun 00:00-24:00",
		Grace: time.Minute, MaxAge: 72 * time.Hour, Scope: callbacks.PerNumber,
	}
	change(&c)
	return c
}

// noon is a Sunday.
func TestTheListSaysWhatACallbackWaitsFor(t *testing.T) {
	t.Parallel()
	office, err := reminderConfig(func(c *callbacks.Config) { c.Hours = "Mon-Fri 09:00-18:00" }).Rules("calls")
	if err != nil {
		t.Fatal(err)
	}
	never, err := reminderConfig(func(c *callbacks.Config) { c.Hours, c.Holidays = "Wed 09:00-18:00", "2026-02-28..2027-02-27" }).Rules("calls")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name      string
		change    func(*owed)
		due, want string
	}{
		{"opened", func(o *owed) { o.Step = 0 }, "in 12m (12:12)", "first reminder"},
		{"reminded", func(*owed) {}, "in 12m (12:12)", "reminder 2 of 3"},
		{"overdue", func(o *owed) { o.DueAt = new(noon.Add(-time.Minute)) }, "overdue (11:59)", "reminder 2 of 3"},
		{"attempted", func(o *owed) { o.Status, o.Attempts = events.StatusAttempted, 2 }, "in 12m (12:12)", "a call back: 2 attempts"},
		{"attempted, and no reminder left", func(o *owed) { o.DueAt, o.Attempts = nil, 1 }, "-", "a call back: 1 attempt"},
		{"reminded for the last time", func(o *owed) { o.DueAt, o.Step = nil, 3 }, "-", "a call back: reminder 3 of 3 was the last"},
		{"never to be reminded of", func(o *owed) { o.DueAt, o.Step, o.rules = nil, 0, &never }, "-", "a call back: no reminder follows"},
		{"snoozed", func(o *owed) { o.Status, o.DueAt = events.StatusSnoozed, new(noon.Add(21*time.Hour)) }, "in 21h00m (Mon 09:00)", "snoozed until Mon 09:00"},
		{"out of hours", func(o *owed) { o.rules, o.DueAt = &office, new(noon.Add(21*time.Hour+5*time.Minute)) }, "in 21h05m (Mon 09:05)", "business hours (Mon 09:00)"},
		{"far away", func(o *owed) { o.DueAt = new(noon.Add(200 * time.Hour)) }, "in 8d8h (2026-03-09 20:00)", "reminder 2 of 3"},
		{"expires before", func(o *owed) { o.rules, o.DueAt = &office, new(noon.Add(71*time.Hour)) }, "in 2d23h (Wed 11:00)", "its end (Wed 10:00): it expires before it is due"},
	} {
		o := owed{Callback: owedCallback(), sink: "calls"}
		o.FirstMissedAt, o.LastMissedAt, o.DueAt = noon.Add(-2*time.Hour-14*time.Minute), noon.Add(-2*time.Hour), new(noon.Add(12*time.Minute))
		tc.change(&o)
		table := owedTable{now: noon, zone: time.UTC, short: shortIDs([]owed{o})}
		if got := table.due(o); got != tc.due {
			t.Errorf("%s: due %q, want %q", tc.name, got, tc.due)
		}
		if got := table.waitsFor(o); got != tc.want {
			t.Errorf("%s: waits for %q, want %q", tc.name, got, tc.want)
		}
		var b strings.Builder
		if err := table.print(&b, []owed{o}); err != nil || !strings.Contains(unspaced(b.String()), "mgss5xsc +905321234567 3 times 2h14m (09:46) Sales "+tc.due+" "+tc.want) {
			t.Errorf("%s: %s %v", tc.name, &b, err)
		}
	}
}

func TestACallbackIsNotPutOffUntilBusinessOpensTooLate(t *testing.T) {
	t.Parallel()
	office, err := reminderConfig(func(c *callbacks.Config) { c.Hours, c.MaxAge = "Mon-Fri 09:00-18:00", 12*time.Hour }).Rules("calls")
	if err != nil {
		t.Fatal(err)
	}
	o := owed{Callback: owedCallback(), rules: &office}
	table := owedTable{now: noon, zone: time.UTC}
	err = table.maySnooze(o, noon.Add(time.Hour))
	if err == nil || !strings.Contains(err.Error(), "business opens again at Mon 09:00, and it expires before, at Mon 00:10") && !strings.Contains(err.Error(), "at 2026") {
		t.Errorf("put off: %v", err)
	}
	if err := table.maySnooze(owed{Callback: owedCallback()}, noon.Add(1000*time.Hour)); err != nil {
		t.Errorf("nothing is known of the sink: %v", err)
	}
}

func TestWhatASinkKeepsOfItsSettingsReadsBack(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	c := reminderConfig(func(c *callbacks.Config) {
		c.Hours, c.Timezone, c.Holidays, c.Scope = "Mon-Fri 09:00-18:00", "Europe/Istanbul", "12-25", callbacks.PerQueue
	})
	if err := keepReminderSettings(t.Context(), r.bus, "calls", c); err != nil {
		t.Fatal(err)
	}
	state, err := r.bus.SinkState(t.Context(), "calls")
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.Rules("calls")
	if err != nil {
		t.Fatal(err)
	}
	if got := reminderRules("calls", state[reminderKey]); got == nil || got.Key() != want.Key() {
		t.Errorf("rules %+v, want %+v", got, want)
	}
	if got := reminderRules("calls", []byte("{")); got != nil {
		t.Errorf("rules of nothing: %+v", got)
	}
}
