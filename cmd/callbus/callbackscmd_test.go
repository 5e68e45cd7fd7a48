package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

// reminding is callbus run with one sink of kind callbacks, on the bus of another process.
func (r *running) reminding(settings ...string) {
	r.t.Helper()
	environ := append([]string{
		"CALLBUS_NATS_URL=nats://" + strings.TrimPrefix(r.environ[0], "CALLBUS_NATS_LISTEN="), "CALLBUS_NATS_USER=u", "CALLBUS_NATS_PASSWORD=p",
		"CALLBUS_ROLES=sinks", "CALLBUS_HTTP_LISTEN=off", "CALLBUS_STREAM_MAX_AGE=17h", "CALLBUS_LOG_LEVEL=warn",
		"CALLBUS_SINKS=calls", "CALLBUS_SINK_CALLS_KIND=callbacks", "CALLBUS_SINK_CALLS_START=all", "CALLBUS_SINK_CALLS_GRACE=0s",
	}, settings...)
	ctx, stop := context.WithCancel(r.t.Context())
	ended := make(chan int, 1)
	var stderr strings.Builder
	go func() { ended <- run(ctx, []string{"run"}, environ, &strings.Builder{}, &stderr) }()
	r.t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitDone {
			r.t.Errorf("callbus run ended with %d: %s", code, &stderr)
		}
	})
}

// misses stores that somebody at number rang an account a while ago, and was missed.
func (r *running) misses(account, call, number string, ago time.Duration) {
	r.t.Helper()
	began := time.Now().Add(-ago).UTC()
	end := began.Add(20 * time.Second)
	c := missedCall()
	c.CallID, c.Account, c.Provider, c.Revision, c.StartedAt, c.EndedAt = call, account, "telsam", 1, &began, &end
	c.ExternalNumber, c.From.Number, c.Missed = &number, &number, new(true)
	e := events.Event{
		ID: events.ID(account, call, events.CallMissed, 1), Type: events.CallMissed, Account: account, Provider: "telsam", Subject: call,
		Time: end, RecordedTime: end, CorrelationID: call, Data: c,
	}
	if err := r.bus.Publish(r.t.Context(), e); err != nil {
		r.t.Fatal(err)
	}
}

// callbacksOf returns what is published of callbacks, as "type number".
func (r *running) callbacksOf(types ...events.Type) (all []string) {
	r.t.Helper()
	for e, err := range r.bus.Events(r.t.Context(), stream.Filter{Types: types}) {
		if err != nil {
			r.t.Fatal(err)
		}
		c, _ := e.Callback()
		all = append(all, fmt.Sprintf("%s %s", e.Type, c.ExternalNumber))
	}
	return all
}

func (r *running) callbacks(args ...string) (code int, stdout, stderr string) {
	r.t.Helper()
	return runs(r.t, r.environ, append([]string{"callbacks"}, args...)...)
}

// owes waits until so many callbacks are open, and returns their ids by number.
func (r *running) owes(n int) map[string]string {
	r.t.Helper()
	ids := map[string]string{}
	eventually(r.t, fmt.Sprintf("%d callbacks are open", n), func() bool {
		clear(ids)
		_, out, _ := r.callbacks("list", "--json")
		for line := range strings.Lines(out) {
			var c events.Callback
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				r.t.Fatalf("%s: %v", line, err)
			}
			ids[c.ExternalNumber] = c.CallbackID
		}
		return len(ids) == n
	})
	return ids
}

func TestWhoOnlyLooksForCallbacksFindsNobodyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"list"}, exitDone, "nobody waits to be called back\n"},
		{[]string{"list", "--account", "acme"}, exitDone, "nobody waits to be called back at account acme\n"},
		{[]string{"list", "--json"}, exitDone, ""},
		{[]string{"list", "--sink", "calls"}, exitFailed, "there is no sink \"calls\" that keeps callbacks\nThere is none: "},
		{[]string{"list", "--account", "Acme"}, exitUsage, "Accounts are named"},
		{[]string{"done", "abc"}, exitFailed, "no callback \"abc\" is open: nobody waits"},
		{[]string{"done"}, exitUsage, "takes one ID or more"},
		{[]string{}, exitUsage, "Try: callbus callbacks list"},
		{[]string{"snooze", "abc"}, exitUsage, "Try: --for 2h"},
		{[]string{"snooze", "abc", "--for", "2h", "--until", "2030-01-01T09:00:00Z"}, exitUsage, "both given"},
		{[]string{"snooze", "abc", "--for", "-2h"}, exitUsage, "in the past"},
		{[]string{"snooze", "abc", "--until", "2020-01-01T09:00:00Z"}, exitUsage, "in the past"},
		{[]string{"snooze", "abc", "--until", "monday"}, exitUsage, "is no time"},
	} {
		code, out, stderr := r.callbacks(tc.args...)
		if code != tc.code || !strings.Contains(out+stderr, tc.says) {
			t.Errorf("callbacks %q: exit %d, %s%s; want %d and %q", tc.args, code, out, stderr, tc.code, tc.says)
		}
	}
	nc, err := dialBus(t.Context(), r.client(), "test", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Stream(t.Context(), stream.DiaryName); err == nil {
		t.Error("to look has made the stream of callbacks")
	}
}

