package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
)

// TestADeadEndpointDelaysNoOtherSink runs ten sinks on one bus, one of which has an endpoint that is dead, and holds the time from
// publish to delivery of the other nine to what it is when all ten live.
func TestADeadEndpointDelaysNoOtherSink(t *testing.T) {
	t.Run("it accepts, and never answers", func(t *testing.T) { holdNeighbours(t, silent) })
	t.Run("it refuses", func(t *testing.T) { holdNeighbours(t, refusing) })
}

// holdNeighbours tries thrice: what a busy machine does to one run passes, and what one sink does to another does not.
func holdNeighbours(t *testing.T, dead func(*testing.T) string) {
	t.Helper()
	for try := 1; ; try++ {
		without, with := neighboursWait(t, ""), neighboursWait(t, dead(t))
		t.Logf("p99 of nine sinks: %s, and beside a dead one %s", without, with)
		switch {
		case with < 2*without+50*time.Millisecond:
			return
		case try == 3:
			t.Fatal("a dead endpoint delays other sinks")
		}
	}
}

// neighboursWait returns how long it takes at most from publish to delivery, for 99 of 100 deliveries of nine sinks; the tenth delivers
// to the url last, or as they do when it is empty.
func neighboursWait(t *testing.T, last string) time.Duration {
	t.Helper()
	bus, err := openBus(t.Context(), Bus{DataDir: t.TempDir(), Listen: "off", Sync: Sync{Every: time.Second}, Replicas: 1, MaxAge: time.Hour}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer bus.close()
	a := &arrivals{at: map[string]time.Time{}}
	server := httptest.NewServer(a)
	defer server.Close()

	f := newSinkFleet(slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	defer f.wait()
	defer stop()
	for n := range 10 {
		url := fmt.Sprintf("%s/%d", server.URL, n)
		if n == 9 && last != "" {
			url = last
		}
		if err := f.start(ctx, bus.Bus, loopbackSink(fmt.Sprintf("s%d", n), url, time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	published := map[string]time.Time{}
	for _, e := range startedCalls(0, 250) {
		published[e.ID] = time.Now()
		if err := bus.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Millisecond) // two seconds in all: deliveries to the dead endpoint time out meanwhile
	}
	return a.p99(t, published, 9)
}

// arrivals is a receiver that notes when each event came first, by sink and event.
type arrivals struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(r.Body)
	e, err := events.ParseEnvelope(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if key := r.URL.Path + " " + e.ID; a.at[key].IsZero() {
		a.at[key] = now
	}
	w.WriteHeader(http.StatusNoContent)
}

// p99 waits until the sinks have delivered all that was published, and returns how long 99 of 100 deliveries took at most.
func (a *arrivals) p99(t *testing.T, published map[string]time.Time, sinks int) time.Duration {
	t.Helper()
	var all []time.Duration
	eventually(t, "nine sinks deliver all", func() bool {
		all = all[:0]
		a.mu.Lock()
		defer a.mu.Unlock()
		for key, at := range a.at {
			if path, id, _ := strings.Cut(key, " "); path < fmt.Sprintf("/%d", sinks) {
				all = append(all, at.Sub(published[id]))
			}
		}
		return len(all) == sinks*len(published)
	})
	slices.Sort(all)
	return all[len(all)*99/100]
}

// silent accepts connections and requests, and never answers.
func silent(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close() // when nobody is to be accepted any more
		}
	}()
	return "http://" + l.Addr().String()
}

// refusing is an address at which nobody listens.
func refusing(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}
