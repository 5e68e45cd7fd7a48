package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/schemas"
)

// A running bus is what callbus run would have open, for a command under test to connect to.
type running struct {
	t       *testing.T
	bus     *stream.Bus
	dataDir string
	environ []string
}

func startBus(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	server, err := stream.StartServer(t.Context(), stream.ServerConfig{DataDir: dir, Listen: "127.0.0.1:0", User: "u", Password: secret.New("p")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	bus, err := stream.Open(t.Context(), nc, stream.Settings{MaxAge: 17 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	return &running{t: t, bus: bus, dataDir: dir, environ: []string{
		"CALLBUS_NATS_LISTEN=" + strings.TrimPrefix(server.URL(), "nats://"), "CALLBUS_NATS_LISTEN_USER=u", "CALLBUS_NATS_LISTEN_PASSWORD=p",
		"CALLBUS_DATA_DIR=" + dir,
	}}
}

// publish stores an event of type t for each account.
func (r *running) publish(t events.Type, accounts ...string) {
	r.t.Helper()
	for _, account := range accounts {
		c := missedCall()
		c.CallID, c.Account, c.Provider, c.Revision = "call-"+account, account, "telsam", 1
		e := events.Event{
			ID: events.ID(account, c.CallID, t, 1), Type: t, Account: account, Provider: "telsam", Subject: c.CallID,
			Time: noon, RecordedTime: noon, CorrelationID: c.CallID, Data: c,
		}
		if err := r.bus.Publish(r.t.Context(), e); err != nil {
			r.t.Fatal(err)
		}
	}
}

// publishExamples stores an event of each type that begins so.
func (r *running) publishExamples(beginning string) {
	r.t.Helper()
	for _, t := range events.Types() {
		if !strings.HasPrefix(string(t), beginning) {
			continue
		}
		b, err := schemas.Example(t)
		if err != nil {
			r.t.Fatal(err)
		}
		e, err := events.Parse(b)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := r.bus.Publish(r.t.Context(), e); err != nil {
			r.t.Fatal(err)
		}
	}
}

// tails runs callbus tail until it has printed n lines, and returns them.
func (r *running) tails(n int, args ...string) []string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	out, in := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"tail"}, args...), r.environ, in, &stderr)
		in.Close()
	}()
	var lines []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		if lines = append(lines, scanner.Text()); len(lines) == n {
			cancel()
		}
	}
	if code := <-ended; code != exitDone || len(lines) != n {
		r.t.Errorf("tail %q: exit code %d, %d lines: %q; it says %q", args, code, len(lines), lines, &stderr)
	}
	return lines
}

func TestTailFollowsThePastAndThePresent(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	r.publish(events.CallStarted, "acme", "other")
	r.publish(events.CallMissed, "acme", "other")
	for _, tc := range []struct {
		args []string
		want []string // how each line begins, after its time
	}{
		{nil, []string{"call.started acme", "call.started other", "call.missed acme", "call.missed other"}},
		{[]string{"--account", "acme"}, []string{"call.started acme", "call.missed acme"}},
		{[]string{"--type", "call.missed"}, []string{"call.missed acme", "call.missed other"}},
		{[]string{"--type", "call.a*,call.missed", "--account", "other"}, []string{"call.missed other"}},
		{[]string{"--type", "call.*"}, []string{"call.started acme", "call.started other", "call.missed acme", "call.missed other"}},
	} {
		var got []string
		for _, line := range r.tails(len(tc.want), append(tc.args, "--since", "1h")...) {
			fields := strings.Fields(line)
			got = append(got, strings.Join(fields[2:4], " "))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("tail %q: %q, want %q", tc.args, got, tc.want)
		}
	}
}

func TestTailFollowsCallbacks(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	r.publish(events.CallMissed, "acme")
	r.publishExamples("callback.")
	for _, tc := range []struct{ kind, want string }{
		{"callback.*", "opened due attempted completed cancelled expired"},
		{"callback.due,callback.c*", "due completed cancelled"},
	} {
		want := strings.Fields(tc.want)
		for i, line := range r.tails(len(want), "--type", tc.kind, "--since", "1h") {
			if !strings.Contains(line, "  callback."+want[i]) || !strings.Contains(line, "  ↩  +90500000010") {
				t.Errorf("tail --type %s: line %d is %q, want callback.%s and whom to call", tc.kind, i, line, want[i])
			}
		}
	}
}

