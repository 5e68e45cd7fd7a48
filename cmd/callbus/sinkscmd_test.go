package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

// delivering is callbus run with one webhook, to an endpoint that answers with a status of the test's choice, on the bus of
// another process.
func (r *running) delivering(status *atomic.Int32, got *atomic.Int32) []string {
	r.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s := int(status.Load())
		if s < 300 {
			got.Add(1)
		}
		w.WriteHeader(s)
	}))
	r.t.Cleanup(server.Close)
	environ := []string{
		"CALLBUS_NATS_URL=nats://" + strings.TrimPrefix(r.environ[0], "CALLBUS_NATS_LISTEN="), "CALLBUS_NATS_USER=u", "CALLBUS_NATS_PASSWORD=p",
	}
	ctx, stop := context.WithCancel(r.t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"run"}, append(environ, "CALLBUS_ROLES=sinks", "CALLBUS_HTTP_LISTEN=off", "CALLBUS_STREAM_MAX_AGE=17h", "CALLBUS_SINKS=crm", "CALLBUS_SINK_CRM_KIND=webhook",
			"CALLBUS_SINK_CRM_URL="+server.URL, "CALLBUS_SINK_CRM_SECRET="+demoSecret, "CALLBUS_SINK_CRM_ALLOW_CIDRS=127.0.0.1/32", "CALLBUS_SINK_CRM_START=all"), &strings.Builder{}, &strings.Builder{})
	}()
	r.t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitDone {
			r.t.Errorf("callbus run ended with %d", code)
		}
	})
	return environ
}

// eventually fails the test unless ok within a while.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("it never came about that " + what)
}

func TestARefusedEventIsADeadLetterThatCanBeShownRetriedAndDropped(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	var status, got atomic.Int32
	status.Store(204)
	environ := r.delivering(&status, &got)
	r.publish(events.CallMissed, "a", "b")
	eventually(t, "two events arrive", func() bool { return got.Load() == 2 })
	status.Store(422)
	r.publish(events.CallMissed, "refused")
	var letters string
	eventually(t, "the refused one is a dead letter", func() bool {
		_, letters, _ = runs(t, environ, "dead", "list", "crm")
		return strings.Contains(letters, "call.missed.refused")
	})
	letter := strings.Fields(strings.Split(strings.TrimSpace(letters), "\n")[1])[1]
	code, shown, stderr := runs(t, environ, "dead", "show", "crm", letter)
	var document struct {
		Status int
		Event  struct{ Account string }
	}
	if err := json.Unmarshal([]byte(shown), &document); code != 0 || err != nil || document.Status != 422 || document.Event.Account != "refused" {
		t.Errorf("exit %d: %s%s: %v", code, shown, stderr, err)
	}
	status.Store(204)
	if code, out, stderr := runs(t, environ, "dead", "retry", "crm", letter); code != 0 || !strings.Contains(out, "given to its sink again") {
		t.Errorf("retry: exit %d: %s%s", code, out, stderr)
	}
	eventually(t, "it is delivered", func() bool { return got.Load() == 3 })
	if code, _, stderr := runs(t, environ, "dead", "drop", "crm", letter); code != exitFailed || !strings.Contains(stderr, "not found") {
		t.Errorf("drop what is no dead letter any more: exit %d: %s", code, stderr)
	}
}

func TestASinkIsPausedEnabledAndReplayed(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	var status, got atomic.Int32
	status.Store(204)
	environ := r.delivering(&status, &got)
	r.publish(events.CallMissed, "a", "b", "c")
	eventually(t, "three events arrive", func() bool { return got.Load() == 3 })
	list := func() string {
		_, out, _ := runs(t, environ, "sinks", "list")
		return out
	}
	if out := list(); !strings.Contains(out, "crm") || !strings.Contains(out, "closed") {
		t.Errorf("sinks list: %s", out)
	}
	if code, out, stderr := runs(t, environ, "sinks", "pause", "crm", "--why", "they move"); code != 0 || !strings.Contains(out, "paused: crm") {
		t.Fatalf("pause: exit %d: %s%s", code, out, stderr)
	}
	eventually(t, "it is paused", func() bool { return strings.Contains(list(), "they move") })
	r.publish(events.CallMissed, "d")
	if code, _, _ := runs(t, environ, "sinks", "enable", "crm"); code != 0 {
		t.Fatal("it cannot be enabled")
	}
	eventually(t, "the event of the pause arrives", func() bool { return got.Load() == 4 })
	if code, out, stderr := runs(t, environ, "replay", "crm", "--since", "1h"); code != 0 || !strings.Contains(out, "4 events are delivered again to crm") {
		t.Errorf("replay: exit %d: %s%s", code, out, stderr)
	}
	eventually(t, "all of them arrive again", func() bool { return got.Load() == 8 })
}

func TestWhatSinksAreNotAskedFor(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	if _, err := r.bus.Backlog(t.Context(), stream.BacklogConfig{Sink: "crm", Types: []string{"call.*"}}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"sinks"}, exitUsage, "nothing to do is given"},
		{[]string{"sinks", "pause"}, exitUsage, "takes a SINK"},
		{[]string{"sinks", "pause", "crn"}, exitFailed, "Did you mean: crm"},
		{[]string{"dead", "retry", "crm"}, exitUsage, "name a SINK and a LETTER"},
		{[]string{"dead", "show", "crm", "nothing"}, exitFailed, "not found"},
		{[]string{"replay", "crm"}, exitUsage, "--since is missing"},
		{[]string{"replay", "crm", "--since", "1h", "--type", "call.mised"}, exitUsage, "call.missed"},
		{[]string{"replay", "nobody", "--since", "1h"}, exitFailed, "there is no sink"},
	} {
		t.Run(fmt.Sprint(tc.args), func(t *testing.T) {
			if code, _, stderr := runs(t, r.environ, tc.args...); code != tc.code || !strings.Contains(stderr, tc.says) {
				t.Errorf("exit %d, %q; want %d and %q", code, stderr, tc.code, tc.says)
			}
		})
	}
}
