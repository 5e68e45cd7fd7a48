package vendorhttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/text/encoding/charmap"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The account of all tests, with everything in it that is escaped somewhere.
const (
	username = `api üser+%&=/"<1>`
	password = `p%C3 ä&b+c"\ş?#é`
)

var login = url.Values{"username": {username}, "password": {password}, "action": {"activecalls"}}

// asked starts a server and asks it, with a timeout that no test reaches unless it is about that.
func asked(t *testing.T, handler http.HandlerFunc, change ...func(*vendorhttp.Options)) (vendorhttp.Reply, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return askedAt(t, server.URL, server.Client(), change...)
}

func askedAt(t *testing.T, base string, hc *http.Client, change ...func(*vendorhttp.Options)) (vendorhttp.Reply, error) {
	t.Helper()
	o := vendorhttp.Options{Timeout: 20 * time.Second, Secrets: []secret.Text{secret.New(username), secret.New(password)}}
	for _, f := range change {
		f(&o)
	}
	u, err := url.Parse(base + "/api?" + login.Encode())
	if err != nil {
		t.Fatal(err)
	}
	reply, err := vendorhttp.New(hc, o).Get(t.Context(), u)
	mustKeepSecrets(t, err)
	return reply, err
}

// mustKeepSecrets fails the test if err, however it is printed or taken apart, tells a credential.
func mustKeepSecrets(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, s := range []string{username, password} {
			for _, spelled := range []string{s, url.QueryEscape(s), url.PathEscape(s), strings.ToLower(url.QueryEscape(s)), fmt.Sprintf("%q", s)} {
				for _, printed := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
					if strings.Contains(printed, spelled) {
						t.Errorf("an error tells a credential: %s", printed)
					}
				}
			}
		}
	}
}

func TestGetReturnsTheWholeReply(t *testing.T) {
	before := time.Now()
	reply, err := asked(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("password") != password || r.URL.Query().Get("username") != username {
			t.Errorf("the server is asked %q", r.URL.Query())
		}
		if got := r.UserAgent(); got != "callbus" {
			t.Errorf("User-Agent %q, want callbus", got)
		}
		fmt.Fprint(w, "\uFEFF", `[{"a":"Konuşuyor"}]`)
	})
	if err != nil || string(reply.Body) != `[{"a":"Konuşuyor"}]` {
		t.Fatalf("Get: %q, %v; want the body without its byte order mark", reply.Body, err)
	}
	if reply.Asked.Before(before) || reply.At.Before(reply.Asked) || time.Now().Before(reply.At) {
		t.Errorf("asked %s, at %s: not in the order it happened in", reply.Asked, reply.At)
	}
}

