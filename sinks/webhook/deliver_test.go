package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/schemas"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

// A request is what a receiver got.
type request struct {
	method, uri, host string
	header            http.Header
	body              []byte
}

// recording is a handler that keeps what it gets and then does what next does.
func recording(into chan<- request, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		into <- request{r.Method, r.RequestURI, r.Host, r.Header, body}
		next(w, r)
	}
}

func TestAStructuredRequest(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		got := make(chan request, 1)
		s := sink(t, server(t, recording(got, answering(204)))+"/in?t=1", func(c *webhook.Config) {
			c.Bearer, c.Headers = secret.New("t0ken"), secret.New("X-Tenant: acme")
		})
		d := delivery(t)
		if err := s.Deliver(t.Context(), d); err != nil {
			t.Fatalf("Deliver: %v", err)
		}
		r := <-got
		if r.method != http.MethodPost || r.uri != "/in?t=1" || !bytes.Equal(r.body, d.Body) {
			t.Errorf("got %s %s %s, want POST /in?t=1 and the event as it is stored", r.method, r.uri, r.body)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/cloudevents+json; charset=utf-8", "User-Agent": "callbus", "Authorization": "Bearer t0ken", "X-Tenant": "acme",
			"Webhook-Id": webhook.MessageID("crm", d.Event), "WebHook-Request-Origin": "callbus", "Traceparent": d.Event.TraceParent,
		} {
			if have := r.header.Get(name); have != want {
				t.Errorf("%s: %q, want %q", name, have, want)
			}
		}
		if err := verifier(t, key).Verify(r.header, r.body, time.Now()); err != nil {
			t.Errorf("Verify: %v", err)
		}
		var names []string
		for name := range r.header {
			names = append(names, name)
		}
		slices.Sort(names)
		want := "Authorization Content-Length Content-Type Traceparent User-Agent Webhook-Id Webhook-Request-Origin Webhook-Signature Webhook-Timestamp X-Tenant"
		if have := strings.Join(names, " "); have != want { // and so no Idempotency-Key, no Expect, no Accept-Encoding
			t.Errorf("headers %s\nwant    %s", have, want)
		}
	})
}

func TestABinaryRequest(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		got := make(chan request, 1)
		s := sink(t, server(t, recording(got, answering(200))), func(c *webhook.Config) { c.Mode = webhook.Binary })
		d := delivery(t, func(e *events.Event) { e.TraceParent = "nonsense" })
		if err := s.Deliver(t.Context(), d); err != nil {
			t.Fatalf("Deliver: %v", err)
		}
		r := <-got
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Ce-Id": d.Event.ID, "Ce-Type": "call.missed", "Ce-Source": "/callbus/telsam/acme", "Ce-Subject": d.Event.Subject,
			"Ce-Specversion": "1.0", "Ce-Datacontenttype": "", "Ce-Data": "", "Ce-Traceparent": "nonsense", "Traceparent": "",
		} {
			if have := r.header.Get(name); have != want {
				t.Errorf("%s: %q, want %q", name, have, want)
			}
		}
		if !bytes.HasSuffix(d.Body, append([]byte(`"data":`), append(slices.Clone(r.body), '}')...)) {
			t.Errorf("the body is %s, want the data of %s", r.body, d.Body)
		}
		if err := verifier(t, key).Verify(r.header, r.body, time.Now()); err != nil {
			t.Errorf("Verify: %v", err)
		}
	})
}

