package webhook_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key      = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of the specification's example
	otherKey = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	// timeout is short, so that hostile receivers do not take long; soon is what is left for a busy machine.
	timeout = 250 * time.Millisecond
	soon    = time.Second
)

var loopback = webhook.CIDRs{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// delivery returns one event, as a pump hands it over.
func delivery(t testing.TB, change ...func(*events.Event)) sinks.Delivery {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := events.Event{
		ID: "5u7kq3vvm2bgm", Type: events.CallMissed, Account: "acme", Provider: "telsam", Subject: "651f8a68",
		Time: now, RecordedTime: now, CorrelationID: "651f8a68",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Data:        events.Call{CallID: "651f8a68", Account: "acme", Provider: "telsam", Revision: 1},
	}
	for _, f := range change {
		f(&e)
	}
	body, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatalf("AppendJSON: %v", err)
	}
	return sinks.Delivery{Event: e, Body: body, Attempt: 1}
}

// config returns settings that are good for url, on loopback.
func config(url string, change ...func(*webhook.Config)) webhook.Config {
	c := webhook.Config{URL: url, Secret: secret.New(key), Timeout: timeout, AllowCIDRs: loopback}
	for _, f := range change {
		f(&c)
	}
	return c
}

func sink(t testing.TB, url string, change ...func(*webhook.Config)) *webhook.Sink {
	t.Helper()
	return open(t, config(url, change...), webhook.Options{})
}

// An opener is [sink].
type opener func(t testing.TB, url string, change ...func(*webhook.Config)) *webhook.Sink

// eachWay tests what is sent directly, which short requests in plain HTTP are, and what is left to net/http.
func eachWay(t *testing.T, test func(t *testing.T, sink opener)) {
	t.Run("directly", func(t *testing.T) { test(t, sink) })
	t.Run("by net/http", func(t *testing.T) {
		test(t, func(t testing.TB, url string, change ...func(*webhook.Config)) *webhook.Sink {
			s := sink(t, url, change...)
			webhook.NeverDirectly(s)
			return s
		})
	})
}

func open(t testing.TB, c webhook.Config, o webhook.Options) *webhook.Sink {
	t.Helper()
	s, err := webhook.New("crm", c, o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// server returns the address of a well-behaved server with that handler.
func server(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// answering is a handler that reads everything and answers with code.
func answering(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for i := 0; i < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// raw is a server that does with each connection what it likes. serve's context ends with the test, and then its connection
// is closed.
func raw(t testing.TB, serve func(ctx context.Context, c *net.TCPConn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { c.Close() })()
				serve(ctx, c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { cancel(); l.Close(); running.Wait() })
	return l.Addr().String()
}

// afterRequest reads a whole request and then does what it likes.
func afterRequest(then func(ctx context.Context, c *net.TCPConn)) func(context.Context, *net.TCPConn) {
	return func(ctx context.Context, c *net.TCPConn) {
		if readRequest(bufio.NewReader(c)) {
			then(ctx, c)
		}
	}
}

func readRequest(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

// saying writes what a server answers, and waits for the other side to close.
func saying(text string) func(context.Context, *net.TCPConn) {
	return afterRequest(func(_ context.Context, c *net.TCPConn) {
		io.WriteString(c, text)
		io.Copy(io.Discard, c)
	})
}

// reset closes a connection as a program does that was killed.
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

// delivered is the fault of a delivery that succeeded.
const delivered = sinks.Fault("")

// faultOf returns what err means, as the pump reads it.
func faultOf(err error) sinks.Fault {
	var e *sinks.Error
	switch {
	case err == nil:
		return delivered
	case errors.As(err, &e):
		return e.Fault
	}
	return "none: " + sinks.Fault(err.Error())
}

func inTime(t testing.TB, began time.Time) {
	t.Helper()
	if took := time.Since(began); took > timeout+soon {
		t.Errorf("Deliver took %s, want at most %s", took, timeout+soon)
	}
}
