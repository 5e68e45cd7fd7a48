package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/callbus/callbus/events/secret"
)

// receiver is the endpoint that the demo's webhook delivers to: it checks every signature, fails now and then, and keeps
// count of what it got.
type receiver struct {
	verifier signatureVerifier
	listener net.Listener
	server   *http.Server

	mu       sync.Mutex
	requests int
	refused  int             // with a signature that is not right
	failed   map[string]bool // on purpose, by webhook-id: once each, after the second time it would be tried much later
	got      map[string]bool // webhook-id of what was taken
	again    int             // of these, how often one came again
}

// signatureVerifier tells whether a webhook was signed as it should be.
type signatureVerifier interface {
	Verify(h http.Header, body []byte, now time.Time) error
}

// demoSecret signs the demo's webhooks, as everybody may know.
const demoSecret = "whsec_Y2FsbGJ1cy1kZW1vLXNlY3JldC1vZi0zMi1ieXRlcyE="

// failEvery is how often the receiver fails: it answers every so many requests with 503.
const failEvery = 7

func newReceiver() (*receiver, error) {
	v, err := verifierOf(secret.New(demoSecret))
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	r := &receiver{verifier: v, listener: l, failed: map[string]bool{}, got: map[string]bool{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	return r, nil
}

// URL is where webhooks go.
func (r *receiver) URL() string { return "http://" + r.listener.Addr().String() + "/hook" }

// Run serves until ctx is done.
func (r *receiver) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = r.server.Close() })
	defer stop()
	if err := r.server.Serve(r.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("receive webhooks: %w", err)
	}
	return nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(io.LimitReader(q.Body, 1<<20))
	if err == nil {
		err = r.verifier.Verify(q.Header, body, time.Now())
	}
	w.WriteHeader(r.take(q.Header.Get("webhook-id"), err))
}

// take notes a request and returns the status to answer with.
func (r *receiver) take(id string, wrong error) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	switch {
	case wrong != nil:
		r.refused++
		return http.StatusUnauthorized
	case r.requests%failEvery == 0 && !r.failed[id]:
		r.failed[id] = true
		return http.StatusServiceUnavailable
	case r.got[id]:
		r.again++
	}
	r.got[id] = true
	return http.StatusNoContent
}

// delivered returns how many events it took.
func (r *receiver) delivered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// summary says in a line what it got, of so many events that were published.
func (r *receiver) summary(published int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("The webhook's receiver got %d of %d events: %d requests, %d of which it answered with 503 on purpose, %d with a wrong signature, %d twice.",
		len(r.got), published, r.requests, len(r.failed), r.refused, r.again)
}
