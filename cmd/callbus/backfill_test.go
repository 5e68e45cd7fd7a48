package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// watching is the environment of r with an account acme on a simulated PBX that had so many calls a minute for so long.
func (r *running) watching(rate float64, since time.Duration) (*pbxsim.Telsam, []string) {
	r.t.Helper()
	world := pbxsim.NewWorld(pbxsim.Config{Seed: 5, Start: time.Now().Add(-since), Rate: rate})
	pbx := pbxsim.NewTelsam(world, pbxsim.TelsamConfig{}, time.Now)
	server := httptest.NewServer(pbx)
	r.t.Cleanup(server.Close)
	return pbx, append(r.environ,
		"CALLBUS_ACCOUNTS=acme", "CALLBUS_ACCOUNT_ACME_PROVIDER=telsam", "CALLBUS_ACCOUNT_ACME_URL="+server.URL,
		"CALLBUS_ACCOUNT_ACME_USERNAME=callbus", "CALLBUS_ACCOUNT_ACME_PASSWORD=callbus",
	)
}

// runs returns the exit code of callbus args and what it wrote.
func runs(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

func (r *running) stored(f stream.Filter) (all []events.Event) {
	r.t.Helper()
	for e, err := range r.bus.Events(r.t.Context(), f) {
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestBackfillPublishesThePastAndRepeatingItNothing(t *testing.T) {
	r := startBus(t)
	pbx, environ := r.watching(0.5, 72*time.Hour)
	code, stdout, stderr := runs(t, environ, "backfill", "acme", "--from", "71h", "--to", "2h")
	if code != 0 || !strings.Contains(stdout, "calls published") {
		t.Fatalf("exit %d, %q, %q", code, stdout, stderr)
	}
	from, to := time.Now().Add(-71*time.Hour), time.Now().Add(-2*time.Hour)
	want := 0
	for _, tr := range pbx.Truth(time.Now()) {
		if tr.Call.Start.After(from) && tr.Call.Start.Before(to) {
			want++
		}
	}
	started := r.stored(stream.Filter{Account: "acme", Types: []events.Type{events.CallStarted}})
	if d := len(started) - want; d < -2 || d > 12 { // the vendor's spans are of whole minutes, a minute more on each side
		t.Errorf("%d calls were published, %d were made", len(started), want)
	}
	before := len(r.stored(stream.Filter{Account: "acme"}))
	code, stdout, stderr = runs(t, environ, "backfill", "acme", "--from", "71h", "--to", "2h")
	if after := len(r.stored(stream.Filter{Account: "acme"})); code != 0 || after-before > 5 || !strings.Contains(stdout, "known already") {
		t.Errorf("exit %d, %d events and then %d: %q, %q", code, before, after, stdout, stderr)
	}
}

func TestWhatBackfillIsNotAskedFor(t *testing.T) {
	r := startBus(t)
	_, environ := r.watching(1, time.Hour)
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"an account that is not there": {[]string{"backfill", "acmee", "--from", "1h"}, "Did you mean: acme"},
		"no account":                   {[]string{"backfill", "--from", "1h"}, "takes an ACCOUNT"},
		"no beginning":                 {[]string{"backfill", "acme"}, "--from is missing"},
		"a beginning that is no time":  {[]string{"backfill", "acme", "--from", "soon"}, "neither a date"},
		"an end before the beginning":  {[]string{"backfill", "acme", "--from", "1h", "--to", "2h"}, "there is no time between"},
		"hangup of no account":         {[]string{"hangup", "nobody", "x"}, "there is no account"},
		"hangup of no call":            {[]string{"hangup", "acme"}, "takes an ACCOUNT and a CALL"},
		"hangup of an empty call":      {[]string{"hangup", "acme", " "}, "no call is named"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, _, stderr := runs(t, environ, tc.args...); code != exitUsage || !strings.Contains(stderr, tc.says) {
				t.Errorf("exit %d, %q; want %d and %q", code, stderr, exitUsage, tc.says)
			}
		})
	}
}

func TestHangupEndsACallOnceAndOnlyWhenConfirmed(t *testing.T) {
	r := startBus(t)
	pbx, environ := r.watching(30, time.Hour)
	var channel string
	until := time.Time{}
	for _, tr := range pbx.Truth(time.Now()) {
		if tr.Call.Active(time.Now()) && tr.Call.End.After(until) {
			channel, until = tr.Channel, tr.Call.End
		}
	}
	if time.Until(until) < 10*time.Second {
		t.Fatal("a PBX with thirty calls a minute has none that lasts")
	}
	if code, _, stderr := runs(t, environ, "hangup", "acme", channel); code != exitFailed || !strings.Contains(stderr, "not confirmed") {
		t.Errorf("without a yes: exit %d, %q", code, stderr)
	}
	if code, stdout, stderr := runs(t, environ, "hangup", "acme", channel, "--yes"); code != 0 || !strings.Contains(stdout, "hung up") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr := runs(t, environ, "hangup", "acme", channel, "--yes"); code != exitFailed || !strings.Contains(stderr, "not active") {
		t.Errorf("once more: exit %d, %q", code, stderr)
	}
}

// TestHangupOfACallThatCallbusPublished: its id is enough, and a call that is over is not tried.
func TestHangupOfACallThatCallbusPublished(t *testing.T) {
	r := startBus(t)
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked = q.URL.Query().Get("channel")
		_, _ = w.Write([]byte(`[{"success":true,"count":0,"data":[]}]`))
	}))
	t.Cleanup(server.Close)
	environ := append(r.environ, "CALLBUS_ACCOUNTS=acme", "CALLBUS_ACCOUNT_ACME_PROVIDER=telsam", "CALLBUS_ACCOUNT_ACME_URL="+server.URL,
		"CALLBUS_ACCOUNT_ACME_USERNAME=callbus", "CALLBUS_ACCOUNT_ACME_PASSWORD=callbus")
	c := missedCall()
	c.CallID, c.Account, c.Provider, c.Revision = events.Hash("a call"), "acme", "telsam", 1
	c.VendorIDs = map[string]string{"channel": "SIP/9"}
	c.StartedAt = &noon
	c.EndedAt, c.Outcome, c.Missed, c.MissedReason = nil, nil, nil, nil
	e := events.Event{
		ID: events.ID("acme", c.CallID, events.CallStarted, 1), Type: events.CallStarted, Account: "acme", Provider: "telsam", Subject: c.CallID,
		Time: noon, RecordedTime: noon, CorrelationID: c.CallID, Data: c,
	}
	if err := r.bus.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := runs(t, environ, "hangup", "acme", c.CallID, "--yes"); code != 0 || asked != "SIP/9" {
		t.Errorf("exit %d, asked for %q: %q, %q", code, asked, stdout, stderr)
	}
	c.EndedAt, asked = &noon, ""
	e.Type, e.ID, e.Data = events.CallEnded, events.ID("acme", c.CallID, events.CallEnded, 1), c
	if err := r.bus.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := runs(t, environ, "hangup", "acme", c.CallID, "--yes"); code != exitFailed || asked != "" || !strings.Contains(stderr, "is over since") {
		t.Errorf("a call that is over: exit %d, asked for %q, %q", code, asked, stderr)
	}
}
