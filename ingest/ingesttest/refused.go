package ingesttest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest"
)

func refusalsAreTold(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		for _, fault := range []fault{
			{"the vendor's refusal", v.Refuse},
			{"status 401", saying(401, "text/plain", "Unauthorized")},
			{"status 403 with an empty body", saying(403, "application/json", "")},
			{"status 401 with a page for people", saying(401, "text/html", "<html>Login</html>")},
		} {
			about.asks(t, fault, func(q question, a answer, s *server) {
				f.unless(errors.Is(a.err, ingest.ErrCredentials), "%s: %s: %v; want that it wraps ErrCredentials", fault.name, q.name, a.err)
				f.unless(!errors.Is(a.err, ingest.ErrForeign) && a.holds() == "", "%s: %s: %v %s", fault.name, q.name, a.err, a.holds())
				f.unless(len(s.asked()) == 1, "%s: %s: asked %d times, though credentials that are refused stay so", fault.name, q.name, len(s.asked()))
			})
		}
		return f
	})
}

func limitsAreTold(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		for _, limit := range []struct {
			name, header string
			after        time.Duration
			slack        time.Duration // dates are cut to seconds
		}{
			{"Retry-After in seconds", "7", 7 * time.Second, 0},
			{"Retry-After with a date", noon.Add(time.Minute).Format(http.TimeFormat), time.Minute, 30 * time.Second},
			{"no Retry-After", "", 0, 0},
			{"a Retry-After that is none", "soon", 0, 0},
		} {
			answer429 := saying(429, "text/plain", "Too Many Requests", "Retry-After", limit.header)
			about.asks(t, answer429, func(q question, a answer, _ *server) {
				var told *ingest.RateLimitError
				if !errors.As(a.err, &told) {
					f.add("%s: %s: %v; want a RateLimitError", limit.name, q.name, a.err)
					return
				}
				f.unless((told.After-limit.after).Abs() <= limit.slack, "%s: %s: wait %s, want %s", limit.name, q.name, told.After, limit.after)
				f.unless(a.holds() == "" && !errors.Is(a.err, ingest.ErrCredentials), "%s: %s: %v %s", limit.name, q.name, a.err, a.holds())
			})
		}
		return f
	})
}

func redirectsAreNotFollowed(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		right := v.serve(about.pbx)
		for _, status := range []int{301, 302, 303, 307, 308} {
			for _, to := range []string{"http://elsewhere.example/redirected", "/redirected", "//elsewhere.example/redirected"} {
				about.asks(t, redirecting(right, status, to), func(q question, a answer, s *server) {
					f.unless(a.err != nil && a.holds() == "", "%d to %s: %s: %v %s; want an error alone", status, to, q.name, a.err, a.holds())
					for _, r := range s.asked() {
						f.unless(r.host == "pbx.example" && !strings.Contains(r.line, "/redirected"), "%d to %s: %s: is followed, to %s", status, to, q.name, r.host)
					}
				})
			}
		}
		return f
	})
}

// redirecting sends everybody on, and answers right whoever came.
func redirecting(right http.Handler, status int, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/redirected") {
			right.ServeHTTP(w, r)
			return
		}
		if r.URL.RawQuery != "" {
			w.Header().Set("Location", to+"?"+r.URL.RawQuery)
		} else {
			w.Header().Set("Location", to)
		}
		w.WriteHeader(status)
	}
}
