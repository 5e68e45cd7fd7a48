package bulutfon_test

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

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/bulutfon"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// serving returns a Client of a vendor that answers with handler over real HTTP.
func serving(t *testing.T, handler http.HandlerFunc, change ...func(*bulutfon.Config)) *bulutfon.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := bulutfon.Config{URL: server.URL, Token: secret.New("correct-horse-battery"), Timeout: 20 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	c, err := bulutfon.New(cfg, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// both asks c both its questions, and returns what is wrong with each answer. No answer may be a part of one.
func both(ctx context.Context, t *testing.T, c *bulutfon.Client) []error {
	t.Helper()
	d, errDetail := c.Detail(ctx, inbound("c1"))
	if errDetail != nil && (d.Flow != nil || !d.At.IsZero()) {
		t.Errorf("Detail: an error and a detail: %+v", d)
	}
	errs := []error{errDetail}
	for page, err := range c.CDRs(ctx, day) {
		if err != nil && (page.Records != nil || !page.At.IsZero()) {
			t.Errorf("CDRs: an error and a page: %+v", page)
		}
		errs = append(errs, err)
	}
	return errs
}

func TestNoFaultLooksLikeAnAccountWithoutCalls(t *testing.T) {
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
	code := func(want int) func(error) bool {
		return func(err error) bool {
			return errors.As(err, &refused) && refused.Code == want && !errors.Is(err, ingest.ErrCredentials)
		}
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		is     func(error) bool
	}{
		"an error page with status 200":            {status(200, "<html>Bakım</html>", "Content-Type", "text/html"), is(ingest.ErrForeign)},
		"no body":                                  {status(200, ""), is(ingest.ErrForeign)},
		"the list of version 2":                    {status(200, `{"data":[],"pagination":{"total_pages":0}}`), is(ingest.ErrForeign)},
		"an empty list with status 401":            {status(401, empty), is(ingest.ErrCredentials)},
		"an empty list with status 403":            {status(403, empty), is(ingest.ErrCredentials)},
		"an expired token with status 401":         {status(401, `{"error":"Token expired"}`), is(ingest.ErrCredentials)},
		"an expired token with status 200":         {status(200, `{"error":"Token expired"}`), is(ingest.ErrCredentials)},
		"an expired token with status 400":         {status(400, `{"error":"Token expired"}`), is(ingest.ErrCredentials)},
		"a wrong address with status 422":          {status(422, `{"error":"Invalid email or password"}`), is(ingest.ErrCredentials)},
		"a wrong password, in Turkish":             {status(200, `{"error":"Hatalı şifre"}`), is(ingest.ErrCredentials)},
		"unauthorized by its code":                 {status(200, `{"error":"Olmadı","code":"401"}`), is(ingest.ErrCredentials)},
		"status 400 without a body":                {status(400, ""), code(400)},
		"status 400 with a reason":                 {status(400, `{"error":"Bad page"}`), code(400)},
		"an empty list with status 500":            {status(500, empty), code(500)},
		"an empty list with status 302":            {status(302, empty, "Location", "/login"), code(302)},
		"an empty list with status 429":            {status(429, empty, "Retry-After", "7"), func(err error) bool { return errors.As(err, &limit) && limit.After == 7*time.Second }},
		"too many requests, which names the token": {status(429, `{"error":"token limit"}`), func(err error) bool { return errors.As(err, &limit) && !errors.Is(err, ingest.ErrCredentials) }},
		"too many requests with status 200":        {status(200, `{"error":"Too many requests","code":429}`), func(err error) bool { return errors.As(err, &limit) }},
		"a part of an empty list":                  {status(206, empty), is(ingest.ErrForeign)},
		"cut where it is still JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, empty)
		}, is(io.ErrUnexpectedEOF)},
		"cut within a row": {status(200, strings.TrimSuffix(whole(cdr(nil)), `"limit":2,"previous_page":null,"next_page":null}}`)), is(ingest.ErrForeign)},
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
			for _, err := range both(t.Context(), t, serving(t, tc.answer)) {
				if !tc.is(err) {
					t.Errorf("%v is not the error that was expected", err)
				}
			}
		})
	}
}

