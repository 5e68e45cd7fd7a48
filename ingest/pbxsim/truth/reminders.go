package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// Reminders is a sink that keeps who is owed a call back, and the accounts it does that for: a callback does not say which sink
// tells it.
type Reminders struct {
	Name     string
	Accounts []string
	After    []time.Duration
	Grace    time.Duration
	MaxAge   time.Duration
	ByQueue  bool
	Minutes  bool // every second minute is open; else it always is
}

// reminders are a sink for some accounts that is always open, and one for the others that keeps hours, and owes a call by each
// queue. Their times fit calls that are twenty times as short as in life.
func reminders(always ...string) []Reminders {
	others := slices.DeleteFunc(pbxsim.Vendors(), func(v string) bool { return slices.Contains(always, v) })
	return []Reminders{
		{
			Name: "always", Accounts: always, Grace: 5 * time.Second, MaxAge: 45 * time.Second,
			After: []time.Duration{7 * time.Second, 15 * time.Second, 30 * time.Second},
		},
		{
			Name: "hours", Accounts: others, Grace: 2 * time.Second, MaxAge: 70 * time.Second, ByQueue: true, Minutes: true,
			After: []time.Duration{5 * time.Second, 20 * time.Second, 40 * time.Second},
		},
	}
}

// everySecondMinute are the minutes that are open when the first of them is that of now.
func everySecondMinute(now time.Time) func(time.Time) bool {
	first := now.Truncate(time.Minute)
	return func(t time.Time) bool { return t.Sub(first).Truncate(time.Minute)%(2*time.Minute) == 0 }
}

// hoursOf is the setting HOURS for an hour of minutes of which every second is open.
func hoursOf(now time.Time) string {
	var windows []string
	for first, n := now.UTC().Truncate(time.Minute), 0; n < 30; n++ {
		from := first.Add(time.Duration(2*n) * time.Minute)
		windows = append(windows, fmt.Sprintf("Mon-Sun %s-%s", from.Format("15:04"), from.Add(time.Minute).Format("15:04")))
	}
	return strings.Join(windows, ",")
}

// sinkVariables is the environment in which callbus has the sinks.
func sinkVariables(all []Reminders, now time.Time) (env []string) {
	for _, r := range all {
		prefix := "CALLBUS_SINK_" + strings.ToUpper(r.Name) + "_"
		scope, hours := "number", "Mon-Sun 00:00-24:00"
		if r.ByQueue {
			scope = "number+queue"
		}
		if r.Minutes {
			hours = hoursOf(now)
		}
		env = append(env, prefix+"KIND=callbacks", prefix+"START=all", prefix+"ACCOUNTS="+strings.Join(r.Accounts, ","), prefix+"HOURS="+hours,
			prefix+"AFTER="+strings.Trim(strings.ReplaceAll(fmt.Sprint(r.After), " ", ","), "[]"),
			prefix+"GRACE="+r.Grace.String(), prefix+"MAX_AGE="+r.MaxAge.String(), prefix+"SCOPE="+scope)
	}
	return append(env, "CALLBUS_SINKS="+sinkNames(all))
}

func sinkNames(all []Reminders) string {
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	return strings.Join(names, ",")
}

// scoreCallbacks holds what was told of an account's callers who were missed against the truth.
func (s Scenario) scoreCallbacks(p pbxsim.Shown, published []score.Stored, away []score.Stretch, until time.Time) score.Callbacks {
	i := slices.IndexFunc(s.Sinks, func(r Reminders) bool { return slices.Contains(r.Accounts, p.Vendor) })
	r := s.Sinks[i]
	o := score.CallbackOptions{
		After: r.After, Grace: r.Grace, MaxAge: r.MaxAge, ByQueue: r.ByQueue, Until: until, Away: away, Skew: s.Manner.Skew, Known: s.known,
	}
	if r.Minutes {
		o.Open = everySecondMinute(away[0].From)
	}
	return score.OfCallbacks(p.Truth(until), published, o)
}