func TestTailPrintsJSONThatReadsBack(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	r.publish(events.CallMissed, "acme")
	line := r.tails(1, "--since", "1h", "--json")[0]
	e, err := events.Parse([]byte(line))
	if err != nil || e.Type != events.CallMissed || e.Account != "acme" {
		t.Errorf("tail --json: %s reads back as %+v, %v", line, e, err)
	}
}

// To look must change nothing: not even what another process chose for the stream.
func TestTailLeavesTheStreamAsItIs(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	r.publish(events.CallMissed, "acme")
	r.tails(1, "--since", "1h")
	nc, err := dialBus(t.Context(), r.client(), "test", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	age, err := streamAge(t.Context(), nc)
	if err != nil || age != 17*time.Hour {
		t.Errorf("the stream keeps events for %s after tail (%v), want 17h", age, err)
	}
}

func (r *running) client() Bus {
	b, err := loadBus(variablesOf(r.environ))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// brokenPipe takes one line, and then is closed at its other end, like head -1.
type brokenPipe struct {
	once sync.Once
	took bytes.Buffer
}

func (p *brokenPipe) Write(b []byte) (n int, err error) {
	n, err = 0, fmt.Errorf("write |1: %w", syscall.EPIPE)
	p.once.Do(func() { n, err = p.took.Write(b) })
	return n, err
}

func TestTailEndsQuietlyWhenItsReaderHasSeenEnough(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	r.publish(events.CallMissed, "acme", "other")
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"tail", "--since", "1h"}, r.environ, &brokenPipe{}, &stderr); code != exitDone || stderr.Len() > 0 {
		t.Errorf("tail into a broken pipe: exit code %d, and it says %q", code, &stderr)
	}
}

func TestTailWithWrongCredentials(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	environ := append(slices.Clone(r.environ), "CALLBUS_NATS_LISTEN_PASSWORD="+marked)
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"tail"}, environ, io.Discard, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "credentials refused") {
		t.Errorf("tail: exit code %d, and it says %q", code, &stderr)
	}
	noSecret(t, stderr.String())
}

func TestTypesOfPatterns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		patterns []string
		want     []events.Type
		problem  string
	}{
		{nil, nil, ""},
		{[]string{"call.missed"}, []events.Type{events.CallMissed}, ""},
		{[]string{"call.missed", "call.m*"}, []events.Type{events.CallMissed}, ""},
		{[]string{"call.a*", " source.*"}, []events.Type{events.CallAmended, events.CallAnswered, events.GapClosed, events.GapOpened}, ""},
		{[]string{"callback.c*", "callback.due"}, []events.Type{events.CallbackCancelled, events.CallbackCompleted, events.CallbackDue}, ""},
		{[]string{"call.mist"}, nil, "Did you mean: --type call.missed?"},
		{[]string{"call.*", "x.*"}, nil, `no event is of type "x.*"`},
		{[]string{""}, nil, `no event is of type ""`},
	} {
		got, err := typesOf(tc.patterns)
		var usage *usageError
		if !slices.Equal(got, tc.want) || (err != nil) != errors.As(err, &usage) || !strings.Contains(fmt.Sprint(err), tc.problem) {
			t.Errorf("typesOf(%q): %q, %v, want %q and %q", tc.patterns, got, err, tc.want, tc.problem)
		}
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		want time.Time
		ok   bool
	}{
		{"", time.Time{}, true},
		{"1h", noon.Add(-time.Hour), true},
		{"2026-02-28T10:00:00+03:00", time.Date(2026, 2, 28, 7, 0, 0, 0, time.UTC), true},
		{"-1h", time.Time{}, false},
		{"yesterday", time.Time{}, false},
	} {
		got, err := sinceOf(tc.text, noon)
		if !got.Equal(tc.want) || (err == nil) != tc.ok {
			t.Errorf("sinceOf(%q): %s, %v, want %s", tc.text, got, err, tc.want)
		}
	}
}
