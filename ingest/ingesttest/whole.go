package ingesttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/callbus/callbus/ingest"
)

// altered answers as h does, with what f makes of it.
func altered(h http.Handler, f func(w http.ResponseWriter, r *http.Request, body []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		f(w, r, rec.Body.Bytes())
	}
}

// saying answers everything alike.
func saying(status int, contentType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

// A fault is a way in which an answer goes wrong.
type fault struct {
	name string
	http.HandlerFunc
}

// broken are answers that are right, but for how they get here.
func broken(right http.Handler) []fault {
	all := []fault{
		{"a body shorter than its Content-Length", altered(right, func(w http.ResponseWriter, _ *http.Request, body []byte) {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
			w.Write(body)
		})},
		{"a connection that breaks behind a whole body", altered(right, func(w http.ResponseWriter, _ *http.Request, body []byte) {
			w.Write(body)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})},
		{"a connection that breaks in the middle of the body", altered(right, func(w http.ResponseWriter, _ *http.Request, body []byte) {
			w.Write(body[:len(body)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})},
		{"a connection that breaks before any answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	}
	for _, status := range []int{206, 300, 304, 400, 401, 403, 404, 429, 500, 502, 503, 504} {
		all = append(all, fault{"the right body with status " + strconv.Itoa(status), altered(right, func(w http.ResponseWriter, _ *http.Request, body []byte) {
			w.WriteHeader(status)
			w.Write(body)
		})})
	}
	return all
}

func answersAreWhole(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		for _, fault := range broken(v.serve(about.pbx)) {
			about.asks(t, fault, func(q question, a answer, _ *server) {
				f.unless(a.err != nil, "%s: %s: no error", fault.name, q.name)
				f.unless(a.holds() == "", "%s: %s: %s", fault.name, q.name, a.holds())
			})
		}
		return f
	})
}

// foreigners are answers of somebody else, with status 200.
func (v Vendor) foreigners(right http.Handler) []fault {
	all := []fault{
		{"a body cut in the middle", altered(right, func(w http.ResponseWriter, _ *http.Request, body []byte) { w.Write(body[:len(body)/2]) })},
		{"a body without its last letter", altered(right, func(w http.ResponseWriter, _ *http.Request, body []byte) {
			body = bytes.TrimSpace(body)
			w.Write(body[:len(body)-1])
		})},
		{"status 204", saying(204, "application/json", "")},
		{"a page for people", saying(200, "text/html", "<!DOCTYPE html><html><body>Bakım çalışması</body></html>")},
		{"a page for people that says it is JSON", saying(200, "application/json", "<html><body>Login</body></html>")},
		{"an array of a thousand arrays", saying(200, "application/json", "["+strings.Repeat("[],", 999)+"[]]")},
	}
	for _, body := range []string{"", " \n", "null", "[]", "{}", "[{}]", "true", "0", `""`, "OK", `{"status":"ok"}`, `[null]`, "\x00", "{\"a\":1}{\"a\":1}"} {
		all = append(all, fault{fmt.Sprintf("the body %q", body), saying(200, "application/json", body)})
	}
	for name, body := range v.Foreign {
		all = append(all, fault{name, saying(200, "application/json", body)})
	}
	return all
}

func foreignIsForeign(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		for _, fault := range v.foreigners(v.serve(about.pbx)) {
			about.asks(t, fault, func(q question, a answer, _ *server) {
				f.unless(a.err != nil, "%s: %s: no error", fault.name, q.name)
				f.unless(a.holds() == "", "%s: %s: %s", fault.name, q.name, a.holds())
				f.unless(a.err == nil || foreign(a.err), "%s: %s: %v; want that it wraps ErrForeign and nothing else", fault.name, q.name, a.err)
			})
		}
		return f
	})
}

// foreign tells whether err says that somebody else has answered, and says nothing more of the account or a call.
func foreign(err error) bool {
	others := []error{ingest.ErrCredentials, ingest.ErrNoDetail, ingest.ErrNoSuchCall, context.Canceled}
	return errors.Is(err, ingest.ErrForeign) && !slices.ContainsFunc(others, func(other error) bool { return errors.Is(err, other) })
}
