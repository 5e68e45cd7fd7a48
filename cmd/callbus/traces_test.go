package main

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// An otlpReceiver is what traces are handed over to.
type otlpReceiver struct {
	mu     sync.Mutex
	spans  map[string]*tracepb.Span // by their id, in hex
	about  []string                 // of the processes they are from: attributes
	header http.Header
	path   string
	texts  []string // all that was sent, as text
}

func newOTLPReceiver(t *testing.T) (*otlpReceiver, string) {
	t.Helper()
	r := &otlpReceiver{spans: map[string]*tracepb.Span{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, server.URL
}

func (r *otlpReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var body io.Reader = q.Body
	if q.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(q.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	var sent collectorpb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &sent)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.take(q, &sent)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (r *otlpReceiver) take(q *http.Request, sent *collectorpb.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.header, r.path = q.Header, q.URL.Path
	r.texts = append(r.texts, sent.String())
	for _, process := range sent.ResourceSpans {
		for _, a := range process.Resource.Attributes {
			r.about = append(r.about, a.Key+"="+a.Value.GetStringValue())
		}
		for _, scope := range process.ScopeSpans {
			for _, s := range scope.Spans {
				r.spans[hex.EncodeToString(s.SpanId)] = s
			}
		}
	}
}

// attributeOf returns an attribute of a span as text.
func attributeOf(s *tracepb.Span, key string) string {
	for _, a := range s.GetAttributes() {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// hooked is a request that a webhook's endpoint got.
type hooked struct {
	event  events.Event
	header http.Header
	status int
}

// hookReceiver is a webhook's endpoint. It fails now and then.
type hookReceiver struct {
	mu     sync.Mutex
	got    []hooked
	failed map[string]bool
	news   chan struct{}
}

func (h *hookReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var e events.Event
	body, err := io.ReadAll(q.Body)
	if err == nil {
		e, err = events.Parse(body)
	}
	status := http.StatusNoContent
	h.mu.Lock()
	if err != nil || len(h.got)%failEvery == 0 && !h.failed[e.ID] {
		status, h.failed[e.ID] = http.StatusServiceUnavailable, true
	}
	h.got = append(h.got, hooked{e, q.Header, status})
	h.mu.Unlock()
	w.WriteHeader(status)
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// await waits until an event of that type was taken.
func (h *hookReceiver) await(t *testing.T, typ events.Type) {
	t.Helper()
	late := time.After(60 * time.Second)
	for {
		h.mu.Lock()
		there := slices.ContainsFunc(h.got, func(g hooked) bool { return g.event.Type == typ && g.status == http.StatusNoContent })
		h.mu.Unlock()
		if there {
			return
		}
		select {
		case <-h.news:
		case <-late:
			t.Fatalf("no %s was delivered", typ)
		}
	}
}

const (
	hookPath  = "/hook-marked-secret-path"
	otlpToken = marked + "otlp"
)

// tracedEngine is callbus that watches a simulated PBX and delivers to hook, with more settings.
func tracedEngine(t *testing.T, ctx context.Context, hook *hookReceiver, log *slog.Logger, more map[string]string) *engine {
	t.Helper()
	began := time.Now()
	pbx, err := serveSimulated("127.0.0.1:0", func(string) *pbxsim.World {
		return pbxsim.NewWorld(pbxsim.Config{Seed: 7, Start: began.Add(-time.Minute), Rate: 60, Scale: 0.05, Callers: 20, Mix: demoMix()})
	}, pbxsim.Manner{}, log)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- pbx.Run(ctx) }()
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	endpoint := httptest.NewServer(hook)
	t.Cleanup(endpoint.Close)
	vars := map[string]string{
		"CALLBUS_ACCOUNTS": "telsam", "CALLBUS_HTTP_LISTEN": "off", "CALLBUS_NATS_LISTEN": "off", "CALLBUS_DATA_DIR": t.TempDir(),
		"CALLBUS_SINKS":          "hook,reminders",
		"CALLBUS_SINK_HOOK_KIND": "webhook", "CALLBUS_SINK_HOOK_TYPES": "*", "CALLBUS_SINK_HOOK_START": "all", "CALLBUS_SINK_HOOK_SECRET": demoSecret,
		"CALLBUS_SINK_HOOK_URL": endpoint.URL + hookPath, "CALLBUS_SINK_HOOK_ALLOW_CIDRS": "127.0.0.1/32",
		"CALLBUS_SINK_REMINDERS_KIND": "callbacks", "CALLBUS_SINK_REMINDERS_START": "all", "CALLBUS_SINK_REMINDERS_GRACE": "1s",
	}
	for _, p := range pbx.pbxs {
		if p.Vendor == "telsam" {
			maps.Copy(p.Settings, demoSettings[p.Vendor])
			maps.Copy(vars, variablesOf(p.Variables(p.Vendor, pbx.URL(p.Vendor))))
		}
	}
	maps.Copy(vars, more)
	cfg, err := loadConfig(vars, vendors())
	if err != nil {
		t.Fatal(err)
	}
	e, err := startEngine(ctx, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newHookReceiver() *hookReceiver {
	return &hookReceiver{failed: map[string]bool{}, news: make(chan struct{}, 1)}
}

func TestOneTraceGoesFromThePollThroughTheBusToTheWebhook(t *testing.T) {
	t.Parallel()
	traces, url := newOTLPReceiver(t)
	hook := newHookReceiver()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	e := tracedEngine(t, ctx, hook, slog.New(slog.DiscardHandler), map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20" + otlpToken, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
		"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test", "OTEL_SERVICE_NAME": "callbus-test",
	})
	hook.await(t, events.CallMissed)
	hook.await(t, events.CallbackOpened)
	stop()
	if err := e.wait(ctx); err != nil {
		t.Fatal(err)
	}
	traces.mu.Lock()
	defer traces.mu.Unlock()
	if traces.path != "/v1/traces" || traces.header.Get("Authorization") != "Bearer "+otlpToken {
		t.Errorf("sent to %s with Authorization %q", traces.path, traces.header.Get("Authorization"))
	}
	for _, want := range []string{"service.name=callbus-test", "deployment.environment.name=test"} {
		if !slices.Contains(traces.about, want) {
			t.Errorf("%s is not among %q", want, traces.about)
		}
	}
	byID := map[string]events.Event{}
	for _, g := range hook.got {
		byID[g.event.ID] = g.event
	}
	for _, g := range hook.got {
		traces.wantWay(t, g)
		cause, ok := byID[g.event.CausationID]
		if g.event.Type == events.CallbackOpened && ok && traceID(cause.TraceParent) != traceID(g.event.TraceParent) {
			t.Errorf("%s has traceparent %s, and what it comes of %s", g.event.Type, g.event.TraceParent, cause.TraceParent)
		}
		traces.wantNothingOf(t, g.event)
	}
}

func traceID(traceparent string) string {
	if parts := strings.Split(traceparent, "-"); len(parts) == 4 {
		return parts[1]
	}
	return "none in " + traceparent
}

func spanID(traceparent string) string { return strings.Split(traceparent+"---", "-")[2] }

// wantWay follows a request back from span to span, to the poll that it began with.
func (r *otlpReceiver) wantWay(t *testing.T, g hooked) {
	t.Helper()
	header := g.header.Get("Traceparent")
	if traceID(header) != traceID(g.event.TraceParent) {
		t.Fatalf("the request has traceparent %s, and the event %s", header, g.event.TraceParent)
	}
	outcome := map[int]string{http.StatusNoContent: "delivered", http.StatusServiceUnavailable: "passing"}[g.status]
	way := []struct {
		name, outcome string
		kind          tracepb.Span_SpanKind
	}{
		{"POST", outcome, tracepb.Span_SPAN_KIND_CLIENT},
		{"deliver hook", outcome, tracepb.Span_SPAN_KIND_CONSUMER},
		{"publish", "", tracepb.Span_SPAN_KIND_PRODUCER},
		{"poll ", "read", tracepb.Span_SPAN_KIND_INTERNAL},
	}
	id := spanID(header)
	for _, want := range way {
		s := r.spans[id]
		if s == nil || hex.EncodeToString(s.TraceId) != traceID(header) || !strings.HasPrefix(s.Name, want.name) || s.Kind != want.kind || attributeOf(s, "callbus.outcome") != want.outcome {
			t.Fatalf("on the way of %s, attempt answered with %d, want %v, got %v", g.event.Type, g.status, want, s)
		}
		if want.name == "publish" && id != spanID(g.event.TraceParent) {
			t.Errorf("the event's traceparent is %s, and it was published in span %s", g.event.TraceParent, id)
		}
		id = hex.EncodeToString(s.ParentSpanId)
	}
	if id != "" {
		t.Errorf("before the poll there was %v", r.spans[id])
	}
}

// wantNothingOf checks that no span tells anything that e is about but ids, and no secret.
func (r *otlpReceiver) wantNothingOf(t *testing.T, e events.Event) {
	t.Helper()
	forbidden := []string{marked, simulatedSecret + ":", demoSecret, strings.TrimPrefix(hookPath, "/")}
	if c, ok := e.Call(); ok {
		for _, p := range []events.Party{c.From, c.To} {
			for _, s := range []*string{p.Number, p.Raw} {
				if s != nil && len(*s) > 5 {
					forbidden = append(forbidden, strings.TrimPrefix(*s, "+"))
				}
			}
		}
	}
	for _, text := range r.texts {
		for _, f := range forbidden {
			if strings.Contains(text, f) {
				t.Fatalf("%q is in what was handed over", f)
			}
		}
	}
}

func TestWithoutTracesEventsHaveNoTraceparent(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]map[string]string{
		"nothing is set":       nil,
		"the exporter is none": {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
		"the SDK is disabled":  {"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hook := newHookReceiver()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			e := tracedEngine(t, ctx, hook, slog.New(slog.DiscardHandler), more)
			if e.traces != nil {
				t.Error("an exporter was started")
			}
			hook.await(t, events.CallStarted)
			stop()
			if err := e.wait(ctx); err != nil {
				t.Fatal(err)
			}
			for _, g := range hook.got {
				if g.event.TraceParent != "" || g.header.Get("Traceparent") != "" {
					t.Fatalf("%s has traceparent %q, and the request %q", g.event.Type, g.event.TraceParent, g.header.Get("Traceparent"))
				}
			}
		})
	}
}

// A collector that takes connections and never answers: nobody notices but the log.
func TestAnEndpointThatIsAwayHoldsUpNothing(t *testing.T) {
	t.Parallel()
	stuck, release := make(chan struct{}), make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case stuck <- struct{}{}:
		default:
		}
		<-release
	}))
	defer endpoint.Close()
	defer close(release)
	hook, log := newHookReceiver(), &lines{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	e := tracedEngine(t, ctx, hook, slog.New(slog.NewJSONHandler(log, nil)), map[string]string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint.URL + "/" + marked + "path", "OTEL_EXPORTER_OTLP_HEADERS": "x-key=" + otlpToken, "OTEL_BSP_SCHEDULE_DELAY": "100",
	})
	<-stuck
	hook.await(t, events.CallMissed)
	stop()
	began := time.Now()
	if err := e.wait(ctx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > stopsWithin {
		t.Errorf("it took %s to stop", took)
	}
	said := log.with("traces cannot be handed over")
	if len(said) != 1 || said[0]["level"] != "WARN" || said[0]["endpoint"] != endpoint.URL {
		t.Errorf("the log says %v", said)
	}
	if strings.Contains(log.text(), marked) {
		t.Errorf("a secret is in the log: %s", log.text())
	}
}

// stopsWithin is tracesGrace, and what else the end of an engine takes.
const stopsWithin = tracesGrace + 5*time.Second

// lines is a log of JSON that a test reads.
type lines struct {
	mu  sync.Mutex
	all []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, b...)
	return len(b), nil
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.all)
}

func (l *lines) with(text string) (all []map[string]any) {
	for line := range strings.Lines(l.text()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && strings.Contains(line, text) {
			all = append(all, fields)
		}
	}
	return all
}
