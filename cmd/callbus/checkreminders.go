package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// checkReminders says in words what each sink of kind callbacks is going to do, and what of that is hardly meant.
func checkReminders(c Config, now time.Time) (table []tried) {
	if !c.Roles.Sinks {
		return nil
	}
	for _, s := range c.Sinks {
		if r, ok := s.Config.Target().(*callbacksConfig); ok {
			table = append(table, remindersTried(c, s.Name, *r, now)...)
		}
	}
	return table
}

func remindersTried(c Config, sink string, r callbacksConfig, now time.Time) []tried {
	what, prefix := "sink "+sink, sinkPrefix(sink)
	rules, err := r.Rules(sink)
	if err != nil {
		return []tried{{What: what, Failed: true, Found: err.Error()}}
	}
	table := []tried{{What: what, Found: ladderInWords(rules)}}
	for _, w := range slices.Concat(zoneDoubts(r, prefix), openingDoubts(rules, prefix, now), stepDoubts(rules, prefix, now), hearerDoubts(c)) {
		w.What, w.Doubtful = what, true
		table = append(table, w)
	}
	return table
}

// always are the hours of a business that never closes: the usual setting.
const always = "Mon-Sun 00:00-24:00"

// ladderInWords says when people are reminded: after 15m, 1h, 4h of Mon-Fri 09:00-18:00 Europe/Istanbul.
func ladderInWords(r callbacksRules) string {
	text := "reminds after " + spans(r.After)
	week, rest, _ := strings.Cut(r.Hours.String(), "; ")
	zone, holidays, _ := strings.Cut(rest, "; ")
	if week != always || holidays != "" {
		text += " of " + week + " " + zone
	}
	if holidays != "" {
		text += ", holidays " + holidays
	}
	return text + "; gives up after " + span(r.MaxAge)
}

func spans(all []time.Duration) string {
	texts := make([]string, len(all))
	for i, d := range all {
		texts[i] = span(d)
	}
	return strings.Join(texts, ", ")
}

// zoneDoubts finds hours that are counted in UTC because nobody said otherwise.
func zoneDoubts(c callbacksConfig, prefix string) []tried {
	if c.Timezone != "" || c.Hours == always && c.Holidays == "" {
		return nil
	}
	return []tried{{Found: "HOURS and HOLIDAYS are taken as times of UTC", Do: "set " + prefix + "TIMEZONE to that of the business, like Europe/Istanbul; or to UTC, if that is meant"}}
}

// longClosed is how long a business is hardly closed on purpose.
const longClosed = 14 * 24 * time.Hour

func openingDoubts(r callbacksRules, prefix string, now time.Time) []tried {
	next := r.Hours.NextOpen(now)
	do := "see to " + prefix + "HOURS and " + prefix + "HOLIDAYS"
	switch {
	case next.IsZero():
		return []tried{{Found: "business never opens again: nobody is ever reminded", Do: do}}
	case next.Sub(now) > longClosed:
		return []tried{{Found: fmt.Sprintf("business opens in %s, at %s: nobody is reminded until then", roughly(next.Sub(now)), next.Local().Format(time.DateTime)), Do: do}}
	}
	return nil
}

// stepDoubts finds reminders that come too late: always, or of a call that is missed before the longest time of being closed.
func stepDoubts(r callbacksRules, prefix string, now time.Time) []tried {
	if r.Hours.NextOpen(now).IsZero() {
		return nil
	}
	if vain := stepsInVain(r, now); len(vain) > 0 {
		return []tried{{
			Found: fmt.Sprintf("the reminders after %s come too late: a callback expires %s after the last missed call", spans(vain), span(r.MaxAge)),
			Do:    fmt.Sprintf("raise %sMAX_AGE, or lower %sAFTER", prefix, prefix),
		}}
	}
	if missed, wait := longestWait(r, now); wait >= r.MaxAge {
		return []tried{{
			Found: fmt.Sprintf("of who is missed at %s nobody is reminded before %s, and by then it has expired (MAX_AGE is %s)",
				missed.Local().Format(time.DateTime), missed.Add(wait).Local().Format(time.DateTime), span(r.MaxAge)),
			Do: fmt.Sprintf("raise %sMAX_AGE to more than %s", prefix, span(wait.Truncate(time.Hour)+time.Hour)),
		}}
	}
	return nil
}

// stepsInVain returns the steps that never fall due before a callback expires, whenever the call is missed. How long a step takes
// is least for a call that is missed as business opens; four weeks have every kind of opening.
func stepsInVain(r callbacksRules, now time.Time) (vain []time.Duration) {
	for i, step := range slices.Backward(r.After) {
		for at := now; at.Before(now.Add(4 * 7 * 24 * time.Hour)); at = at.Add(15 * time.Minute) {
			opens := r.Hours.NextOpen(at)
			if due := r.Hours.AddBusiness(opens, step); !due.IsZero() && due.Sub(opens) < r.MaxAge {
				return vain
			}
		}
		vain = r.After[i:]
	}
	return vain
}

// longestWait returns for a year to come, to the hour, when a call would have to be missed to wait longest for its first reminder.
func longestWait(r callbacksRules, now time.Time) (missed time.Time, wait time.Duration) {
	begin := now.Truncate(time.Hour)
	for at := begin; at.Before(begin.Add(366 * 24 * time.Hour)); at = at.Add(time.Hour) {
		if due := r.Hours.AddBusiness(at, r.After[0]); !due.IsZero() && due.Sub(at) > wait {
			missed, wait = at, due.Sub(at)
		}
	}
	return missed, wait
}

// hearerDoubts finds that reminders fall due, and nobody is told.
func hearerDoubts(c Config) []tried {
	tells := func(s SinkConfig) bool {
		_, keeps := s.Config.Target().(*callbacksConfig)
		return !keeps && s.Types.takes(events.CallbackDue)
	}
	if slices.ContainsFunc(c.Sinks, tells) {
		return nil
	}
	return []tried{{
		Found: "no sink of these settings delivers callback.due: people are reminded only if something else subscribes to it",
		Do:    "add a webhook with TYPES=callback.due to CALLBUS_SINKS",
	}}
}
