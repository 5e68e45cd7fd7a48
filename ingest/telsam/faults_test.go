package telsam_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// serving returns a Client of a PBX that answers with handler over real HTTP.
func serving(t *testing.T, handler http.HandlerFunc, change ...func(*telsam.Config)) *telsam.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := telsam.Config{URL: server.URL, Username: "api", Password: secret.New("geheim!"), Timeout: 20 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	c, err := telsam.New(cfg, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// both asks c both its questions, and returns what is wrong with each answer. No answer may be a part of one.
func both(t *testing.T, c *telsam.Client) []error {
	t.Helper()
	s, errActive := c.ActiveCalls(t.Context())
	if errActive != nil && (s.Calls != nil || !s.At.IsZero()) {
		t.Errorf("ActiveCalls: an error and a snapshot: %+v", s)
	}
	errs := []error{errActive}
	for page, err := range c.CDRs(t.Context(), lastHour()) {
		if err != nil && (page.Records != nil || !page.At.IsZero()) {
			t.Errorf("CDRs: an error and a page: %+v", page)
		}
		errs = append(errs, err)
	}
	return errs
}

func TestNoFaultLooksLikeAPBXWithoutCalls(t *testing.T) {
	status := func(code int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	const empty = `[{"success":true,"count":0,"data":[]}]`
	var limit *ingest.RateLimitError
	var refused *vendorhttp.StatusError
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		is     func(error) bool
	}{
		"an error page with status 200": {status(200, "<html>Bakım</html>", "Content-Type", "text/html"), is(ingest.ErrForeign)},
		"a code":                        {status(200, "07", "Content-Type", "text/html"), is(ingest.ErrForeign)},
		"no body":                       {status(200, ""), is(ingest.ErrForeign)},
		"an empty list with status 401": {status(401, empty), is(ingest.ErrCredentials)},
		"an empty list with status 500": {status(500, empty), func(err error) bool { return errors.As(err, &refused) && refused.Code == 500 }},
		"an empty list with status 429": {status(429, empty, "Retry-After", "7"), func(err error) bool { return errors.As(err, &limit) && limit.After == 7*time.Second }},
		"an empty list with status 302": {status(302, empty, "Location", "/login"), func(err error) bool { return errors.As(err, &refused) && refused.Code == 302 }},
		"a part of an empty list":       {status(206, empty), is(ingest.ErrForeign)},
		"an unknown charset":            {status(200, "[{\"success\":true,\"count\":0,\"x\":\"\xfe\"}]", "Content-Type", "application/json; charset=koi8-r"), is(ingest.ErrForeign)},
		"UTF-16":                        {status(200, "\xff\xfe[\x00]\x00"), is(ingest.ErrForeign)},
		"cut where it is still JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, empty)
		}, is(io.ErrUnexpectedEOF)},
		"cut between two chunks": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, empty)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, is(io.ErrUnexpectedEOF)},
		"endless blanks": {func(w http.ResponseWriter, r *http.Request) {
			blanks := strings.Repeat(" ", 1<<20)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, blanks); err != nil {
					return
				}
			}
		}, is(vendorhttp.ErrTooLarge)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, err := range both(t, serving(t, tc.answer)) {
				if !tc.is(err) {
					t.Errorf("%v is not the error that was expected", err)
				}
			}
		})
	}
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func TestAPBXThatIsSlowIsGivenUpInTime(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	c := serving(t, hang, func(cfg *telsam.Config) { cfg.Timeout = 50 * time.Millisecond })
	for _, err := range both(t, c) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want %v", err, context.DeadlineExceeded)
		}
	}
}

func TestCancellationEndsAQuestion(t *testing.T) {
	arrived := make(chan struct{}, 2)
	c := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	for _, ask := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := c.ActiveCalls(ctx); return err },
		func(ctx context.Context) (last error) {
			for _, err := range c.CDRs(ctx, lastHour()) {
				last = err
			}
			return last
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		if err := ask(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
	}
}

func TestBothQuestionsMayBeAskedAtOnce(t *testing.T) {
	row := `{"channel":"SIP/x","duration":"00:00:05","calltype":"Kuyruk(630)","callinfo":"Konuşuyor","src":"905000000101","dst":"215"}`
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("action") == "cdr" {
			io.WriteString(w, envelope(cdr(map[string]any{"queue": "630"})))
			return
		}
		io.WriteString(w, envelope(row))
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			for _, err := range c.CDRs(t.Context(), lastHour()) {
				if err != nil {
					t.Errorf("CDRs: %v", err)
				}
			}
		}
	}()
	for range 20 {
		if _, err := c.ActiveCalls(t.Context()); err != nil {
			t.Errorf("ActiveCalls: %v", err)
		}
	}
	<-done
}