func TestGetTellsWhatIsNoReply(t *testing.T) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			if code != http.StatusNoContent && code != http.StatusNotModified {
				fmt.Fprintf(w, `{"error":"no such user %s (%s)"}`, username, r.URL.RawQuery)
			}
		}
	}
	body := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		is     error
		says   string
	}{
		"refused by 401":                {status(401), ingest.ErrCredentials, "401 Unauthorized"},
		"refused by 403":                {status(403), ingest.ErrCredentials, "403 Forbidden"},
		"a bad request":                 {status(400), nil, "400 Bad Request"},
		"a failure of the server":       {status(500), nil, "500 Internal Server Error"},
		"a status nobody knows":         {status(599), nil, "599"},
		"not modified":                  {status(304), nil, "304 Not Modified"},
		"unavailable for unknown time":  {status(503), nil, "503 Service Unavailable"},
		"a part of the reply":           {status(206), ingest.ErrForeign, "206 Partial Content"},
		"no content":                    {status(204), ingest.ErrForeign, "it is empty"},
		"an empty body":                 {body(""), ingest.ErrForeign, "it is empty"},
		"blanks":                        {body(" \r\n\t"), ingest.ErrForeign, "it is empty"},
		"an HTML page":                  {body("<!doctype html><p>" + username), ingest.ErrForeign, "HTML"},
		"HTML after blank lines":        {body("\r\n\r\n<html>"), ingest.ErrForeign, "HTML"},
		"plain text":                    {body("07"), ingest.ErrForeign, "plain text"},
		"an echo in plain text":         {body("wrong password " + password), ingest.ErrForeign, "plain text"},
		"a redirect elsewhere":          {status(302, "Location", "https://evil.example/?"+login.Encode()), nil, "a redirect to https://evil.example is not followed"},
		"a redirect with a login":       {status(307, "Location", "https://u:"+"pw123@evil.example/"), nil, "a redirect to https://evil.example is not followed"},
		"a redirect to another path":    {status(301, "Location", "/login"), nil, "within the same host"},
		"a redirect without a place":    {status(302), nil, "a redirect is not followed"},
		"a redirect that is unreadable": {status(302, "Location", "http://%zz/?"+login.Encode()), nil, "Location"},
		"an encoding not asked for":     {status(200, "Content-Encoding", "br"), ingest.ErrForeign, "Content-Encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := asked(t, tc.answer)
			if err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("Get: %v; want %v that says %q", err, tc.is, tc.says)
			}
			if tc.is == nil && (errors.Is(err, ingest.ErrCredentials) || errors.Is(err, ingest.ErrForeign)) {
				t.Errorf("Get: %v; want neither of the known errors", err)
			}
			for _, secret := range []string{"pw123", "?username"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("Get: %v, which tells %s", err, secret)
				}
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with %q", r.URL.RawQuery)
	}))
	defer elsewhere.Close()
	_, err := asked(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	})
	var status *vendorhttp.StatusError
	if !errors.As(err, &status) || status.Code != http.StatusTemporaryRedirect {
		t.Fatalf("Get: %v, want a StatusError of 307", err)
	}
}

func TestStatusErrorHasTheBodyForTheProviderAlone(t *testing.T) {
	_, err := asked(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		w.Write(bytes.Repeat([]byte("gecersiz "), 1<<20))
	})
	var status *vendorhttp.StatusError
	if !errors.As(err, &status) || len(status.Body) != 64<<10 || !bytes.HasPrefix(status.Body, []byte("gecersiz")) {
		t.Fatalf("Get: %v; want a StatusError with the first 64 KiB of the body", err)
	}
	if strings.Contains(err.Error(), "gecersiz") {
		t.Errorf("Get: %v, which repeats the body", err)
	}
}

func TestRetryAfterIsKeptTo(t *testing.T) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	const noDate = "-"
	for name, tc := range map[string]struct {
		code              int
		retryAfter, clock string // clock is the server's Date
		least, most       time.Duration
	}{
		"429 in seconds":             {429, "20", "", 20 * time.Second, 20 * time.Second},
		"503 in seconds":             {503, "20", "", 20 * time.Second, 20 * time.Second},
		"blanks around it":           {429, "  7 ", "", 7 * time.Second, 7 * time.Second},
		"429 without a word":         {429, "", "", 0, 0},
		"zero":                       {429, "0", "", 0, 0},
		"negative":                   {429, "-5", "", 0, 0},
		"a word":                     {429, "soon", "", 0, 0},
		"a fraction":                 {429, "1.5", "", 0, 0},
		"more than an hour":          {429, "86400", "", time.Hour, time.Hour},
		"more than any integer":      {429, strings.Repeat("9", 400), "", time.Hour, time.Hour},
		"more than a duration holds": {429, "9223372036854775807", "", time.Hour, time.Hour},
		"a date":                     {429, date(90 * time.Second), noDate, 85 * time.Second, 91 * time.Second},
		"a date of the past":         {429, date(-time.Hour), "", 0, 0},
		"a date in a thousand years": {429, "Fri, 31 Dec 9999 23:59:59 GMT", "", time.Hour, time.Hour},
		"a date in the old form":     {429, time.Now().Add(time.Minute).UTC().Format(time.RFC850), noDate, 55 * time.Second, 61 * time.Second},
		"a date by a clock that is an hour ahead": {429, date(time.Hour + 30*time.Second), date(time.Hour), 29 * time.Second, 31 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := asked(t, func(w http.ResponseWriter, _ *http.Request) {
				if tc.retryAfter != "" {
					w.Header().Set("Retry-After", tc.retryAfter)
				}
				switch tc.clock {
				case noDate:
					w.Header()["Date"] = nil
				case "":
				default:
					w.Header().Set("Date", tc.clock)
				}
				w.WriteHeader(tc.code)
			})
			var limit *ingest.RateLimitError
			if !errors.As(err, &limit) {
				t.Fatalf("Get: %v, want a RateLimitError", err)
			}
			if limit.After < tc.least || limit.After > tc.most {
				t.Errorf("Retry-After %q is taken for %s, want %s to %s", tc.retryAfter, limit.After, tc.least, tc.most)
			}
		})
	}
}

