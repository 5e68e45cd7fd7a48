package verimor_test

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

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
	"github.com/callbus/callbus/ingest/verimor"
)

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// serving returns a Client of a vendor that answers with handler over real HTTP.
func serving(t *testing.T, handler http.HandlerFunc, change ...func(*verimor.Config)) *verimor.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := verimor.Config{URL: server.URL, Key: secret.New(key), Timeout: 20 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	c, err := verimor.New(cfg, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// someCall is a call whose detail may be asked for.
var someCall = events.Call{VendorIDs: map[string]string{"call_uuid": "0c795000-0b79-41ef-9b08-0250c0000001"}}

// all asks c all its questions, and returns what is wrong with each answer. No answer may be a part of one.
func all(ctx context.Context, t *testing.T, c *verimor.Client) []error {
	t.Helper()
	var errs []error
	for page, err := range c.CDRs(ctx, lastHour()) {
		if err != nil && (page.Records != nil || !page.At.IsZero()) {
			t.Errorf("CDRs: an error and a page: %+v", page)
		}
		errs = append(errs, err)
	}
	d, err := c.Detail(ctx, someCall)
	if err != nil && (d.Key != "" || d.Flow != nil) {
		t.Errorf("Detail: an error and a detail: %+v", d)
	}
	return append(errs, err, c.Hangup(ctx, someCall.VendorIDs["call_uuid"]))
}

func TestNoFaultLooksLikeAnHourWithoutCalls(t *testing.T) {
	status := func(code int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	empty := whole()
	var limit *ingest.RateLimitError
	var refused *vendorhttp.StatusError
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		is     func(error) bool
	}{
		"an error page with status 200":  {status(200, "<html>Bakım</html>", "Content-Type", "text/html"), is(ingest.ErrForeign)},
		"plain text":                     {status(200, "busy"), is(ingest.ErrForeign)},
		"no body":                        {status(200, ""), is(ingest.ErrForeign)},
		"null":                           {status(200, "null"), is(ingest.ErrForeign)},
		"a list":                         {status(200, "[]"), is(ingest.ErrForeign)},
		"an empty object":                {status(200, "{}"), is(ingest.ErrForeign)},
		"lists in place of objects":      {status(200, `{"cdr":[],"cdrs":[],"call_flow":[],"pagination":[]}`), is(ingest.ErrForeign)},
		"cdrs and call_flow are objects": {status(200, `{"cdr":{},"cdrs":{"a":1},"call_flow":{"a":1},"pagination":{"total_pages":1}}`), is(ingest.ErrForeign)},
		"no total_pages":                 {status(200, `{"cdrs":[],"pagination":{"page":1}}`), is(ingest.ErrForeign)},
		"nested too deep":                {status(200, strings.Repeat("[", 100_000)), is(ingest.ErrForeign)},
		"the wrong key":                  {status(400, "Gecersiz anahtar: "+key), is(ingest.ErrCredentials)},
		"the wrong key with a cedilla":   {status(400, "GEÇERSİZ ANAHTAR: "+key), is(ingest.ErrCredentials)},
		"the wrong key in Latin 5":       {status(400, "Gecersiz Anahtar"), is(ingest.ErrCredentials)},
		"status 401":                     {status(401, empty), is(ingest.ErrCredentials)},
		"status 403":                     {status(403, empty), is(ingest.ErrCredentials)},
		"status 500":                     {status(500, empty), func(err error) bool { return errors.As(err, &refused) && refused.Code == 500 }},
		"status 429":                     {status(429, empty, "Retry-After", "7"), func(err error) bool { return errors.As(err, &limit) && limit.After == 7*time.Second }},
		"a redirect":                     {status(302, empty, "Location", "/login"), func(err error) bool { return errors.As(err, &refused) && refused.Code == 302 }},
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
			for _, err := range all(t.Context(), t, serving(t, tc.answer)) {
				if !tc.is(err) {
					t.Errorf("%v is not the error that was expected", err)
				}
			}
		})
	}
}

func TestAVendorThatIsSlowIsGivenUpInTime(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	c := serving(t, hang, func(cfg *verimor.Config) { cfg.Timeout = 30 * time.Millisecond })
	for _, err := range all(t.Context(), t, c) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want %v", err, context.DeadlineExceeded)
		}
	}
}

func TestCancellationEndsAQuestion(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	for _, err := range all(ctx, t, c) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
	}
}