func TestTurkishLettersOfAnyCharsetAreRead(t *testing.T) {
	const row = `{"channel":"SIP/x","duration":"00:00:05","callinfo":"Konu` + "\xfe" + `uyor","src":"905000000101","dst":"215"}`
	for _, contentType := range []string{"application/json", "application/json; charset=iso-8859-9", "text/html; charset=windows-1254"} {
		c := serving(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			io.WriteString(w, envelope(row))
		})
		if s, err := c.ActiveCalls(t.Context()); err != nil || len(s.Calls) != 1 || !s.Calls[0].Talking {
			t.Errorf("%s: %+v, %v; want a call that talks", contentType, s, err)
		}
	}
}

// TestNothingTellsTheCredentials lets a PBX echo the request in every way it can think of.
func TestNothingTellsTheCredentials(t *testing.T) {
	const username, password = `api üser%&+1`, `p ä&s%C3+w"\ord`
	echoes := []string{
		username + " " + password,
		url.Values{"username": {username}, "password": {password}}.Encode(),
		url.PathEscape(username) + "/" + url.PathEscape(password),
		"<p>" + strings.NewReplacer("&", "&amp;", `"`, "&#34;").Replace(username+password) + "</p>",
	}
	for _, echo := range echoes {
		inJSON := strings.Trim(fmt.Sprintf("%+q", echo), `"`)
		rows := envelope(`"`+inJSON+`"`, `{"channel":{"x":"`+inJSON+`"}}`, `{"channel":"SIP/x","duration":"`+inJSON+`"}`,
			`{"`+inJSON+`":1}`, cdr(map[string]any{"userfield": echo, "src": echo, "disposition": echo, "queue": "1"}), cdr(map[string]any{"id": []string{echo}}),
			cdr(map[string]any{"calldate": echo}), cdr(map[string]any{"duration": echo}))
		ids := envelope(cdr(map[string]any{"id": echo, "calltype": echo, "queue": echo}),
			`{"channel":"`+inJSON+`","duration":"00:00:05","calltype":"Kuyruk(`+inJSON+`)"}`)
		for _, answer := range []string{rows, ids, echo, "<html>" + echo, `{"success":"` + inJSON + `"}`, `{"success":true,"count":"` + inJSON + `"}`, "[" + echo} {
			c := client(t, answering(answer), func(cfg *telsam.Config) {
				cfg.Username, cfg.Password, cfg.Raw = username, secret.New(password), true
			})
			for _, told := range everything(t, c) {
				mustNotTell(t, told, username, password)
			}
		}
	}
}

// everything returns all that c says, as text.
func everything(t *testing.T, c *telsam.Client) (all []string) {
	t.Helper()
	s, err := c.ActiveCalls(t.Context())
	all = append(all, fmt.Sprintf("%v %+v %#v", err, err, err), fmt.Sprintf("%+v", s.Calls))
	for _, call := range s.Calls {
		all = append(all, queueID(call.Queue))
	}
	for _, r := range s.Rejected {
		all = append(all, string(r.Row), r.Reason)
	}
	for page, err := range c.CDRs(t.Context(), hourOf(2024, 5, 6, 7)) {
		all = append(all, fmt.Sprintf("%v %+v %#v", err, err, err))
		for _, r := range page.Rejected {
			all = append(all, string(r.Row), r.Reason)
		}
		for _, r := range page.Records {
			all = append(all, string(r.Call.Raw), text(r.Call.From.Raw), text(r.Call.VendorResult), r.Key, fmt.Sprint(r.Call.VendorIDs), queueID(r.Call.Queue))
		}
	}
	return all
}

func queueID(q *events.Queue) string {
	if q == nil {
		return ""
	}
	return text(q.ID)
}

// TestAnIDIsTheSameWheneverItIsRedacted also has a password that stands in numbers, which stay as they are.
func TestAnIDIsTheSameWheneverItIsRedacted(t *testing.T) {
	for id, want := range map[string]string{
		"30098": "30098", "130098": "130098", "a-30098": "a-***", "a 30%3098": "a ***", "trunk": "***", "outcoming": "outcoming",
	} {
		for range 2 { // two clients, as before and after a restart
			c := client(t, answering(envelope(cdr(map[string]any{"id": id, "calltype": id, "queue": id}))), func(cfg *telsam.Config) {
				cfg.Username, cfg.Password = "trunk", secret.New("30098")
			})
			for page := range c.CDRs(t.Context(), hourOf(2024, 5, 6, 7)) {
				r := page.Records[0]
				if r.Call.VendorIDs["id"] != want || r.Call.VendorIDs["calltype"] != want || queueID(r.Call.Queue) != want || r.Key != want+"/"+want+"@1714979985" {
					t.Errorf("%s: key %s, ids %v, queue %s; want %s", id, r.Key, r.Call.VendorIDs, queueID(r.Call.Queue), want)
				}
			}
		}
	}
}

func mustNotTell(t *testing.T, told string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		inJSON := fmt.Sprintf("%q", s)
		for _, spelled := range []string{s, url.QueryEscape(s), url.PathEscape(s), inJSON[1 : len(inJSON)-1], fmt.Sprintf("%+q", s)} {
			if strings.Contains(told, spelled) {
				t.Errorf("the credential %s is told: %s", spelled, told)
			}
		}
	}
}