func TestCutRepliesAreErrors(t *testing.T) {
	hijacked := func(raw string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, raw)
			conn.Close()
		}
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, `[{"success":true,"count":0}]`)
	z.Close()
	cutZip := zipped.Bytes()[:zipped.Len()-6]
	for name, raw := range map[string]string{
		"shorter than announced": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]",
		"cut within a chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n[]",
		"cut before last chunk":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
		"nothing at all":         "",
		"cut within gzip":        fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(cutZip), cutZip),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reply, err := asked(t, hijacked(raw)); !errors.Is(err, io.ErrUnexpectedEOF) || reply.Body != nil {
				t.Errorf("Get: %q, %v; want no body and %v", reply.Body, err, io.ErrUnexpectedEOF)
			}
		})
	}
	for name, raw := range map[string]string{
		"cut within the headers":      "HTTP/1.1 200 OK\r\nContent-Le",
		"not HTTP, with an echo":      "vendor-said " + password + " " + username + "\r\n\r\n",
		"a length that is a word":     "HTTP/1.1 200 OK\r\nContent-Length: vendor-said\r\n\r\n[]",
		"a header that is an echo":    "HTTP/1.1 200 OK\r\n" + url.QueryEscape(password) + "\r\n\r\n[]",
		"a length that is an echo":    "HTTP/1.1 200 OK\r\nContent-Length: " + url.QueryEscape(password) + "\r\n\r\n[]",
		"an encoding that is an echo": "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + url.QueryEscape(password) + "\r\n\r\n[]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply, err := asked(t, hijacked(raw))
			if err == nil {
				t.Fatalf("Get: %q and no error", reply.Body)
			}
			if strings.Contains(err.Error(), "vendor-said") {
				t.Errorf("Get: %v, which repeats what the other side sent", err)
			}
		})
	}
}

// inMemory is a transport that does not check what it gives, as net/http's does.
type inMemory func(*http.Request) (*http.Response, error)

func (f inMemory) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestATransportInMemoryIsCheckedToo(t *testing.T) {
	short := inMemory(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ContentLength: 10, Body: io.NopCloser(strings.NewReader("[]")), Request: r}, nil
	})
	if _, err := askedAt(t, "http://pbx.example", &http.Client{Transport: short}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Get: %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

var errOdd = errors.New("odd")

func TestErrorsOfTheTransportAreRedactedAndStayComparable(t *testing.T) {
	for name, behind := range map[string]error{
		"with the query": fmt.Errorf("cannot send to http://pbx.example/?%s: %w", login.Encode(), errOdd),
		"with a URL in it": &url.Error{Op: "Get", URL: "http://pbx.example/?" + login.Encode(),
			Err: &url.Error{Op: "proxy", URL: "http://" + url.UserPassword(username, password).String() + "@proxy.example", Err: errOdd}},
		"with the words": fmt.Errorf("refused %s and %q: %w", username, password, errOdd),
	} {
		failing := inMemory(func(*http.Request) (*http.Response, error) { return nil, behind })
		_, err := askedAt(t, "http://pbx.example", &http.Client{Transport: failing})
		if !errors.Is(err, errOdd) || !strings.Contains(err.Error(), "http://pbx.example/api: ") {
			t.Errorf("%s: Get: %v; want %v, and where it was asked", name, err, errOdd)
		}
	}
}

func TestErrorsOfTheNetworkStayWhatTheyAre(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	hc := &http.Client{Transport: &http.Transport{}}
	_, err = askedAt(t, "http://"+l.Addr().String(), hc)
	var op *net.OpError
	if !errors.As(err, &op) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("Get: %v; want the OpError of a refused connection", err)
	}
}