func TestEventsOfEveryTypeArriveAsTheyAre(t *testing.T) {
	got := make(chan request, 1)
	url := server(t, recording(got, answering(204)))
	structured, binary := sink(t, url), sink(t, url, func(c *webhook.Config) { c.Mode = webhook.Binary })
	for _, typ := range events.Types() {
		body, err := schemas.Example(typ)
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		d := delivery(t, func(have *events.Event) { *have = e })
		if err := structured.Deliver(t.Context(), d); err != nil {
			t.Errorf("Deliver of %s: %v", typ, err)
		}
		if r := <-got; !bytes.Equal(r.body, d.Body) {
			t.Errorf("%s arrives as %s, want %s", typ, r.body, d.Body)
		}
		if err := binary.Deliver(t.Context(), d); err != nil {
			t.Errorf("Deliver of %s in binary mode: %v", typ, err)
		}
		r := <-got
		if r.header.Get("Ce-Type") != string(typ) || r.header.Get("Ce-Subject") != e.Subject || !bytes.HasSuffix(d.Body, append([]byte(`"data":`), append(slices.Clone(r.body), '}')...)) {
			t.Errorf("%s arrives in binary mode as %v %s, want the parts of %s", typ, r.header, r.body, d.Body)
		}
		if want := rfc3339(e.ExpiryTime); r.header.Get("Ce-Expirytime") != want {
			t.Errorf("%s arrives with Ce-Expirytime %q, want %q", typ, r.header.Get("Ce-Expirytime"), want)
		}
	}
}

// rfc3339 returns t as an attribute; "" for one that is absent.
func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// 2e, by status.
func TestWhatAStatusMeans(t *testing.T) {
	classes := map[sinks.Fault][]int{
		delivered:        {200, 201, 202, 204, 205, 206, 299},
		sinks.OfEvent:    {400, 402, 406, 411, 412, 413, 414, 416, 417, 418, 421, 422, 423, 424, 426, 428, 431, 451, 499},
		sinks.OfEndpoint: {300, 301, 302, 303, 304, 307, 308, 399, 401, 403, 404, 405, 407, 415, 501, 505, 600, 999},
		sinks.Passing:    {408, 409, 425, 429, 500, 502, 503, 504, 507, 599},
		sinks.Gone:       {410},
	}
	for want, codes := range classes {
		for _, code := range codes {
			s := sink(t, server(t, answering(code)))
			err := s.Deliver(t.Context(), delivery(t))
			if faultOf(err) != want {
				t.Errorf("%d: %v (%q), want %q", code, err, faultOf(err), want)
			}
			var e *sinks.Error
			if errors.As(err, &e) && (e.Status != code || !strings.HasPrefix(err.Error(), "sink crm: POST http://127.0.0.1")) {
				t.Errorf("%d: status %d, %v", code, e.Status, err)
			}
			s.Close()
		}
	}
}

func TestAMediaTypeRefusedIsTheEventsFaultOnceOneWasTaken(t *testing.T) {
	codes := make(chan int, 3)
	s := sink(t, server(t, func(w http.ResponseWriter, r *http.Request) { answering(<-codes)(w, r) }))
	for i, want := range []sinks.Fault{sinks.OfEndpoint, delivered, sinks.OfEvent} {
		codes <- []int{415, 200, 415}[i]
		if err := s.Deliver(t.Context(), delivery(t)); faultOf(err) != want {
			t.Errorf("delivery %d: %v, want %q", i, err, want)
		}
	}
}

// S-1.
func TestRetryAfterPausesTheSink(t *testing.T) {
	for name, tc := range map[string]struct {
		code   int
		header []string
		fault  sinks.Fault
		after  time.Duration
		says   string
	}{
		"429":                       {429, []string{"Retry-After", "120"}, sinks.Pause, 2 * time.Minute, "for 2m0s"},
		"503":                       {503, []string{"Retry-After", "120"}, sinks.Pause, 2 * time.Minute, "for 2m0s"},
		"429 for a hundred years":   {429, []string{"Retry-After", "3153600000"}, sinks.Pause, 24 * time.Hour, "longer than 24h0m0s"},
		"429 with two wishes":       {429, []string{"Retry-After", "5", "Retry-After", "50"}, sinks.Pause, 50 * time.Second, "for 50s"},
		"429 at once":               {429, []string{"Retry-After", "0"}, sinks.Passing, 0, "429"}, // nothing to wait for; but no loop either
		"429 garbled":               {429, []string{"Retry-After", "later"}, sinks.Passing, 0, "429"},
		"500":                       {500, []string{"Retry-After", "7"}, sinks.Passing, 7 * time.Second, "for 7s"},
		"400":                       {400, []string{"Retry-After", "7"}, sinks.OfEvent, 7 * time.Second, "for 7s"},
		"410 that would like later": {410, []string{"Retry-After", "7"}, sinks.Gone, 7 * time.Second, "410"},
	} {
		err := sink(t, server(t, answering(tc.code, tc.header...))).Deliver(t.Context(), delivery(t))
		var e *sinks.Error
		if !errors.As(err, &e) || e.Fault != tc.fault || e.After != tc.after || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v (%+v), want %q after %s, saying %q", name, err, e, tc.fault, tc.after, tc.says)
		}
	}
}