func TestACallbackThatIsDoneIsPublishedAndLeavesTheList(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	r.reminding()
	r.misses("acme", "one", "+905000000001", 5*time.Minute)
	r.misses("acme", "two", "+905000000002", 4*time.Minute)
	r.misses("acme", "three", "+905000000001", 3*time.Minute)
	r.misses("other", "four", "+905000000003", 2*time.Minute)
	ids := r.owes(3)
	eventually(t, "the second call is counted", func() bool {
		_, out, _ := r.callbacks("list", "--account", "acme", "--sink", "calls")
		return strings.Contains(unspaced(out), "+905000000001 2 times") && !strings.Contains(out, "+905000000003")
	})
	if _, out, _ := runs(t, r.environ, "sinks", "list"); !strings.Contains(unspaced(out), "calls closed") {
		t.Errorf("sinks list: %s", out)
	}
	_, table, _ := r.callbacks("list")
	for _, want := range []string{"ID ACCOUNT CALLER MISSED SINCE QUEUE REMINDER DUE WAITS FOR", "other +905000000003 once", " first reminder"} {
		if !strings.Contains(unspaced(table), want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
	code, out, stderr := r.callbacks("done", ids["+905000000001"][:idShown], "nonsense")
	if code != exitFailed || out != "" || !strings.Contains(stderr, `no callback that begins with "nonsense" is open`) {
		t.Errorf("done with a wrong id: exit %d, %s%s", code, out, stderr)
	}
	code, out, stderr = r.callbacks("done", ids["+905000000001"][:idShown], ids["+905000000001"], ids["+905000000003"])
	if code != exitDone || strings.Count(out, "done: ") != 2 || !strings.Contains(out, "+905000000001, missed 2 times") {
		t.Errorf("done: exit %d, %s%s", code, out, stderr)
	}
	if left := r.owes(1); left["+905000000002"] == "" {
		t.Errorf("open are %v", left)
	}
	eventually(t, "they are completed", func() bool {
		all := r.callbacksOf(events.CallbackCompleted)
		slices.Sort(all)
		return slices.Equal(all, []string{"callback.completed +905000000001", "callback.completed +905000000003"})
	})
	for e, err := range r.bus.Events(t.Context(), stream.Filter{Types: []events.Type{events.CallbackCompleted}}) {
		if c, _ := e.Callback(); err != nil || *c.Resolution != events.ResolutionManual {
			t.Errorf("%+v, %v", c, err)
		}
	}
}

func TestACallbackIsSnoozedButNotBeyondItsEnd(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	r.reminding("CALLBUS_SINK_CALLS_AFTER=5s", "CALLBUS_SINK_CALLS_MAX_AGE=10h")
	r.misses("acme", "one", "+905000000001", time.Minute)
	id := r.owes(1)["+905000000001"]
	eventually(t, "it is due", func() bool { return len(r.callbacksOf(events.CallbackDue)) == 1 })
	if _, out, _ := r.callbacks("list"); !strings.Contains(out, "a call back: reminder 1 of 1 was the last") {
		t.Errorf("list: %s", out)
	}
	code, _, stderr := r.callbacks("snooze", id, "--for", "11h")
	if code != exitFailed || !strings.Contains(stderr, "cannot be put off until") || !strings.Contains(stderr, "MAX_AGE is 10h") {
		t.Errorf("snooze beyond its end: exit %d, %s", code, stderr)
	}
	code, out, stderr := r.callbacks("snooze", id[:idShown], "--until", time.Now().Add(3*time.Hour).Format(time.RFC3339))
	if code != exitDone || !strings.Contains(out, "no reminder before ") {
		t.Errorf("snooze: exit %d, %s%s", code, out, stderr)
	}
	eventually(t, "the list shows it", func() bool {
		_, out, _ := r.callbacks("list")
		return strings.Contains(out, "  in 2h5") && strings.Contains(out, "  snoozed until ")
	})
	if code, out, stderr := r.callbacks("snooze", id, "--for", "1s"); code != exitDone {
		t.Errorf("snooze: exit %d, %s%s", code, out, stderr)
	}
	eventually(t, "it is due again", func() bool { return len(r.callbacksOf(events.CallbackDue)) == 2 })
}

func TestAnIDThatMeansSeveralShowsThem(t *testing.T) {
	t.Parallel()
	var all []owed
	for i, id := range []string{"abcdefghiz", "abcdefghij", "abcdefxx", "zzzzzzzz"} {
		all = append(all, owed{Callback: events.Callback{CallbackID: id, ExternalNumber: fmt.Sprint("+90500000000", i), Count: i + 1}})
	}
	short := shortIDs(all)
	if short["abcdefghij"] != "abcdefghij" || short["abcdefxx"] != "abcdefxx" || short["zzzzzzzz"] != "zzzzzzzz" {
		t.Errorf("short ids %q", short)
	}
	_, err := chooseOwed(all, short, []string{"abcdefg", "", "nobody", "zzz"})
	for _, want := range []string{
		"2 callbacks begin with \"abcdefg\"; give more of the id:\n  abcdefghiz, +905000000000, missed once\n  abcdefghij, +905000000001, missed 2 times",
		`begins with "" is open`, `begins with "nobody" is open`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	chosen, err := chooseOwed(all, short, []string{"ABCDEFX", "zzz", "zzzzzzzz"})
	if err != nil || len(chosen) != 2 {
		t.Errorf("chosen are %v, %v", chosen, err)
	}
}
