package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbus/callbus/schemas"
)

func get(t *testing.T, h http.Handler, path string) (int, string, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Header().Get("Content-Type"), w.Body.String()
}

func TestWhatIsServed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "callbus_test_total", Help: "For the test."})
	registry.MustRegister(counter)
	h := httpHandler(probes{}, registry)
	missed, err := schemas.For("call.missed")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path   string
		status int
		kind   string
		holds  string
	}{
		{"/", 200, "text/plain", "/readyz"},
		{"/healthz", 200, "text/plain", "alive"},
		{"/readyz", 200, "text/plain", "ready"},
		{"/metrics", 200, "text/plain", "callbus_test_total 0"},
		{"/schemas/", 200, "text/plain", "call.missed\n"},
		{"/schemas/", 200, "text/plain", "callback.due\n"},
		{"/schemas/call.missed", 200, "application/schema+json", string(missed)},
		{"/schemas/call.mist", 404, "text/plain", "/schemas/ lists them"},
		{"/schemas/..%2fasyncapi", 404, "text/plain", "no such schema"},
		{"/asyncapi.json", 200, "application/json", string(schemas.AsyncAPI())},
		{"/elsewhere", 404, "text/plain", ""},
	} {
		status, kind, body := get(t, h, tc.path)
		if status != tc.status || !strings.HasPrefix(kind, tc.kind) || !strings.Contains(body, tc.holds) {
			t.Errorf("GET %s: %d %s %.200q, want %d %s with %.80q", tc.path, status, kind, body, tc.status, tc.kind, tc.holds)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/healthz", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /healthz: %d, want 405", w.Code)
	}
}

// probes answers as it is told; a nil function is well.
type probes struct{ isAlive, isReady func() error }

func (p probes) alive() error { return orWell(p.isAlive) }
func (p probes) ready() error { return orWell(p.isReady) }

func orWell(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func TestProbesSayWhyNot(t *testing.T) {
	t.Parallel()
	var why atomic.Pointer[error]
	tell := func() error { return *why.Load() }
	h := httpHandler(probes{tell, tell}, prometheus.NewRegistry())
	for _, path := range []string{"/readyz", "/healthz"} {
		why.Store(new(errors.Join(errors.New("the bus cannot be reached"), errors.New("no account can be read"))))
		if status, _, body := get(t, h, path); status != 503 || body != "the bus cannot be reached\nno account can be read\n" {
			t.Errorf("%s: %d %q, want 503 and one reason a line", path, status, body)
		}
		why.Store(new(error))
		if status, _, _ := get(t, h, path); status != 200 {
			t.Errorf("%s: %d when all is well again, want 200", path, status)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func startHTTP(t *testing.T, ready func() error) (*httpServer, func() error) {
	t.Helper()
	s, err := listenHTTP("127.0.0.1:0", probes{isReady: ready}, prometheus.NewRegistry(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return s, func() error { cancel(); return <-ended }
}

func TestTheServerStopsWhenRequestsUnderWayAreDone(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	s, stop := startHTTP(t, func() error { close(asked); <-answer; return nil })
	body := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + s.Addr() + "/readyz")
		if err != nil {
			body <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		body <- string(b)
	}()
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(answer)
	if got := <-body; got != "ready\n" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := http.Get("http://" + s.Addr() + "/healthz"); err == nil {
		t.Error("it still answers after it has stopped")
	}
}

func TestATakenPortIsSaidInASentence(t *testing.T) {
	t.Parallel()
	s, stop := startHTTP(t, func() error { return nil })
	_, err := listenHTTP(Listen(s.Addr()), nil, prometheus.NewRegistry(), quiet())
	want := s.Addr() + " is taken by another program (perhaps another callbus): set CALLBUS_HTTP_LISTEN to a free address, or off"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("listen on a taken port: %v, want %s", err, want)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestOffServesNothingAndWaits(t *testing.T) {
	t.Parallel()
	s, err := listenHTTP("off", nil, nil, quiet())
	if err != nil || s.Addr() != "" {
		t.Fatalf("listen off: %q, %v", s.Addr(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("run: %v", err)
	}
}
