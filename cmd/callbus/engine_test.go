package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// probe asks an engine at work.
func (e *engine) probe(t *testing.T, path string) (status int, body string) {
	t.Helper()
	status, _, body = get(t, e.http.server.Handler, path)
	return status, body
}

// TestTheProbesOfAProcessOverItsLife: ready, not ready while the bus is away, alive all the time, and still answering while
// what is under way is finished.
func TestTheProbesOfAProcessOverItsLife(t *testing.T) {
	t.Parallel()
	config := stream.ServerConfig{DataDir: t.TempDir(), Listen: "127.0.0.1:0"}
	server, err := stream.StartServer(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	config.Listen = u.Host
	cfg, err := loadConfig(map[string]string{"CALLBUS_ROLES": "http", "CALLBUS_NATS_URL": server.URL(), "CALLBUS_HTTP_LISTEN": "127.0.0.1:0"}, vendors())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	e, err := startEngine(ctx, cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	becomes := func(want int, holds string) {
		t.Helper()
		eventually(t, fmt.Sprintf("it answers %d, %s", want, holds), func() bool {
			status, body := e.probe(t, "/readyz")
			return status == want && strings.Contains(body, holds)
		})
		if status, body := e.probe(t, "/healthz"); status != 200 || body != alive {
			t.Errorf("/healthz: %d %q", status, body)
		}
	}
	becomes(200, "ready")
	server.Shutdown()
	becomes(503, "the connection to NATS is RECONNECTING")
	if server, err = stream.StartServer(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	becomes(200, "ready")

	underWay := make(chan struct{})
	e.fleet.workers.Go(func() { <-underWay })
	stop()
	ended := make(chan error, 1)
	go func() { ended <- e.wait(ctx) }()
	becomes(503, errStopping.Error())
	if resp, err := http.Get("http://" + e.http.Addr() + "/readyz"); err != nil || resp.StatusCode != 503 {
		t.Errorf("while it stops it answers %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	close(underWay)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + e.http.Addr() + "/readyz"); err == nil {
		t.Error("it answers although it has stopped")
	}
}

// TestEventsThatCannotBeStoredMakeItUnready: the server answers, and takes none. What happened meanwhile is stored afterwards.
func TestEventsThatCannotBeStoredMakeItUnready(t *testing.T) {
	t.Parallel()
	r := startBus(t)
	_, environ := r.watching(60, time.Minute)
	vars := variablesOf(environ)
	maps.Copy(vars, map[string]string{
		"CALLBUS_NATS_URL": "nats://" + vars["CALLBUS_NATS_LISTEN"], "CALLBUS_NATS_USER": "u", "CALLBUS_NATS_PASSWORD": "p",
		"CALLBUS_NATS_LISTEN": "", "CALLBUS_NATS_LISTEN_USER": "", "CALLBUS_NATS_LISTEN_PASSWORD": "", "CALLBUS_DATA_DIR": "",
		"CALLBUS_ROLES": "ingest,http", "CALLBUS_HTTP_LISTEN": "127.0.0.1:0", "CALLBUS_STREAM_MAX_AGE": "48h",
	})
	cfg, err := loadConfig(vars, vendors())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	e, err := startEngine(ctx, cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	stored := func() int { return len(r.stored(stream.Filter{})) }
	eventually(t, "it is ready", func() bool { status, _ := e.probe(t, "/readyz"); return status == 200 && stored() > 0 })
	js, err := jetstream.New(e.bus.nc)
	if err != nil {
		t.Fatal(err)
	}
	full := func(yes bool) {
		t.Helper()
		s, err := js.Stream(ctx, stream.Name)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		if c.MaxBytes, c.Discard = -1, jetstream.DiscardOld; yes {
			c.MaxBytes, c.Discard = int64(s.CachedInfo().State.Bytes), jetstream.DiscardNew
		}
		if _, err := js.UpdateStream(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	full(true)
	var body string
	eventually(t, "it is not ready", func() bool { status, text := e.probe(t, "/readyz"); body = text; return status == 503 })
	if !strings.HasPrefix(body, "events wait to be stored, for 1") {
		t.Errorf("it says %q", body)
	}
	if status, _ := e.probe(t, "/healthz"); status != 200 {
		t.Error("it is not alive")
	}
	before := stored()
	full(false)
	eventually(t, "it is ready again", func() bool { status, _ := e.probe(t, "/readyz"); return status == 200 && stored() > before })
	stop()
	if err := e.wait(ctx); err != nil {
		t.Error(err)
	}
}

// TestTheMetricsOfAProcessAtWork: of all vendors, with a webhook that fails now and then, and reminders.
func TestTheMetricsOfAProcessAtWork(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	d := &demo{world: &world{stdout: io.Discard, stderr: io.Discard}, log: quiet(), began: time.Now(), seed: 7}
	var err error
	if d.pbx, err = serveSimulated("127.0.0.1:0", d.worldOf, pbxsim.Manner{}, quiet()); err != nil {
		t.Fatal(err)
	}
	if d.hook, err = newReceiver(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 2)
	go func() { served <- d.pbx.Run(ctx) }()
	go func() { served <- d.hook.Run(ctx) }()
	cfg, err := d.config(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPListen, cfg.Bus.Listen = "127.0.0.1:0", "off"
	e, err := startEngine(ctx, cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	var body string
	counted := []string{
		`callbus_ready`, `callbus_build_info{`, `callbus_polls_total{account="telsam",list="active_calls"}`,
		`callbus_events_total{account="bulutfon",type="call.ended"}`, `callbus_events_total{account="telsam",type="call.missed"}`,
		`callbus_audit_calls_total{account="telsam",finding="agreed"}`,
		`callbus_source_lag_seconds_count{provider="telsam",type="call.started"}`, `callbus_publish_duration_seconds_count`,
		`callbus_sink_delivered_total{sink="receiver"}`, `callbus_sink_delivery_duration_seconds_count{sink="receiver"}`,
		`callbus_callbacks_return_seconds_count{sink="reminders"}`,
	}
	eventually(t, "all is counted", func() bool {
		_, body = e.probe(t, "/metrics")
		return !slices.ContainsFunc(counted, func(name string) bool { return !isCounted(body, name) })
	})
	for _, name := range []string{
		`callbus_gaps_open{account="while1",list="cdrs"}`, `callbus_request_budget_remaining{account="verimor"}`,
		`callbus_callbacks_open{sink="reminders",state="watching"}`, `callbus_sink_circuit{sink="receiver",state="closed"}`,
	} {
		if !strings.Contains(body, name) {
			t.Errorf("%s is not there", name)
		}
	}
	if strings.Contains(body, `callbus_audit_calls_total{account="verimor"`) || strings.Contains(body, `callbus_request_budget_remaining{account="telsam"`) {
		t.Error("an account has metrics that are none of its")
	}
	checkMetrics(t, e.meters, demoSecret, d.pbx.URL("telsam"), d.hook.URL())
	t.Log(auditOf(body))
	stop()
	if err := e.wait(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	<-served
}

// isCounted tells whether a series that begins so is there, and is not 0.
func isCounted(metrics, name string) bool {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, name) && !strings.HasSuffix(line, " 0\n") {
			return true
		}
	}
	return false
}

// auditOf returns the findings that there are.
func auditOf(metrics string) (found []string) {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "callbus_audit_calls_total") && !strings.HasSuffix(line, " 0\n") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}
