package while1_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
	"github.com/callbus/callbus/ingest/while1"
)

// serving returns a Client of a PBX that answers with handler over real HTTP.
func serving(t *testing.T, handler http.HandlerFunc, change ...func(*while1.Config)) *while1.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := while1.Config{URL: server.URL, Token: secret.New(token), Key: secret.New(key), Timeout: 20 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	c, err := while1.New(cfg, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// both asks c for records in both ways, and returns what is wrong with each answer. No answer may be a part of one.
func both(ctx context.Context, t *testing.T, c *while1.Client) (errs []error) {
	t.Helper()
	for page, err := range c.CDRs(ctx, lastHour()) {
		if err != nil && (page.Records != nil || !page.At.IsZero()) {
			t.Errorf("CDRs: an error and a page: %+v", page)
		}
		errs = append(errs, err)
	}
	for page, err := range c.NewCDRs(ctx, lastHour()) {
		if err != nil && (page.Records != nil || !page.At.IsZero()) {
			t.Errorf("NewCDRs: an error and a page: %+v", page)
		}
		errs = append(errs, err)
	}
	return errs
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
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
	const refusal = `{"has_error":true,"messages":["%s"],"pagination":[],"results":[]}`
	empty := envelope()
	var limit *ingest.RateLimitError
	var refused *vendorhttp.StatusError
	says := func(text string, target error) func(error) bool {
		return func(err error) bool {
			return strings.Contains(fmt.Sprint(err), text) && (target == nil || errors.Is(err, target)) &&
				(target != nil || !errors.Is(err, ingest.ErrCredentials))
		}
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		is     func(error) bool
	}{
		"an error page with status 200":  {status(200, "<html>Mentenanță</html>", "Content-Type", "text/html"), is(ingest.ErrForeign)},
		"plain text":                     {status(200, "Access denied"), is(ingest.ErrForeign)},
		"no body":                        {status(200, ""), is(ingest.ErrForeign)},
		"a list":                         {status(200, "[]"), is(ingest.ErrForeign)},
		"JSON of somebody else":          {status(200, `{"status":"ok"}`), is(ingest.ErrForeign)},
		"results that are null":          {status(200, `{"has_error":false,"results":null}`), is(ingest.ErrForeign)},
		"results that are a text":        {status(200, `{"has_error":false,"results":"none"}`), is(ingest.ErrForeign)},
		"cut, though it may seem whole":  {status(200, strings.TrimSuffix(empty, "]}")), is(ingest.ErrForeign)},
		"an empty list with status 401":  {status(401, empty), is(ingest.ErrCredentials)},
		"an empty list with status 500":  {status(500, empty), func(err error) bool { return errors.As(err, &refused) && refused.Code == 500 }},
		"an empty list with status 429":  {status(429, empty, "Retry-After", "7"), func(err error) bool { return errors.As(err, &limit) && limit.After == 7*time.Second }},
		"an empty list with status 302":  {status(302, empty, "Location", "/login"), func(err error) bool { return errors.As(err, &refused) && refused.Code == 302 }},
		"a part of an empty list":        {status(206, empty), is(ingest.ErrForeign)},
		"a wrong token, with status 200": {status(200, fmt.Sprintf(refusal, "Invalid API token")), says("Invalid API token", ingest.ErrCredentials)},
		"a wrong hash, with status 400":  {status(400, fmt.Sprintf(refusal, "Hash invalid")), says("Hash invalid", ingest.ErrCredentials)},
		"no permission, in Romanian":     {status(200, fmt.Sprintf(refusal, "Nu aveți permisiunea")), says("permisiunea", ingest.ErrCredentials)},
		"an unknown filter":              {status(200, fmt.Sprintf(refusal, "Invalid filter: token")), says("Invalid filter", nil)},
		"an unknown filter, status 422":  {status(422, fmt.Sprintf(refusal, "Invalid filter: x")), says("Invalid filter", nil)},
		"an error, the list left full":   {status(200, `{"has_error":1,"messages":"no database","results":[{}]}`), says("no database", nil)},
		"messages that never end":        {status(200, fmt.Sprintf(refusal, strings.Repeat("x ", 9000))), func(err error) bool { return len(err.Error()) < 700 }},
		"messages that are no texts":     {status(200, `{"has_error":true,"messages":[{"a":1},[2]]}`), says("not which", nil)},
		"messages with gaps, as of PHP":  {status(200, `{"has_error":true,"messages":{"3":"a","7":"b"}}`), says("a; b", nil)},
		"an error with status 503":       {status(503, fmt.Sprintf(refusal, "busy"), "Retry-After", "3"), func(err error) bool { return errors.As(err, &limit) && limit.After == 3*time.Second }},
		"an error page with status 502":  {status(502, "<html>"), func(err error) bool { return errors.As(err, &refused) && refused.Code == 502 }},
		"cut where it is still JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, empty)
		}, is(io.ErrUnexpectedEOF)},
		"cut between two chunks": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, empty)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, is(io.ErrUnexpectedEOF)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, err := range both(t.Context(), t, serving(t, tc.answer)) {
				if err == nil || !tc.is(err) {
					t.Errorf("%v is not the error that was expected", err)
				}
			}
		})
	}
}

