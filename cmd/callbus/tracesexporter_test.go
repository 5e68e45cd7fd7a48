package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/callbus/callbus/events/secret"
)

// handOver makes one span, and ends.
func handOver(t *testing.T, vars map[string]string, log *slog.Logger) {
	t.Helper()
	traces, err := startTraces(t.Context(), tracesOf(t, vars), log)
	if err != nil {
		t.Fatal(err)
	}
	_, span := traces.tracer("test").Start(t.Context(), "one")
	span.End()
	traces.close()
}

func TestTracesAreHandedOverAsOneLikes(t *testing.T) {
	t.Parallel()
	const token = "Bearer " + otlpToken
	t.Run("over TLS, with an authority of one's own", func(t *testing.T) {
		t.Parallel()
		r := &otlpReceiver{spans: map[string]*tracepb.Span{}}
		server := httptest.NewTLSServer(r)
		defer server.Close()
		authority := filepath.Join(t.TempDir(), "ca.pem")
		writeFile(t, authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
		vars := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_CERTIFICATE": authority, "OTEL_EXPORTER_OTLP_HEADERS": "authorization=" + token}
		handOver(t, vars, slog.New(slog.DiscardHandler))
		if len(r.spans) != 1 || r.header.Get("Authorization") != token {
			t.Errorf("%d spans with %v", len(r.spans), r.header)
		}
		_, err := loadConfig(acmeWith("OTEL_EXPORTER_OTLP_ENDPOINT=http://traces.example", "OTEL_EXPORTER_OTLP_CERTIFICATE="+authority), vendors())
		if faults := faultsOf(t, err); len(faults) != 1 || !strings.Contains(faults[0], "https://") {
			t.Errorf("a certificate that does nothing: %v", faults)
		}
	})
	t.Run("as JSON", func(t *testing.T) {
		t.Parallel()
		got := make(chan string, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			got <- q.Header.Get("Content-Type") + string(body)
		}))
		defer server.Close()
		handOver(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, slog.New(slog.DiscardHandler))
		if text := <-got; !strings.HasPrefix(text, "application/json{") || !strings.Contains(text, `"one"`) {
			t.Errorf("got %s", text)
		}
	})
	t.Run("over gRPC", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r := &grpcReceiver{got: make(chan *collectorpb.ExportTraceServiceRequest, 1)}
		server := grpc.NewServer()
		collectorpb.RegisterTraceServiceServer(server, r)
		go func() { _ = server.Serve(l) }()
		defer server.Stop()
		handOver(t, map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + l.Addr().String(), "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
			"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=" + token, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
		}, slog.New(slog.DiscardHandler))
		if got := <-r.got; got.ResourceSpans[0].ScopeSpans[0].Spans[0].Name != "one" || r.header.Get("authorization")[0] != token {
			t.Errorf("got %v with %v", got, r.header)
		}
	})
}

type grpcReceiver struct {
	collectorpb.UnimplementedTraceServiceServer
	got    chan *collectorpb.ExportTraceServiceRequest
	header metadata.MD
}

func (r *grpcReceiver) Export(ctx context.Context, q *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	r.header, _ = metadata.FromIncomingContext(ctx)
	r.got <- q
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// A redirect would carry the headers, which are secret, to another server.
func TestTracesAreNotRedirected(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("traces went elsewhere") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	log := &lines{}
	handOver(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=" + otlpToken}, slog.New(slog.NewJSONHandler(log, nil)))
	if said := log.with("traces cannot be handed over"); len(said) != 1 || !strings.Contains(fmt.Sprint(said[0]["error"]), "307") {
		t.Errorf("the log says %v", said)
	}
}

func TestWhatTheEndpointSaysIsToldWithoutSecrets(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		http.Error(w, "I do not know "+q.Header.Get("Authorization")+" nor "+q.URL.Path+"\x1b[31m", http.StatusUnauthorized)
	}))
	defer server.Close()
	log := &lines{}
	handOver(t, map[string]string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": server.URL + "/" + marked + "path", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic " + otlpToken,
	}, slog.New(slog.NewJSONHandler(log, nil)))
	said := log.with("traces cannot be handed over")
	if len(said) != 1 || !strings.Contains(fmt.Sprint(said[0]["error"]), "401 Unauthorized") || strings.Contains(log.text(), marked) || strings.Contains(log.text(), "\\u001b") {
		t.Errorf("the log says %s", log.text())
	}
}

func TestCheckTriesTraces(t *testing.T) {
	t.Parallel()
	r, url := newOTLPReceiver(t)
	takes := tryTraces(t.Context(), tracesOf(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_TRACES_SAMPLER": "always_off"}))
	if len(takes) != 1 || takes[0].Failed || len(r.spans) != 1 {
		t.Errorf("tried %+v, %d spans", takes, len(r.spans))
	}
	refuses := httptest.NewServer(http.NotFoundHandler())
	defer refuses.Close()
	fails := tryTraces(t.Context(), tracesOf(t, map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": refuses.URL + "/" + marked + "path"}))
	if len(fails) != 1 || !fails[0].Failed || !strings.Contains(fails[0].Found, "404") || strings.Contains(fmt.Sprint(fails), marked) {
		t.Errorf("tried %+v", fails)
	}
	if off := tryTraces(t.Context(), Traces{}); off != nil {
		t.Errorf("without traces there is %+v", off)
	}
}

func TestLostSpansAreSaidNowAndThen(t *testing.T) {
	t.Parallel()
	log := &lines{}
	e := &exporter{log: slog.New(slog.NewJSONHandler(log, nil)), where: "http://c", redact: OTLP{Headers: secret.New("a=" + otlpToken)}.redact}
	away, now := errors.New("connection refused to "+otlpToken), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for minute := range 25 { // an endpoint that is away for 25 minutes
		e.note(10, away, now.Add(time.Duration(minute)*time.Minute))
	}
	e.note(10, nil, now.Add(25*time.Minute))
	e.note(10, nil, now.Add(26*time.Minute))
	e.note(10, away, now.Add(27*time.Minute)) // and again, too soon to be said
	e.note(10, nil, now.Add(28*time.Minute))
	e.note(10, away, now.Add(31*time.Minute))
	var got []string
	for _, l := range log.with("") {
		got = append(got, fmt.Sprint(l["level"], " ", l["spans"], " ", l["error"]))
	}
	want := []string{"WARN 10 connection refused to ***", "WARN 100 connection refused to ***", "WARN 100 connection refused to ***", "INFO <nil> <nil>", "WARN 10 connection refused to ***"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

// It runs alone: others' goroutines would be taken for its own.
func TestTracesEndInABoundedTimeAndLeaveNothingBehind(t *testing.T) {
	release := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer stuck.Close()
	defer close(release)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close() // who connects waits for ever
	for name, vars := range map[string]map[string]string{
		"nobody answers over HTTP": {"OTEL_EXPORTER_OTLP_ENDPOINT": stuck.URL},
		"nobody answers over gRPC": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + nobody.Addr().String(), "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
		"nobody listens":           {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			began := time.Now()
			handOver(t, vars, slog.New(slog.DiscardHandler))
			if took := time.Since(began); took > tracesGrace+2*time.Second {
				t.Errorf("it took %s", took)
			}
			if err := goleak.Find(before, goleak.IgnoreAnyFunction("net/http.(*conn).serve")); err != nil { // the receiver's
				t.Error(err)
			}
		})
	}
}
