package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
)

func TestTheDemoEndsWithEveryEventDelivered(t *testing.T) {
	t.Parallel()
	code, out, stderr := runs(t, nil, "demo", "--for", "8s", "--seed", "7")
	got := regexp.MustCompile(`receiver got ([0-9]+) of ([0-9]+) events`).FindStringSubmatch(stderr)
	if code != exitDone || got == nil || got[1] != got[2] || got[1] == "0" {
		t.Errorf("exit %d, %q: %s", code, got, stderr)
	}
	for _, want := range []string{"callbus callbacks list", "callbacks were owed to callers who were missed"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in %s", want, stderr)
		}
	}
	if !strings.Contains(out, "call.started") {
		t.Errorf("it has shown %s", out)
	}
}

func TestTheFarewellTellsWhatBecameOfThoseWhoWereMissed(t *testing.T) {
	t.Parallel()
	callback := func(typ events.Type, how events.Resolution, after float64) events.Event {
		c := events.Callback{}
		if typ == events.CallbackCompleted {
			c.Resolution, c.SecondsToReturn = &how, &after
		}
		return events.Event{Type: typ, Data: c}
	}
	var all []events.Event
	for range 7 {
		all = append(all, callback(events.CallbackOpened, "", 0))
	}
	all = append(all,
		callback(events.CallbackDue, "", 0), callback(events.CallbackDue, "", 0), callback(events.CallbackAttempted, "", 0),
		callback(events.CallbackExpired, "", 0), callback(events.CallbackCancelled, "", 0), events.Event{Type: events.CallMissed, Data: missedCall()},
		callback(events.CallbackCompleted, events.ResolutionReturned, 30), callback(events.CallbackCompleted, events.ResolutionVendor, 10),
		callback(events.CallbackCompleted, events.ResolutionCallerReachedUs, 20), callback(events.CallbackCompleted, events.ResolutionManual, 40),
	)
	const want = `7 callbacks were owed to callers who were missed: 2 were called back, 1 rang again and were answered, 1 were marked as done, 1 were not missed after all, 1 expired, 1 still wait.
2 reminders fell due, and 1 calls back reached nobody. Half of those who were spoken with waited less than 25s.`
	if got := returnsOf(all); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := median([]float64{3, 1, 2}); got != 2*time.Second {
		t.Errorf("median %s", got)
	}
}