func TestAPBXThatIsSlowIsGivenUpInTime(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // else the server does not notice that the client is gone
		<-r.Context().Done()
	}
	c := serving(t, hang, func(cfg *while1.Config) { cfg.Timeout = 50 * time.Millisecond })
	for _, err := range append(both(t.Context(), t, c), c.Hangup(t.Context(), "PJSIP/x-1")) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want %v", err, context.DeadlineExceeded)
		}
	}
}

func TestCancellationEndsAQuestion(t *testing.T) {
	arrived := make(chan struct{}, 2)
	c := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	for _, err := range both(ctx, t, c) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
	}
}

// TestAConnectionThatWasClosedMeanwhile: web servers close a connection that is idle for as long as callbus pauses.
func TestAConnectionThatWasClosedMeanwhile(t *testing.T) {
	var asked atomic.Int32
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if asked.Add(1) == 2 {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
			return
		}
		io.WriteString(w, envelope())
	})
	for range 2 {
		for _, err := range c.CDRs(t.Context(), lastHour()) {
			if err != nil {
				t.Errorf("CDRs: %v", err)
			}
		}
	}
	if err := c.Hangup(t.Context(), "PJSIP/x-1"); err != nil || asked.Load() != 4 {
		t.Errorf("Hangup: %v; %d questions arrived", err, asked.Load())
	}
}

func TestHangingUpIsNeverSentTwice(t *testing.T) {
	var asked atomic.Int32
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if asked.Add(1) == 1 {
			io.WriteString(w, envelope())
			return
		}
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			conn.Close()
		}
	})
	for range c.CDRs(t.Context(), lastHour()) { // leaves a connection behind
	}
	if err := c.Hangup(t.Context(), "PJSIP/x-1"); err == nil || asked.Load() != 2 {
		t.Errorf("Hangup: %v; %d questions arrived, want 2", err, asked.Load())
	}
	var redirected atomic.Int32
	c = serving(t, func(w http.ResponseWriter, r *http.Request) {
		redirected.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if err := c.Hangup(t.Context(), "PJSIP/x-1"); err == nil || redirected.Load() != 1 {
		t.Errorf("Hangup: %v; %d questions arrived, want 1", err, redirected.Load())
	}
}

// echoing is a transport of a PBX that says back what it was asked, in a form of answer.
type echoing func(body, header string) string

func (f echoing) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	return respond(req, http.StatusOK, f(string(body), req.Header.Get("Authorization"))), nil
}

