package webhook_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

func asking(c *webhook.Config) { c.AskConsent = true }

// S-10.
func TestConsent(t *testing.T) {
	const origin, rate = "WebHook-Allowed-Origin", "WebHook-Allowed-Rate"
	for name, tc := range map[string]struct {
		code   int
		header []string
		want   sinks.Fault
		says   string
	}{
		"our origin":                      {200, []string{origin, "pbx.example.com", rate, "120"}, delivered, ""},
		"our origin in capitals":          {200, []string{origin, "PBX.example.com"}, delivered, ""},
		"every origin":                    {204, []string{origin, "*", rate, "*"}, delivered, ""},
		"a rate that no integer holds":    {204, []string{origin, "*", rate, "99999999999999999999999"}, delivered, ""},
		"no header":                       {200, nil, sinks.OfEndpoint, "did not consent"},
		"another origin":                  {200, []string{origin, "other.example"}, sinks.OfEndpoint, "another origin"},
		"an origin that ours begins with": {200, []string{origin, "pbx.example"}, sinks.OfEndpoint, "another origin"},
		"an origin that begins with ours": {200, []string{origin, "pbx.example.com.evil.example"}, sinks.OfEndpoint, "another origin"},
		"an origin that ends with ours":   {200, []string{origin, "evil-pbx.example.com"}, sinks.OfEndpoint, "another origin"},
		"rate 0":                          {200, []string{origin, "*", rate, "0"}, sinks.OfEndpoint, "Allowed-Rate"},
		"rate 00":                         {200, []string{origin, "*", rate, "00"}, sinks.OfEndpoint, "Allowed-Rate"},
		"rate -5":                         {200, []string{origin, "*", rate, "-5"}, sinks.OfEndpoint, "Allowed-Rate"},
		"rate abc":                        {200, []string{origin, "*", rate, "abc"}, sinks.OfEndpoint, "Allowed-Rate"},
		"not supported":                   {405, []string{"Allow", "POST"}, sinks.OfEndpoint, "VALIDATE=false"},
		"not supported, with a header":    {405, []string{origin, "*"}, sinks.OfEndpoint, "does not support"},
		"a redirect":                      {307, []string{"Location", "/", origin, "*"}, sinks.OfEndpoint, "not followed"},
		"refused":                         {403, []string{origin, "*"}, sinks.OfEndpoint, "403"},
		"not now":                         {503, []string{"Retry-After", "60"}, sinks.Pause, "for 1m0s"},
		"in trouble":                      {500, nil, sinks.Passing, "500"},
		"gone":                            {410, nil, sinks.Gone, "410"},
		"another protocol":                {101, nil, sinks.OfEndpoint, "another protocol"},
	} {
		t.Run("S-10 "+name, func(t *testing.T) {
			var posts atomic.Int32
			url := server(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					posts.Add(1)
					return
				}
				answering(tc.code, tc.header...)(w, r)
			})
			s := open(t, config(url, asking), webhook.Options{Origin: "pbx.example.com"})
			err := s.Deliver(t.Context(), delivery(t))
			if faultOf(err) != tc.want || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Deliver: %v (%q), want %q saying %q", err, faultOf(err), tc.want, tc.says)
			}
			if (posts.Load() == 1) != (tc.want == delivered) {
				t.Errorf("%d events were sent", posts.Load())
			}
			if err := s.Consent(t.Context()); faultOf(err) != tc.want {
				t.Errorf("Consent: %v, want %q", err, tc.want)
			}
		})
	}
}

func TestWhatAHandshakeAsks(t *testing.T) {
	got := make(chan request, 1)
	url := server(t, recording(got, answering(200, "WebHook-Allowed-Origin", "*")))
	s := open(t, config(url+"/in?t=1", asking, func(c *webhook.Config) {
		c.Rate, c.Bearer = webhook.Rate{Requests: 2, Per: time.Second}, secret.New("t0ken")
	}), webhook.Options{Origin: "pbx.example.com"})
	if err := s.Consent(t.Context()); err != nil {
		t.Fatalf("Consent: %v", err)
	}
	r := <-got
	if r.method != http.MethodOptions || r.uri != "/in?t=1" || len(r.body) != 0 {
		t.Errorf("got %s %s %q, want OPTIONS /in?t=1", r.method, r.uri, r.body)
	}
	for name, want := range map[string]string{
		"WebHook-Request-Origin": "pbx.example.com", "WebHook-Request-Rate": "120", "WebHook-Request-Callback": "", "Authorization": "Bearer t0ken", "Webhook-Signature": "",
	} {
		if have := r.header.Get(name); have != want {
			t.Errorf("%s: %q, want %q", name, have, want)
		}
	}
	if err := s.Deliver(t.Context(), delivery(t)); err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	if r := <-got; r.method != http.MethodPost || r.header.Get("WebHook-Request-Origin") != "pbx.example.com" {
		t.Errorf("then %s from %q, want POST from the same origin", r.method, r.header.Get("WebHook-Request-Origin"))
	}
}

func TestTheGrantedRateIsKept(t *testing.T) {
	granted := "6"
	s := sink(t, server(t, func(w http.ResponseWriter, r *http.Request) {
		answering(200, "WebHook-Allowed-Origin", "*", "WebHook-Allowed-Rate", granted)(w, r)
	}), asking)
	if err := s.Deliver(t.Context(), delivery(t)); err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	var e *sinks.Error
	if err := s.Deliver(t.Context(), delivery(t)); !errors.As(err, &e) || e.Fault != sinks.Pause || e.After < 9*time.Second || e.After > 10*time.Second {
		t.Errorf("Deliver: %v (%+v), want a pause of ten seconds", err, e)
	}
	granted = "*"
	if err := s.Consent(t.Context()); err != nil {
		t.Fatalf("Consent: %v", err)
	}
	if err := s.Deliver(t.Context(), delivery(t)); err != nil {
		t.Errorf("Deliver after a wider consent: %v", err)
	}
}

func TestManyDeliveriesAskForConsentOnce(t *testing.T) {
	var options, posts atomic.Int32
	s := sink(t, server(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodOptions {
			options.Add(1)
			w.Header().Set("WebHook-Allowed-Origin", "callbus")
		} else {
			posts.Add(1)
		}
	}), asking)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := s.Deliver(t.Context(), delivery(t)); err != nil {
				t.Errorf("Deliver: %v", err)
			}
		})
	}
	all.Wait()
	if options.Load() != 1 || posts.Load() != 16 {
		t.Errorf("%d handshakes and %d events, want 1 and 16", options.Load(), posts.Load())
	}
}

func TestDeliveriesThatWaitedForConsentShareItsFailure(t *testing.T) {
	s := sink(t, "http://"+raw(t, afterRequest(func(ctx context.Context, _ *net.TCPConn) { <-ctx.Done() })), asking)
	began := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.Deliver(t.Context(), delivery(t)); faultOf(err) != sinks.Passing {
				t.Errorf("Deliver: %v, want %q", err, sinks.Passing)
			}
		})
	}
	all.Wait()
	inTime(t, began)
}
