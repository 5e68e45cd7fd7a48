package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks/webhook"
)

var (
	killedCalls = flag.Int("killed-calls", 1000, "how many calls of four events TestNoWebhookIsLostWhateverIsKilled delivers")
	killedTimes = flag.Int("killed-times", 2, "how often callbus is killed meanwhile")
	killedFails = flag.Int("killed-fails", 1, "how often the receiver fails the same event at most: twice, and it is tried again after 15 s; thrice, after a minute")
)

// strictReceiver is an endpoint that fails a tenth of all requests, is down now and then, and holds every delivery to what
// is promised.
type strictReceiver struct {
	verifier *webhook.Verifier

	mu       sync.Mutex
	rnd      *rand.Rand
	down     bool
	failed   map[string]int    // on purpose, by webhook-id
	ids      map[string]string // webhook-id by event id
	next     map[string]int    // by call: which of its events comes next for the first time
	taken    int
	again    int
	problems []string
}

func (r *strictReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // callbus was killed in the middle of it
	}
	w.WriteHeader(r.take(q.Header, body))
}

func (r *strictReceiver) take(h http.Header, body []byte) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.down:
		return http.StatusBadGateway
	case r.rnd.IntN(10) == 0 && r.failed[h.Get("Webhook-Id")] < *killedFails:
		r.failed[h.Get("Webhook-Id")]++
		return http.StatusInternalServerError
	}
	if err := r.verifier.Verify(h, body, time.Now()); err != nil {
		r.problems = append(r.problems, err.Error())
	}
	e, err := events.Parse(body)
	if err != nil {
		r.problems = append(r.problems, err.Error())
		return http.StatusBadRequest
	}
	r.hold(e, h.Get("Webhook-Id"))
	return http.StatusOK
}

// hold checks that e is what was to come next of its call, or was there before with the same webhook-id.
func (r *strictReceiver) hold(e events.Event, id string) {
	if before, known := r.ids[e.ID]; known {
		r.again++
		if before != id {
			r.problems = append(r.problems, fmt.Sprintf("%s of %s came again as %s, and was %s", e.Type, e.Subject, id, before))
		}
		return
	}
	r.ids[e.ID] = id
	r.taken++
	if want := fourTypes[r.next[e.Subject]%len(fourTypes)]; e.Type != want {
		r.problems = append(r.problems, fmt.Sprintf("of call %s %s came before %s", e.Subject, e.Type, want))
	}
	r.next[e.Subject]++
}

func (r *strictReceiver) state() (taken, again int, problems []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken, r.again, r.problems
}

func (r *strictReceiver) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

var fourTypes = []events.Type{events.CallStarted, events.CallEnded, events.CallMissed, events.CallAmended}

// fill stores so many calls of four events each in a data folder.
func fill(t *testing.T, dir string, calls int) {
	t.Helper()
	server, err := stream.StartServer(t.Context(), stream.ServerConfig{DataDir: dir, Listen: "off"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	nc, err := server.Connect("fill")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	bus, err := stream.Open(t.Context(), nc, stream.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	for from := 0; from < calls; from += 250 {
		if err := bus.Publish(t.Context(), storiesOf(from, min(from+250, calls))...); err != nil {
			t.Fatal(err)
		}
	}
}

// storiesOf returns the events of calls, those of neighbours interleaved.
func storiesOf(from, to int) (all []events.Event) {
	for _, typ := range fourTypes {
		for n := from; n < to; n++ {
			c := missedCall()
			c.CallID, c.Account, c.Provider, c.Revision, c.StartedAt = fmt.Sprintf("call-%06d", n), "acme", "telsam", 1, &noon
			e := events.Event{
				ID: events.ID("acme", c.CallID, typ, 1), Type: typ, Account: "acme", Provider: "telsam", Subject: c.CallID,
				Time: noon, RecordedTime: noon, CorrelationID: c.CallID, Data: c,
			}
			if typ == events.CallAmended {
				c.Revision = 2
				e.ID, e.Data = events.ID("acme", c.CallID, typ, 2), events.Amendment{Call: c, Changed: []string{"recording"}, Supersedes: events.ID("acme", c.CallID, events.CallMissed, 1)}
			}
			all = append(all, e)
		}
	}
	return all
}

// TestNoWebhookIsLostWhateverIsKilled delivers from the real program, which is killed without warning again and again, to a
// receiver that fails a tenth of all requests and is down for a while.
func TestNoWebhookIsLostWhateverIsKilled(t *testing.T) {
	t.Parallel()
	verifier, err := webhook.NewVerifier(secret.New(demoSecret))
	if err != nil {
		t.Fatal(err)
	}
	r := &strictReceiver{verifier: verifier, rnd: rand.New(rand.NewPCG(1, 2)), failed: map[string]int{}, ids: map[string]string{}, next: map[string]int{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	fill(t, dir, *killedCalls)
	binary := filepath.Join(t.TempDir(), "callbus")
	if out, err := buildCallbus(t.Context(), binary).CombinedOutput(); err != nil {
		t.Fatalf("build callbus: %v\n%s", err, out)
	}
	environ := append(os.Environ(), "CALLBUS_ROLES=sinks", "CALLBUS_DATA_DIR="+dir, "CALLBUS_NATS_LISTEN=off", "CALLBUS_SINKS=crm",
		"CALLBUS_SINK_CRM_KIND=webhook", "CALLBUS_SINK_CRM_URL="+server.URL, "CALLBUS_SINK_CRM_SECRET="+demoSecret,
		"CALLBUS_SINK_CRM_ALLOW_CIDRS=127.0.0.1/32", "CALLBUS_SINK_CRM_START=all", "CALLBUS_SINK_CRM_CONCURRENCY=32")
	want, lives := 4**killedCalls, 0
	deadline := time.Now().Add(2*time.Minute + time.Duration(*killedTimes)*20*time.Second)
	for taken := 0; taken < want && time.Now().Before(deadline); lives++ {
		until, began := want, time.Now()
		if lives < *killedTimes { // in the middle of its work
			until = taken + 1 + rand.IntN(2*(want-taken)/(*killedTimes-lives+1))
		}
		if lives == 1 { // when callbus begins to deliver again, nobody is there
			r.setDown(true)
			time.AfterFunc(3*time.Second, func() { r.setDown(false) })
		}
		runFor(t, binary, environ, time.Until(deadline), func() bool { taken, _, _ = r.state(); return taken >= min(until, want) })
		t.Logf("life %d of %s: %d events so far", lives+1, time.Since(began).Round(time.Millisecond), taken)
	}
	taken, again, problems := r.state()
	t.Logf("%d events in %d lives, %d of them twice", taken, lives, again)
	if taken != want {
		t.Errorf("%d events arrived, want %d", taken, want)
	}
	if len(problems) > 0 {
		t.Errorf("%d problems, the first: %s", len(problems), strings.Join(problems[:min(5, len(problems))], "\n"))
	}
}

// runFor lets the program live for a while, or until all is done, and kills it without warning.
func runFor(t *testing.T, binary string, environ []string, d time.Duration, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	cmd := exec.Command(binary, "run")
	cmd.Env = environ
	log := &strings.Builder{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil && !done() {
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	_ = cmd.Process.Signal(syscall.SIGKILL)
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() > 0 {
		t.Fatalf("callbus ended by itself: %v\n%s", err, log)
	}
}

// buildCallbus returns the command that builds callbus, as make build does: what one has compiled, the other need not.
func buildCallbus(ctx context.Context, binary string) *exec.Cmd {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	return c
}
