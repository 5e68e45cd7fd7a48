package ingesttest

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/ingest"
)

// base is where the vendor is, as the provider is told. Whatever host is asked, the same server answers.
const base = "http://pbx.example"

// A server plays the vendor over connections in memory, with net/http on both ends.
type server struct {
	http      *http.Server
	transport *http.Transport
	conns     chan net.Conn
	closed    chan struct{}

	handlers sync.WaitGroup

	mu       sync.Mutex
	requests []request
}

// request is a request that the server was sent.
type request struct {
	host, line, body string
	header           http.Header
}

func (r request) String() string { return r.line + "\n" + r.body }

// start starts a server that answers with h.
func start(h http.Handler) *server {
	s := &server{conns: make(chan net.Conn), closed: make(chan struct{})}
	s.transport = &http.Transport{DialContext: s.dial, ReadBufferSize: 64 << 10, MaxResponseHeaderBytes: 256 << 10}
	s.http = &http.Server{Handler: s.noting(h), ErrorLog: log.New(io.Discard, "", 0)}
	go s.http.Serve(s)
	return s
}

// stop ends the server and every connection to it.
func (s *server) stop() {
	s.transport.CloseIdleConnections()
	s.http.Close()
	s.transport.CloseIdleConnections()
	s.handlers.Wait()
}

// open returns the provider's client of the server.
func (s *server) open(t testing.TB, v Vendor) ingest.CDRReader {
	return v.Open(t, &http.Client{Transport: s.transport}, base)
}

func (s *server) noting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Done()
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		s.requests = append(s.requests, request{r.Host, r.Method + " " + r.URL.String(), string(body), r.Header.Clone()})
		s.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

// asked returns the requests so far.
func (s *server) asked() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.requests...)
}

func (s *server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case s.conns <- there:
		return here, nil
	case <-s.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept is the server's half of dial; Close and Addr make it a net.Listener.
func (s *server) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func (s *server) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// atNoon runs f in virtual time, at noon.
func atNoon(t *testing.T, f func(t *testing.T) []string) (wrong []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		wrong = f(t)
	})
	return wrong
}