func TestThereIsNoDetail(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		none   bool
	}{
		"an unknown id":            {404, "cannot find call with call_uuid 0c795000-0b79-41ef-9b08-0250c0000001 ", true},
		"an unknown id with 400":   {400, "Cannot find call with call_uuid x", true},
		"another 404 of a proxy":   {404, "<html>Not Found", false},
		"an error of the vendor's": {500, "oops", false},
	} {
		c := serving(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.body)
		})
		if _, err := c.Detail(t.Context(), someCall); err == nil || errors.Is(err, ingest.ErrNoDetail) != tc.none {
			t.Errorf("%s: %v; want ErrNoDetail: %t", name, err, tc.none)
		}
	}
	c := client(t, transport(func(req *http.Request) (*http.Response, error) {
		t.Errorf("asked %s for a call without an id", req.URL.Path)
		return nil, io.EOF
	}))
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.Detail(t.Context(), events.Call{VendorIDs: map[string]string{"call_uuid": id}}); !errors.Is(err, ingest.ErrNoDetail) {
			t.Errorf("id %q: %v, want %v", id, err, ingest.ErrNoDetail)
		}
	}
}

func TestIdsArePutIntoPathsAsTheyAre(t *testing.T) {
	var asked []string
	c := client(t, transport(func(req *http.Request) (*http.Response, error) {
		asked = append(asked, req.Method+" "+req.URL.String())
		return answering("+OK").RoundTrip(req)
	}))
	const id = "a/../b c?d&key=e#%2F"
	c.Detail(t.Context(), events.Call{VendorIDs: map[string]string{"call_uuid": id}})
	if err := c.Hangup(t.Context(), id); err != nil {
		t.Error(err)
	}
	const escaped = "a%2F..%2Fb%20c%3Fd&key=e%23%252F?key=" + key
	if want := []string{"GET http://pbx.example/cdrs/" + escaped, "GET http://pbx.example/hangup/" + escaped}; fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestHangup(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		is     func(error) bool
	}{
		"ended":                      {200, "+OK\n", func(err error) bool { return err == nil }},
		"no such call":               {400, "No such channel!", is(ingest.ErrNoSuchCall)},
		"no such call with 200":      {200, "-ERR No such channel!", is(ingest.ErrNoSuchCall)},
		"the wrong key":              {400, "Gecersiz anahtar: x", is(ingest.ErrCredentials)},
		"the wrong key with 200":     {200, "Gecersiz anahtar: x", is(ingest.ErrCredentials)},
		"a page of a proxy":          {200, "<html>", is(ingest.ErrForeign)},
		"a redirect is not followed": {307, "", func(err error) bool { return err != nil }},
	} {
		asked := 0
		c := serving(t, func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.body)
		})
		if err := c.Hangup(t.Context(), "x"); !tc.is(err) || asked != 1 {
			t.Errorf("%s: %v after %d questions", name, err, asked)
		}
	}
}

func TestNoHangupIsSentWithoutAnId(t *testing.T) {
	c := client(t, transport(func(req *http.Request) (*http.Response, error) {
		t.Errorf("asked %s", req.URL.Path)
		return nil, io.EOF
	}))
	for _, id := range []string{"", " ", "\t", ".", ".."} {
		if err := c.Hangup(t.Context(), id); err == nil {
			t.Errorf("id %q: no error", id)
		}
	}
}

// TestAHangupIsSentOnce closes a kept connection under the request, which makes net/http send a plain GET again.
func TestAHangupIsSentOnce(t *testing.T) {
	var asked atomic.Int32
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/hangup/") {
			io.WriteString(w, whole())
			return
		}
		asked.Add(1)
		panic(http.ErrAbortHandler)
	})
	if _, err := keys(t.Context(), c, lastHour()); err != nil {
		t.Fatal(err)
	}
	if err := c.Hangup(t.Context(), "x"); err == nil || asked.Load() != 1 {
		t.Errorf("%v after %d questions; want one, and an error", err, asked.Load())
	}
}

func TestQuestionsMayBeAskedAtOnce(t *testing.T) {
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, whole(cdr(nil), cdr(map[string]any{"queue": "201"})))
	})
	done := make(chan struct{})
	read := func() {
		for range 20 {
			if got, err := keys(t.Context(), c, lastHour()); err != nil || len(got) != 1 {
				t.Errorf("%v, %v", got, err)
			}
		}
	}
	go func() {
		defer close(done)
		read()
	}()
	read()
	<-done
}

