package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/callbus/callbus/schemas"
)

// alive is the answer of /healthz, by which callbus check knows a callbus.
const alive = "callbus is alive\n"

// httpGrace is how long a request under way may take once the program stops.
const httpGrace = 5 * time.Second

// httpServer is what CALLBUS_HTTP_LISTEN serves: whether callbus lives and works, its metrics, and the schemas. It asks
// for no credentials: it is on loopback unless told otherwise, can only be read, and holds no secret, no number of a
// caller and no call.
type httpServer struct {
	listener net.Listener // nil when it is off
	server   *http.Server
}

// probed is what answers /healthz and /readyz: nil, or why not, one reason a line.
type probed interface {
	alive() error // whether the process is to be let live
	ready() error // whether it does its work
}

// listenHTTP takes the address, so that a taken port is known before anything else starts.
func listenHTTP(addr Listen, health probed, metrics prometheus.Gatherer, log *slog.Logger) (*httpServer, error) {
	if addr.Off() {
		return &httpServer{}, nil
	}
	l, err := net.Listen("tcp", string(addr))
	if err != nil {
		return nil, listenError("CALLBUS_HTTP_LISTEN", string(addr), err)
	}
	return &httpServer{listener: l, server: &http.Server{
		Handler:           httpHandler(health, metrics),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// Addr returns the address that is served, "" when it is off.
func (s *httpServer) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Run serves until ctx is done, and then lets requests under way finish. When the server is off it only waits.
func (s *httpServer) Run(ctx context.Context) error {
	if s.listener == nil {
		<-ctx.Done()
		return nil
	}
	var g errgroup.Group
	ended := make(chan struct{})
	g.Go(func() error {
		defer close(ended)
		if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP on %s: %w", s.Addr(), err)
		}
		return nil
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
		case <-ended:
		}
		return s.shutdown(context.WithoutCancel(ctx))
	})
	return g.Wait()
}

func (s *httpServer) shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, httpGrace)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop HTTP on %s: %w", s.Addr(), err), s.server.Close())
	}
	return nil
}

// listenError says in a sentence why an address cannot be had. variable is where it was set.
func listenError(variable, addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program (perhaps another callbus): set %s to a free address, or off: %w", addr, variable, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s may not be listened on by this user: ports below 1024 are kept for root; set %s to a higher one: %w", addr, variable, err)
	}
	return fmt.Errorf("cannot listen on %s, set by %s: %w", addr, variable, err)
}

func httpHandler(health probed, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeProbe(w, health.alive(), alive) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { writeProbe(w, health.ready(), "ready\n") })
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /schemas/{$}", serveSchemaList)
	mux.HandleFunc("GET /schemas/{type}", serveSchema)
	mux.HandleFunc("GET /asyncapi.json", func(w http.ResponseWriter, _ *http.Request) { writeBody(w, "application/json", schemas.AsyncAPI()) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusOK, "callbus\n\n/healthz\n/readyz\n/metrics\n/schemas/\n/asyncapi.json\n")
	})
	return mux
}

// writeProbe answers a probe: well, or why not.
func writeProbe(w http.ResponseWriter, err error, well string) {
	if err != nil {
		writeText(w, http.StatusServiceUnavailable, err.Error()+"\n")
		return
	}
	writeText(w, http.StatusOK, well)
}

// serveSchemaList writes one name a line: what can be put after /schemas/.
func serveSchemaList(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, strings.Join(schemas.List(), "\n")+"\n")
}

func serveSchema(w http.ResponseWriter, r *http.Request) {
	text, err := schemas.For(r.PathValue("type"))
	if err != nil {
		writeText(w, http.StatusNotFound, "there is no such schema; /schemas/ lists them\n")
		return
	}
	writeBody(w, "application/schema+json", text)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client may be gone: nobody is left to tell
}

func writeBody(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(body) // as above
}
