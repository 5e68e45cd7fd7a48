package webhook_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

func TestOnlyShortRequestsInPlainHTTPAreSentDirectly(t *testing.T) {
	secured := httptest.NewTLSServer(answering(204))
	t.Cleanup(secured.Close)
	attributes := delivery(t, func(e *events.Event) { e.Subject = strings.Repeat("x", 17<<10) })
	short, long := delivery(t), delivery(t, func(e *events.Event) { e.Data = events.Call{Provider: strings.Repeat("x", 16<<10)} })
	for _, tc := range []struct {
		name, url string
		d         sinks.Delivery
		mode      webhook.Mode
		want      int
	}{
		{"a short one", server(t, answering(204)), short, webhook.Structured, 1},
		{"a long one", server(t, answering(204)), long, webhook.Structured, 0},
		{"one with a long header", server(t, answering(204)), attributes, webhook.Binary, 0},
		{"one over TLS", secured.URL, short, webhook.Structured, 0},
	} {
		s := sink(t, tc.url, func(c *webhook.Config) { c.Mode = tc.mode })
		d := tc.d
		if err := s.Deliver(t.Context(), d); (err == nil) != strings.HasPrefix(tc.url, "http:") { // its certificate is not trusted
			t.Fatalf("%s: Deliver: %v", tc.name, err)
		}
		if n := webhook.KeptDirectly(s); n != tc.want {
			t.Errorf("%s leaves %d connections, want %d", tc.name, n, tc.want)
		}
	}
}

// What the receiver gets does not tell how it was sent.
func TestTheSameIsSentEachWay(t *testing.T) {
	type said struct {
		request
		length int64
		coding int
	}
	got := make(chan said, 1)
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Header.Del("Webhook-Timestamp") // and the signature of it
		r.Header.Del("Webhook-Signature")
		got <- said{request{r.Method, r.RequestURI, r.Host, r.Header, body}, r.ContentLength, len(r.TransferEncoding)}
		w.WriteHeader(http.StatusNoContent)
	})
	text := rapid.StringMatching(`[ -~çğşı📞]{1,40}`)
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom([]webhook.Mode{webhook.Structured, webhook.Binary}).Draw(rt, "mode")
		path := rapid.StringMatching(`(/([a-zA-Z0-9._~-]|%[2-7][0-9A-F]){0,5}){0,3}(\?([a-z=&]|%2B){0,9})?`).Draw(rt, "path")
		header := strings.TrimSpace(rapid.StringMatching(`[!-:<-~]([ !-:<-~]{0,40}[!-:<-~])?`).Draw(rt, "header"))
		d := delivery(t, func(e *events.Event) {
			e.Subject, e.Data = "x"+text.Draw(rt, "subject"), events.Call{Provider: strings.Repeat("x", rapid.IntRange(0, 9000).Draw(rt, "length"))}
		})
		var all [2]said
		for i := range all {
			s, err := webhook.New("crm", config(url+path, func(c *webhook.Config) { c.Mode, c.Headers = mode, secret.New("X-Tenant: "+header) }), webhook.Options{})
			if err != nil {
				rt.Fatalf("New: %v", err)
			}
			if i > 0 {
				webhook.NeverDirectly(s)
			}
			if err := s.Deliver(t.Context(), d); err != nil {
				rt.Fatalf("Deliver: %v", err)
			}
			all[i] = <-got
			s.Close()
		}
		a, b := all[0], all[1]
		if a.method != b.method || a.uri != b.uri || a.host != b.host || a.length != b.length || a.coding != b.coding || !bytes.Equal(a.body, b.body) {
			rt.Errorf("directly %+v\nby net/http %+v", a, b)
		}
		if !sameHeader(a.header, b.header) {
			rt.Errorf("directly %q\nby net/http %q", a.header, b.header)
		}
	})
}

func sameHeader(a, b http.Header) bool {
	var x, y bytes.Buffer
	a.Write(&x)
	b.Write(&y)
	return x.String() == y.String()
}

// A request may be ended while it is written, or while its answer is read; neither it nor its connection stays.
func TestARequestThatIsEndedLeavesNoConnection(t *testing.T) {
	for name, answer := range map[string]string{"before an answer": "", "within its header": head200, "within its body": head200 + "Content-Length: 9\r\n\r\nabc"} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, sink opener) {
				there, gone := make(chan struct{}), make(chan struct{})
				s := sink(t, "http://"+raw(t, afterRequest(func(_ context.Context, c *net.TCPConn) {
					io.WriteString(c, answer)
					close(there)
					io.Copy(io.Discard, c)
					close(gone)
				})), func(c *webhook.Config) { c.Timeout = 10 * time.Second })
				ctx, cancel := context.WithCancel(t.Context())
				go func() { <-there; cancel() }()
				s.Deliver(ctx, delivery(t))
				<-gone
				if n := webhook.KeptDirectly(s); n != 0 {
					t.Errorf("%d connections are kept", n)
				}
			})
		})
	}
}

// As many connections are made as there are lanes, and no more.
func TestManyLanesShareConnections(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		s := sink(t, server(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, r.Header.Get("Webhook-Id"))
		}), func(c *webhook.Config) { c.Timeout = 10 * time.Second })
		var lanes sync.WaitGroup
		for range 16 {
			lanes.Go(func() {
				for range 50 {
					if err := s.Deliver(t.Context(), delivery(t)); err != nil {
						t.Errorf("Deliver: %v", err)
					}
				}
			})
		}
		lanes.Wait()
		if n := webhook.KeptDirectly(s); n > 16 {
			t.Errorf("%d connections are kept by 16 lanes", n)
		}
	})
}

func TestTheHandshakeIsTheSameEachWay(t *testing.T) {
	got := make(chan request, 1)
	url := server(t, recording(got, answering(200, "WebHook-Allowed-Origin", "*")))
	var all []request
	eachWay(t, func(t *testing.T, sink opener) {
		if err := sink(t, url).Consent(t.Context()); err != nil {
			t.Fatalf("Consent: %v", err)
		}
		all = append(all, <-got)
	})
	if a, b := all[0], all[1]; a.method != b.method || a.uri != b.uri || !sameHeader(a.header, b.header) {
		t.Errorf("directly %+v\nby net/http %+v", a, b)
	}
}
