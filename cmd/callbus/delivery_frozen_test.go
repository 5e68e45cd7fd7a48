//go:build unix

package main

import (
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

// TestASinkThatWasFrozenGoesOn stops the process of a sink, which the bus outlives, for longer than the server waits to hear of
// what it has in hand. When it wakes, all comes again, is known, and nothing is delivered twice or out of order.
func TestASinkThatWasFrozenGoesOn(t *testing.T) {
	t.Parallel()
	const calls = 500
	verifier, err := webhook.NewVerifier(secret.New(demoSecret))
	if err != nil {
		t.Fatal(err)
	}
	r := &strictReceiver{verifier: verifier, rnd: rand.New(rand.NewPCG(1, 2)), failed: map[string]int{}, ids: map[string]string{}, next: map[string]int{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	url := busProcess(t)
	if err := dialed(t, url).Publish(t.Context(), storiesOf(0, calls)...); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("callbus", "run")
	cmd.Env = append(os.Environ(), "CALLBUS_ROLES=sinks", "CALLBUS_NATS_URL="+url, "CALLBUS_SINKS=crm", "CALLBUS_SINK_CRM_KIND=webhook",
		"CALLBUS_SINK_CRM_URL="+server.URL, "CALLBUS_SINK_CRM_SECRET="+demoSecret, "CALLBUS_SINK_CRM_ALLOW_CIDRS=127.0.0.1/32", "CALLBUS_SINK_CRM_START=all")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "it delivers", func() bool { taken, _, _ := r.state(); return taken >= calls })
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(sinks.MessageWait + 2*time.Second)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is delivered", func() bool { taken, _, _ := r.state(); return taken == len(fourTypes)*calls })
	if _, again, problems := r.state(); again > 0 || len(problems) > 0 {
		t.Errorf("%d events came twice; %d problems: %s", again, len(problems), strings.Join(problems[:min(5, len(problems))], "\n"))
	}
}