func TestLargeRepliesDoNotExhaustMemory(t *testing.T) {
	const limit = 1 << 20
	zeros := make([]byte, 1<<20)
	for name, answer := range map[string]http.HandlerFunc{
		"a gigabyte, announced": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1073741824")
			for r.Context().Err() == nil {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		},
		"a gzip bomb": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 128 { // a hundred and twenty-eight times the limit
				if _, err := z.Write(zeros); err != nil {
					return
				}
			}
			z.Close()
		},
		"a byte too many": func(w http.ResponseWriter, _ *http.Request) { w.Write(zeros); w.Write([]byte("1")) },
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := asked(t, answer, func(o *vendorhttp.Options) { o.MaxBody = limit })
			runtime.ReadMemStats(&after)
			if !errors.Is(err, vendorhttp.ErrTooLarge) {
				t.Errorf("Get: %v, want %v", err, vendorhttp.ErrTooLarge)
			}
			// Server and client run in one process; the compressor of the bomb alone takes a megabyte.
			if got := after.TotalAlloc - before.TotalAlloc; got > 16*limit {
				t.Errorf("reading allocated %d bytes, want at most 16 times the limit", got)
			}
		})
	}
}

func TestAReplyAsLargeAsTheLimitIsRead(t *testing.T) {
	body := "[" + strings.Repeat(" ", 998) + "]"
	reply, err := asked(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) },
		func(o *vendorhttp.Options) { o.MaxBody = int64(len(body)) })
	if err != nil || string(reply.Body) != body {
		t.Errorf("Get: %d bytes, %v; want %d", len(reply.Body), err, len(body))
	}
}

func TestGzipIsUndone(t *testing.T) {
	reply, err := asked(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("gzip is not accepted")
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, `{"a":1}`)
		z.Close()
	})
	if err != nil || string(reply.Body) != `{"a":1}` {
		t.Errorf("Get: %q, %v", reply.Body, err)
	}
}

func TestCharsets(t *testing.T) {
	turkish, err := charmap.Windows1254.NewEncoder().String(`{"a":"Konuşuyor ığüşöç"}`)
	if err != nil {
		t.Fatal(err)
	}
	const whole = `{"a":"Konuşuyor ığüşöç"}`
	for name, tc := range map[string]struct{ contentType, body, want string }{
		"UTF-8":                              {"application/json; charset=utf-8", whole, whole},
		"UTF-8 under a wrong name":           {"application/json; charset=iso-8859-9", whole, whole},
		"UTF-8 under an unknown name":        {"application/json; charset=koi8-r", whole, whole},
		"UTF-8 without a name":               {"application/json", whole, whole},
		"Latin-5":                            {"application/json; charset=ISO-8859-9", turkish, whole},
		"Windows-1254":                       {`text/plain; charset="windows-1254"`, turkish, whole},
		"undeclared, read as the vendor's":   {"application/json", turkish, whole},
		"UTF-8 with a letter cut in two":     {"application/json", `{"a":"ş","b":"` + "\xc5" + `"}`, `{"a":"ş","b":"` + "\uFFFD" + `"}`},
		"said to be UTF-8, and is not":       {"application/json; charset=utf-8", "{\"a\":\"Konu\xfeuyor\"}", "{\"a\":\"Konu\uFFFDuyor\"}"},
		"a content type that is no such":     {";;;", whole, whole},
		"neither UTF-8 nor of a known name":  {"application/json; charset=koi8-r", turkish, ""},
		"UTF-16":                             {"application/json; charset=utf-16", "{\x00\"\x00\xfe\x00}\x00", ""},
		"UTF-16 without a name is not JSON?": {"application/json", "\xff\xfe{\x00}\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply, err := asked(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.contentType)
				io.WriteString(w, tc.body)
			}, func(o *vendorhttp.Options) { o.Charset = charmap.Windows1254 })
			if tc.want == "" && !errors.Is(err, ingest.ErrForeign) {
				t.Fatalf("Get: %q, %v; want %v", reply.Body, err, ingest.ErrForeign)
			}
			if tc.want != "" && (err != nil || string(reply.Body) != tc.want) {
				t.Errorf("Get: %q, %v; want %q", reply.Body, err, tc.want)
			}
		})
	}
}