func TestWhatTheEndpointSaysIsKeptWithoutSecrets(t *testing.T) {
	for name, tc := range map[string]struct {
		body   string
		header []string
		want   string
	}{
		"text":                        {" no such tenant\n", nil, "no such tenant"},
		"nothing":                     {"", nil, ""},
		"a token":                     {"bad token: t0k3n-1234567 in t0k3n-12", nil, "bad token: *** in ***"},
		"a page of 10 KiB":            {strings.Repeat("x", 10<<10), nil, strings.Repeat("x", 4<<10)},
		"a token where it is cut":     {strings.Repeat("t0k3n-1234567 ", 20_000)[5:], nil, ""},
		"something that is no text":   {"\x00\x01\x02", nil, ""},
		"letters that change colours": {"\x1b[31mred", nil, ""},
		"UTF-16":                      {"t\x000\x00", nil, ""},
		"Latin-1":                     {"caf\xe9", nil, ""},
		"something compressed":        {"abc", []string{"Content-Encoding", "br"}, ""},
		"something not compressed":    {"abc", []string{"Content-Encoding", "identity"}, "abc"},
		"text in another alphabet":    {"hesap bulunamadı 📞", nil, "hesap bulunamadı 📞"},
	} {
		t.Run(name, func(t *testing.T) {
			url := server(t, func(w http.ResponseWriter, r *http.Request) {
				answering(400, append(tc.header, "Content-Type", "text/plain")...)(w, r)
				io.WriteString(w, tc.body)
			})
			s := sink(t, url, func(c *webhook.Config) { c.Bearer = secret.New("t0k3n-1234567") })
			err := s.Deliver(t.Context(), delivery(t))
			var e *sinks.Error
			if !errors.As(err, &e) || tc.want != "" && e.Snippet != tc.want || tc.want == "" && len(tc.body) < 100 && e.Snippet != "" {
				t.Fatalf("Deliver: %v, with %+v; want snippet %q", err, e, tc.want)
			}
			if len(e.Snippet) > 4<<10 || strings.Contains(e.Snippet, "t0k3n-12") {
				t.Errorf("a snippet of %d bytes: %.200q", len(e.Snippet), e.Snippet)
			}
			if name == "text" && strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error repeats what the endpoint says: %v", err)
			}
		})
	}
}

// S-3.
func TestAnAnswerAfterTheTimeoutIsAskedForAgainWithTheSameID(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		got, cancelled, first := make(chan request, 2), make(chan struct{}), true
		s := sink(t, server(t, recording(got, func(_ http.ResponseWriter, r *http.Request) {
			if first {
				first = false
				<-r.Context().Done() // the receiver sees that we have gone
				close(cancelled)
			}
		})))
		began := time.Now()
		err := s.Deliver(t.Context(), delivery(t))
		inTime(t, began)
		if faultOf(err) != sinks.Passing || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Deliver: %v, want a time-out", err)
		}
		<-cancelled
		d := delivery(t)
		d.Attempt = 2
		if err := s.Deliver(t.Context(), d); err != nil {
			t.Fatalf("Deliver: %v", err)
		}
		if a, b := (<-got).header.Get("webhook-id"), (<-got).header.Get("webhook-id"); a != b {
			t.Errorf("ids %s and %s, want one", a, b)
		}
	})
}

