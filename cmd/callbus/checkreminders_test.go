package main

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// remindersChecked returns what callbus check says of the sink calls with these settings, on a Friday at noon.
func remindersChecked(t *testing.T, pairs ...string) (said string, doubts int) {
	t.Helper()
	vars := map[string]string{
		"CALLBUS_ROLES": "sinks", "CALLBUS_SINKS": "calls,wall", "CALLBUS_SINK_CALLS_KIND": "callbacks",
		"CALLBUS_SINK_WALL_KIND": "log", "CALLBUS_SINK_WALL_TYPES": "callback.*",
	}
	maps.Copy(vars, variablesOf(pairs))
	c, err := loadConfig(vars, vendors())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	table := checkReminders(c, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	for _, line := range table {
		if line.Doubtful {
			doubts++
		}
	}
	if err := printTable(&b, table); err != nil {
		t.Fatal(err)
	}
	return unspaced(b.String()), doubts
}

func TestCheckSaysWhenPeopleAreReminded(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"by default", nil, "sink calls ok reminds after 15m, 1h, 4h; gives up after 72h"},
		{"in office hours", []string{"CALLBUS_SINK_CALLS_HOURS=Mon-Fri 09:00-18:00", "CALLBUS_SINK_CALLS_TIMEZONE=Europe/Istanbul"},
			"sink calls ok reminds after 15m, 1h, 4h of Mon-Fri 09:00-18:00 Europe/Istanbul; gives up after 72h"},
		{"with holidays", []string{"CALLBUS_SINK_CALLS_AFTER=90s", "CALLBUS_SINK_CALLS_HOLIDAYS=12-25", "CALLBUS_SINK_CALLS_TIMEZONE=UTC"},
			"sink calls ok reminds after 1m30s of Mon-Sun 00:00-24:00 UTC, holidays 12-25; gives up after 72h"},
	} {
		if said, doubts := remindersChecked(t, tc.pairs...); said != tc.want || doubts > 0 {
			t.Errorf("%s: %s, want %s", tc.name, said, tc.want)
		}
	}
}

func TestCheckWarnsOfRemindersThatAreHardlyMeant(t *testing.T) {
	t.Parallel()
	const office, zone = "CALLBUS_SINK_CALLS_HOURS=Mon-Fri 09:00-18:00", "CALLBUS_SINK_CALLS_TIMEZONE=UTC"
	for _, tc := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"hours without a zone", []string{office}, "times of UTC -> set CALLBUS_SINK_CALLS_TIMEZONE"},
		{"holidays without a zone", []string{"CALLBUS_SINK_CALLS_HOLIDAYS=12-25"}, "times of UTC -> set CALLBUS_SINK_CALLS_TIMEZONE"},
		{"nobody who is told", []string{"CALLBUS_SINK_WALL_TYPES=call.*,callback.opened"}, "no sink of these settings delivers callback.due"},
		{"never open", []string{"CALLBUS_SINK_CALLS_HOURS=Thu 09:00-10:00", zone, "CALLBUS_SINK_CALLS_HOLIDAYS=" + closedForTwelveYears()}, "never opens again: nobody is ever reminded -> see to CALLBUS_SINK_CALLS_HOURS"},
		{"closed for long", []string{office, zone, "CALLBUS_SINK_CALLS_MAX_AGE=2000h", "CALLBUS_SINK_CALLS_HOLIDAYS=2026-11-16..2026-12-20"}, "business opens in 30d21h, at 2026-12-21 "},
		{"a step after the end", []string{"CALLBUS_SINK_CALLS_AFTER=1h,72h,100h"}, "the reminders after 72h, 100h come too late: a callback expires 72h after"},
		{"a step that takes a week", []string{office, zone, "CALLBUS_SINK_CALLS_AFTER=1h,40h", "CALLBUS_SINK_CALLS_MAX_AGE=80h"}, "the reminders after 40h come too late"},
		{"a long weekend", []string{office, zone, "CALLBUS_SINK_CALLS_HOLIDAYS=2026-12-25"}, "of who is missed at 2026-12-24 "},
	} {
		said, doubts := remindersChecked(t, tc.pairs...)
		if doubts != 1 || !strings.Contains(said, tc.want) || !strings.Contains(said, "sink calls warning ") {
			t.Errorf("%s: %d warnings, want one of %q in\n%s", tc.name, doubts, tc.want, said)
		}
	}
}

func closedForTwelveYears() string {
	var all []string
	for y := 2026; y < 2038; y++ {
		at := time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
		all = append(all, at.Format(time.DateOnly)+".."+at.AddDate(1, 0, -1).Format(time.DateOnly))
	}
	return strings.Join(all, ",")
}

func TestCheckPassesOverSinksThatThisProcessDoesNotRun(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(acmeWith("CALLBUS_ROLES=ingest", "CALLBUS_SINKS=calls", "CALLBUS_SINK_CALLS_KIND=callbacks"), vendors())
	if err != nil {
		t.Fatal(err)
	}
	if table := checkReminders(c, noon); len(table) > 0 {
		t.Errorf("%+v", table)
	}
}

func TestCheckShowsRemindersAndSucceedsInSpiteOfAWarning(t *testing.T) {
	t.Parallel()
	code, out, errs := checks(t, "CALLBUS_SINKS=calls", "CALLBUS_SINK_CALLS_KIND=callbacks")
	if code != exitDone || !strings.Contains(out, "sink calls") || !strings.Contains(out, "reminds after 15m, 1h, 4h") || !strings.Contains(out, "warning") {
		t.Errorf("check: exit code %d\n%s%s", code, out, errs)
	}
}