func TestTimeRunsOut(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"before the headers": func(http.ResponseWriter) {},
		"within the body": func(w http.ResponseWriter) {
			io.WriteString(w, "[")
			w.(http.Flusher).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := asked(t, func(w http.ResponseWriter, r *http.Request) {
				answer(w)
				<-r.Context().Done()
			}, func(o *vendorhttp.Options) { o.Timeout = 50 * time.Millisecond })
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "50ms") {
				t.Errorf("Get: %v; want %v that names the timeout", err, context.DeadlineExceeded)
			}
		})
	}
}

func TestCancellationIsRecognisableAndSoon(t *testing.T) {
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "[")
		w.(http.Flusher).Flush()
		close(arrived)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	go func() {
		<-arrived
		cancel(errOdd)
	}()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = vendorhttp.New(server.Client(), vendorhttp.Options{Timeout: time.Hour}).Get(ctx, u)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errOdd) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get: %v; want %v and its cause", err, context.Canceled)
	}
}

func TestTimesAreThoseOfTheBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := inMemory(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
			return &http.Response{StatusCode: 200, ContentLength: 2, Body: &slowly{strings.NewReader("[]")}, Request: r,
				Header: http.Header{"Date": {date}}}, nil
		})
		start := time.Now()
		reply, err := askedAt(t, "http://pbx.example", &http.Client{Transport: slow})
		if err != nil || !reply.Asked.Equal(start) || !reply.At.Equal(start.Add(5*time.Second)) {
			t.Errorf("asked %s, at %s, %v; want %s and 5s later", reply.Asked, reply.At, err, start)
		}
		if want := time.Minute + time.Second; reply.Ahead == nil || (*reply.Ahead-want).Abs() > time.Second {
			t.Errorf("ahead %v, want about %s", reply.Ahead, want)
		}
	})
}

// slowly is a body that takes four seconds.
type slowly struct{ io.Reader }

func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(2 * time.Second)
	return s.Reader.Read(p)
}

func (s *slowly) Close() error { return nil }

func TestClockIsComparedOnlyWhereItTells(t *testing.T) {
	for name, tc := range map[string]struct {
		date string
		took time.Duration
		want bool
	}{
		"a date":           {"Mon, 06 May 2024 10:00:00 GMT", time.Second, true},
		"no date":          {"", time.Second, false},
		"no readable date": {"yesterday", time.Second, false},
		"headers too slow": {"Mon, 06 May 2024 10:00:00 GMT", 3 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			transport := inMemory(func(r *http.Request) (*http.Response, error) {
				time.Sleep(tc.took)
				return &http.Response{StatusCode: 200, ContentLength: 2, Body: io.NopCloser(strings.NewReader("[]")), Request: r,
					Header: http.Header{"Date": {tc.date}}}, nil
			})
			reply, err := askedAt(t, "http://pbx.example", &http.Client{Transport: transport})
			if err != nil || (reply.Ahead != nil) != tc.want {
				t.Errorf("%s: ahead %v, %v; want one: %t", name, reply.Ahead, err, tc.want)
			}
		})
	}
}

func TestDoLeavesTheBodyToTheProvider(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" || r.FormValue("page") != "1" {
			t.Errorf("asked with %v and %v", r.Header, r.Form)
		}
		io.WriteString(w, "+OK")
	}))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("page=1"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer t")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, err := vendorhttp.New(server.Client(), vendorhttp.Options{}).Do(req)
	if err != nil || string(reply.Body) != "+OK" {
		t.Errorf("Do: %q, %v; want +OK", reply.Body, err)
	}
	if got := req.Header.Get("User-Agent"); got != "" {
		t.Errorf("Do changed the caller's request: User-Agent %q", got)
	}
}