func TestTurkishLettersOfAnyCharsetAreRead(t *testing.T) {
	latin5 := strings.NewReplacer("ı", "\xfd", "ş", "\xfe", "ç", "\xe7", "İ", "\xdd", "Ç", "\xc7", "ü", "\xfc").Replace(whole(cdr(nil)))
	for _, contentType := range []string{"application/json", "application/json; charset=iso-8859-9", "text/plain; charset=windows-1254"} {
		c := serving(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			io.WriteString(w, latin5)
		})
		for page, err := range c.CDRs(t.Context(), lastHour()) {
			if err != nil || len(page.Records) != 1 || *page.Records[0].Call.Outcome != events.Answered {
				t.Errorf("%s: %+v, %v; want an answered call", contentType, page, err)
			}
		}
	}
}

// TestNothingTellsTheKey lets the vendor echo the request in every way it can think of.
func TestNothingTellsTheKey(t *testing.T) {
	for _, secretKey := range []string{key, `k ä&y%C3+w"\ord`, "7700000000077"} {
		for _, echo := range []string{
			secretKey, "key=" + url.QueryEscape(secretKey), url.PathEscape(secretKey), "https://pbx.example/cdrs?key=" + url.QueryEscape(secretKey) + "&page=1",
			"<p>" + strings.NewReplacer("&", "&amp;", `"`, "&#34;").Replace(secretKey) + "</p>", "Gecersiz anahtar: " + secretKey,
		} {
			bubble(t, func(t *testing.T) {
				for _, body := range echoes(echo) {
					for _, code := range []int{200, 400, 404, 500} {
						c := client(t, transport(func(req *http.Request) (*http.Response, error) {
							resp, err := answering(body).RoundTrip(req)
							resp.StatusCode = code
							return resp, err
						}), func(cfg *verimor.Config) { cfg.Key, cfg.Raw = secret.New(secretKey), true })
						for _, told := range everything(t, c) {
							mustNotTell(t, told, secretKey)
						}
					}
				}
			})
		}
	}
}

// echoes are answers that hold what the vendor was sent.
func echoes(echo string) []string {
	inJSON := strings.Trim(fmt.Sprintf("%+q", echo), `"`)
	rows := []string{`"` + inJSON + `"`, `{"` + inJSON + `":1}`, `{"call_uuid":{"x":"` + inJSON + `"}}`}
	for _, field := range []string{"call_uuid", "start_stamp", "end_stamp", "direction", "caller_id_number", "caller_id_name", "destination_number",
		"destination_name", "duration", "queue", "result", "missed", "recording_present", "sip_hangup_disposition", "answer_stamp", "hangup_cause"} {
		rows = append(rows, cdr(map[string]any{field: echo}), cdr(map[string]any{field: []string{echo}}))
	}
	rows = append(rows, cdr(map[string]any{"return_uuid": echo, "missed": "true"}))
	detail := `{"cdr":{"queue":"` + inJSON + `","destination_name":"` + inJSON + `"},"call_flow":[{"destination_number":"` + inJSON + `","result":"` + inJSON + `"}]}`
	return []string{whole(rows...), detail, echo, "<html>" + echo, "[" + echo, `{"cdrs":"` + inJSON + `"}`, `{"pagination":{"total_pages":"` + inJSON + `"}}`}
}

// everything returns all that c says, as text.
func everything(t *testing.T, c *verimor.Client) (out []string) {
	t.Helper()
	for page, err := range c.CDRs(t.Context(), lastHour()) {
		out = append(out, fmt.Sprintf("%v %+v %#v", err, err, err))
		for _, r := range page.Rejected {
			out = append(out, string(r.Row), r.Reason)
		}
		for _, r := range page.Records {
			b, err := json.Marshal(r.Call)
			if err != nil {
				t.Error(err)
			}
			out = append(out, string(b), r.Key)
		}
	}
	d, err := c.Detail(t.Context(), someCall)
	out = append(out, fmt.Sprintf("%v %+v %#v", err, err, err))
	for _, s := range d.Flow {
		out = append(out, text(s.Target), text(s.Result))
	}
	if d.Queue != nil {
		out = append(out, text(d.Queue.ID))
	}
	err = c.Hangup(t.Context(), "x")
	return append(out, fmt.Sprintf("%v %+v %#v", err, err, err))
}

func mustNotTell(t *testing.T, told, known string) {
	t.Helper()
	inJSON := fmt.Sprintf("%q", known)
	for _, spelled := range []string{known, url.QueryEscape(known), url.PathEscape(known), inJSON[1 : len(inJSON)-1], fmt.Sprintf("%+q", known)} {
		if strings.Contains(told, spelled) {
			t.Errorf("the key %s is told: %s", spelled, told)
		}
	}
}