// S-8.
func TestKeysChangeBetweenAttempts(t *testing.T) {
	got := make(chan request, 1)
	url := server(t, recording(got, answering(500)))
	ids := map[string]bool{}
	for _, tc := range []struct{ keys, knowsOld, knowsNew string }{
		{key, "yes", "no"}, {otherKey + " " + key, "yes", "yes"}, {otherKey, "no", "yes"},
	} {
		s := sink(t, url, func(c *webhook.Config) { c.Secret = secret.New(tc.keys) })
		s.Deliver(t.Context(), delivery(t))
		r := <-got
		ids[r.header.Get("webhook-id")] = true
		for k, want := range map[string]string{key: tc.knowsOld, otherKey: tc.knowsNew} {
			if err := verifier(t, k).Verify(r.header, r.body, time.Now()); (err == nil) != (want == "yes") {
				t.Errorf("signed with %d keys: %v, want a receiver to take it: %s", len(strings.Fields(tc.keys)), err, want)
			}
		}
	}
	if len(ids) != 1 {
		t.Errorf("ids %v, want one", ids)
	}
}

func TestEachAttemptIsSignedForItsMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // no network: what matters is what would be sent
		s := signer(t, key)
		one, _ := s.Sign("msg_1", time.Now(), nil)
		time.Sleep(time.Second)
		if two, _ := s.Sign("msg_1", time.Now(), nil); two == one {
			t.Errorf("two moments have one signature: %s", one)
		}
	})
}

func TestBeingStoppedIsNoFaultOfAnybody(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		arrived := make(chan struct{})
		s := sink(t, server(t, func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			close(arrived)
			<-r.Context().Done()
		}))
		why := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { <-arrived; cancel(why) }()
		err := s.Deliver(ctx, delivery(t))
		var e *sinks.Error
		if errors.As(err, &e) || !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Errorf("Deliver: %v, want just that it was stopped, and why", err)
		}
	})
}

func TestAnEventWithoutContentIsNotSent(t *testing.T) {
	s := sink(t, server(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	for _, d := range []sinks.Delivery{{}, {Body: []byte("{}")}, {Event: delivery(t).Event}} {
		if err := s.Deliver(t.Context(), d); faultOf(err) != sinks.OfEvent {
			t.Errorf("Deliver(%v): %v, want the event's fault", d, err)
		}
	}
}

func TestTheRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink(t, "https://hooks.example", func(c *webhook.Config) {
			c.Rate, c.Timeout = webhook.Rate{Requests: 60, Per: time.Minute}, 10*time.Second
		})
		var all sync.WaitGroup
		var mu sync.Mutex
		waits, refused := map[time.Duration]int{}, 0
		for range 64 {
			all.Go(func() {
				wait, taken := webhook.Place(s)
				mu.Lock()
				defer mu.Unlock()
				if taken {
					waits[wait]++
				} else {
					refused++
				}
			})
		}
		all.Wait()
		if len(waits) != 11 || refused != 53 {
			t.Errorf("waits %v and %d refused, want one a second for the time-out of 10s, and 53 refused", waits, refused)
		}
		time.Sleep(11 * time.Second) // what was refused has cost no place
		if wait, taken := webhook.Place(s); wait != 0 || !taken {
			t.Errorf("after the last place: %s, %v; want one at once", wait, taken)
		}
	})
}

func TestAnEventForWhichTheRateHasNoPlaceIsGivenBack(t *testing.T) {
	asked := 0
	s := sink(t, server(t, func(http.ResponseWriter, *http.Request) { asked++ }), func(c *webhook.Config) { c.Rate = webhook.Rate{Requests: 1, Per: time.Hour} })
	if err := s.Deliver(t.Context(), delivery(t)); err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	var e *sinks.Error
	if err := s.Deliver(t.Context(), delivery(t)); !errors.As(err, &e) || e.Fault != sinks.Pause || e.After < 59*time.Minute || e.After > time.Hour || asked != 1 {
		t.Errorf("Deliver: %v (%+v) after %d requests, want a pause of an hour after one", err, e, asked)
	}
}

func TestWaitingForTheRateEndsWithTheContext(t *testing.T) {
	s := sink(t, server(t, answering(200)), func(c *webhook.Config) {
		c.Rate, c.Timeout = webhook.Rate{Requests: 1, Per: time.Minute}, 5*time.Minute
	})
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Deliver(ctx, delivery(t)); err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := s.Deliver(ctx, delivery(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("Deliver: %v, want that it was stopped", err)
	}
}