func TestTheVendorsWordsAreTold(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"Bad page"}`:                                `the vendor says "Bad page"`,
		`{"error":"` + strings.Repeat("ş", 500) + `"}`:        `the vendor says "` + strings.Repeat("ş", 120) + `…"`,
		`{"error":"` + strings.Repeat("ş", 5000) + `"}`:       `the vendor says "(no message)"`,
		`{"error":"cdrs?access_token=correct-horse-battery"}`: `the vendor says "cdrs?***"`,
	} {
		for _, status := range []int{200, 400, 500} {
			v := &vendor{instead: func(int) (int, string) { return status, body }}
			_, err := read(t, client(t, v), day)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("status %d: %v, want %s", status, err, want)
			}
		}
	}
}

func TestAVendorThatIsSlowIsGivenUpInTime(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	c := serving(t, hang, func(cfg *bulutfon.Config) { cfg.Timeout = 50 * time.Millisecond })
	for _, err := range both(t.Context(), t, c) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want %v", err, context.DeadlineExceeded)
		}
	}
}

func TestCancellationEndsAQuestion(t *testing.T) {
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		c := serving(t, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		for _, err := range both(ctx, t, c) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v, want %v", err, context.Canceled)
			}
		}
	}
}

func TestReadingsMayGoOnAtOnce(t *testing.T) {
	c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/cdrs/") {
			io.WriteString(w, `{"cdr":{"uuid":"c1","call_flow":[{"callee":10}]}}`)
			return
		}
		io.WriteString(w, whole(cdr(nil)))
	})
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 10 {
				for _, err := range both(t.Context(), t, c) {
					if err != nil {
						t.Error(err)
					}
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
}

// TestNothingTellsTheCredentials lets a vendor echo the request in every way it can think of.
func TestNothingTellsTheCredentials(t *testing.T) {
	const token, address, password = `t ök&en%C3+"\x`, `who+ü@example.org`, `p ä&s%C3+w"\ord`
	for _, change := range []func(*bulutfon.Config){
		func(cfg *bulutfon.Config) { cfg.Token = secret.New(token) },
		func(cfg *bulutfon.Config) {
			cfg.Token, cfg.Username, cfg.Password = secret.Text{}, address, secret.New(password)
		},
	} {
		known := []string{token}
		cfg := bulutfon.Config{}
		if change(&cfg); cfg.Username != "" {
			known = []string{address, password}
		}
		for _, echo := range echoes(known) {
			for _, answer := range answersWith(echo) {
				c := client(t, answering(answer), change, func(cfg *bulutfon.Config) { cfg.Raw = true })
				for _, told := range everything(t, c, answer) {
					mustNotTell(t, told, known...)
				}
			}
		}
	}
}

func echoes(known []string) []string {
	all := strings.Join(known, " ")
	return []string{
		all,
		url.Values{"access_token": {known[0]}, "email": {known[0]}, "password": {known[len(known)-1]}}.Encode(),
		url.PathEscape(all),
		"http://api.example/cdrs?access_token=" + url.QueryEscape(known[0]) + "&page=2",
		"<p>" + strings.NewReplacer("&", "&amp;", `"`, "&#34;").Replace(all) + "</p>",
	}
}

// A token that is like a uuid, or a part of one, is found in one as well.
func TestATokenIsFoundInAnID(t *testing.T) {
	for _, uuid := range []string{"0636a400-0b78-11ef-ac4a-0250c0000001", "correct-horse-battery", "x-correct-horse-battery-y"} {
		r := record(t, map[string]any{"uuid": uuid, "hangup_cause": uuid})
		for _, told := range []string{r.Key, r.Call.VendorIDs["uuid"], text(r.Call.VendorResult)} {
			if want := strings.ReplaceAll(uuid, "correct-horse-battery", "***"); told != want {
				t.Errorf("%s is told as %s, want %s", uuid, told, want)
			}
		}
	}
}

// answersWith returns answers of which each has echo in every place that takes a text.
func answersWith(echo string) []string {
	inJSON := strings.Trim(fmt.Sprintf("%+q", echo), `"`)
	rows := []string{`"` + inJSON + `"`, `{"` + inJSON + `":1}`}
	for _, field := range []string{"uuid", "bf_calltype", "direction", "caller", "callee", "extension", "call_time", "answer_time", "hangup_time",
		"missing_call", "call_price", "call_record", "hangup_cause", "hangup_state"} {
		rows = append(rows, cdr(map[string]any{field: echo, "answer_time": "2024-05-06T10:12:41+03:00"}), cdr(map[string]any{field: []string{echo}}),
			cdr(map[string]any{field: echo, "direction": "OUT"}))
	}
	step := fmt.Sprintf(`{"callee":"%[1]s","redirection":"%[1]s","redirection_target":"%[1]s","result":"%[1]s","start_time":"%[1]s","origination":[{"destination":"%[1]s","result":"%[1]s"}]}`, inJSON)
	return []string{
		whole(rows...), echo, "<html>" + echo, "[" + echo, `{"error":"` + inJSON + `"}`, `{"error":"` + inJSON + `","code":404}`,
		`{"cdrs":"` + inJSON + `"}`, `{"cdrs":[],"pagination":"` + inJSON + `"}`, `{"cdrs":[],"pagination":{"total_pages":"` + inJSON + `"}}`,
		`{"cdr":{"uuid":"c1","call_flow":[` + step + `,` + step + `]}}`, `{"cdr":{"uuid":"` + inJSON + `"}}`,
		`{"cdr":{"uuid":"c1","missing_call":"` + inJSON + `"}}`, `{"cdr":{"uuid":"c1","call_flow":"` + inJSON + `"}}`,
	}
}

// everything returns all that c says, as text.
func everything(t *testing.T, c *bulutfon.Client, answer string) (all []string) {
	t.Helper()
	for _, call := range []string{"c1", idOf(answer)} {
		d, err := c.Detail(t.Context(), inbound(call))
		all = append(all, fmt.Sprintf("%v %+v %#v", err, err, err), fmt.Sprintf("%+v", d))
		for _, s := range d.Flow {
			all = append(all, text(s.Target), text(s.Result))
		}
		if d.Queue != nil {
			all = append(all, text(d.Queue.ID))
		}
	}
	for page, err := range c.CDRs(t.Context(), day) {
		all = append(all, fmt.Sprintf("%v %+v %#v", err, err, err))
		for _, r := range page.Rejected {
			all = append(all, string(r.Row), r.Reason)
		}
		for _, r := range page.Records {
			c := r.Call
			all = append(all, r.Key, fmt.Sprint(c.VendorIDs), string(c.Raw), text(c.From.Raw), text(c.To.Raw), text(c.From.Extension), text(c.VendorResult), text(c.Hangup.Cause))
		}
	}
	return all
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