// TestNothingTellsTheCredentials lets a PBX echo the request in every way it can think of.
func TestNothingTellsTheCredentials(t *testing.T) {
	const token, key = "hunter2&x/y", `s3cr"t ș<key>`
	quote := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Trim(string(b), `"`)
	}
	echoes := []string{token + " " + key, url.QueryEscape(token) + "|" + url.QueryEscape(key), "<p>" + strings.ReplaceAll(token, "&", "&amp;") + "</p>",
		"token=" + url.PathEscape(token), fmt.Sprintf("%+q %+q", token, key)}
	var rows []string
	for _, echo := range echoes {
		for _, field := range []string{"id", "uniqueid", "linkedid", "time", "time_end", "caller_id", "source", "destination", "direction",
			"channel_formatted", "dstchannel_formatted", "user_fullname", "qname", "call_status", "call_status_info", "call_codes", "bill_duration",
			"recording_url", "project", "is_recovered"} {
			l := busy(int64(len(rows)+1), time.Minute)
			l.change = map[string]any{field: echo, "id": fmt.Sprint(len(rows) + 1)}
			if field == "dstchannel_formatted" || field == "channel_formatted" {
				l.change[field] = "PJSIP/" + echo
			}
			rows = append(rows, l.row())
			l.change = map[string]any{field: echo, "direction": "OUT", "uniqueid": echo + "-1714989000.1", "call_status_info": "HI:" + echo}
			rows = append(rows, l.row(), `"`+quote(echo)+`"`, `{"`+quote(echo)+`":1}`)
		}
	}
	answers := []echoing{
		func(body, header string) string { return envelope(rows...) },
		func(body, header string) string {
			hash := body[strings.LastIndex(body, "=")+1:]
			return fmt.Sprintf(`{"has_error":true,"messages":["%s","%s","bad hash %s"]}`, quote(body), quote(header), hash)
		},
		func(body, header string) string { return body + header },
		func(body, header string) string { return fmt.Sprintf(`{"has_error":"%s"}`, quote(header+key)) },
		func(body, header string) string {
			return fmt.Sprintf(`{"has_error":true,"messages":"%s"}`, quote(strings.Join(echoes, " ")))
		},
	}
	at(t, now, func(t *testing.T) {
		for _, answer := range answers {
			c := client(t, answer, func(cfg *while1.Config) { cfg.Token, cfg.Key, cfg.Raw = secret.New(token), secret.New(key), true })
			told := everything(t, c)
			for _, s := range []string{token, key} {
				for _, spelled := range []string{s, url.QueryEscape(s), url.PathEscape(s), quote(s), fmt.Sprintf("%+q", s)} {
					if i := strings.Index(told, spelled); i >= 0 {
						t.Errorf("the credential %s is told: …%s…", spelled, told[max(0, i-100):min(len(told), i+100)])
					}
				}
			}
		}
	})
}

// everything returns all that c says, as text.
func everything(t *testing.T, c *while1.Client) string {
	t.Helper()
	var all strings.Builder
	tell := func(err error) { fmt.Fprintf(&all, "%v %+v %#v\n", err, err, err) }
	tell(c.Hangup(t.Context(), "PJSIP/x-1"))
	for page, err := range c.CDRs(t.Context(), lastHour()) {
		tell(err)
		for _, r := range page.Rejected {
			fmt.Fprintf(&all, "%s %s\n", r.Row, r.Reason)
		}
		for _, r := range page.Records {
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var b any
			if err := json.Unmarshal(text, &b); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "%s %v\n", text, b)
		}
	}
	return all.String()
}

func TestTheHashOfAQuestionIsNotTold(t *testing.T) {
	at(t, now, func(t *testing.T) {
		var sent string
		c := client(t, echoing(func(body, _ string) string {
			sent = body[strings.LastIndex(body, "=")+1:]
			return fmt.Sprintf(`{"has_error":true,"messages":["hash %s is wrong"]}`, sent)
		}))
		_, err := read(t, c, lastHour())
		if len(sent) != 32 || err == nil || strings.Contains(err.Error(), sent) || !errors.Is(err, ingest.ErrCredentials) {
			t.Errorf("%v, of the hash %s", err, sent)
		}
	})
}
