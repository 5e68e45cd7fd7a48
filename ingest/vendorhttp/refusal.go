package vendorhttp

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/ingest"
)

// maxWait is the longest that a Retry-After is taken for: one that is absurd must not silence an account for ever.
const maxWait = time.Hour

// A StatusError is an answer whose status is not 2xx.
type StatusError struct {
	Code int
	// Body is what came with it, at most 64 KiB: for a provider that knows its vendor's words. It is not part of the
	// error's text, because vendors echo the request in it, credentials and all.
	Body []byte
	kind error // what the caller tests for, or nil
	hint string
}

func (e *StatusError) Error() string {
	s := strconv.Itoa(e.Code)
	if text := http.StatusText(e.Code); text != "" { // the vendor's own words after the number may echo anything
		s += " " + text
	}
	if e.hint != "" {
		s += ": " + e.hint
	}
	if e.kind != nil {
		s += ": " + e.kind.Error()
	}
	return s
}

func (e *StatusError) Unwrap() error { return e.kind }

// refusal returns what is wrong with an answer by its status and headers, or nil.
func (c *Client) refusal(resp *http.Response, body []byte, at time.Time) error {
	e := &StatusError{Code: resp.StatusCode, Body: body}
	retryAfter := resp.Header.Get("Retry-After")
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent:
		return fmt.Errorf("%w: a part of it (%w)", ingest.ErrForeign, e)
	case ok(resp):
		return unread(resp)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.kind = ingest.ErrCredentials
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable && retryAfter != "":
		e.kind = &ingest.RateLimitError{After: wait(retryAfter, resp.Header.Get("Date"), at)}
	case code >= 300 && code < 400:
		e.hint = c.redact.Text(redirect(resp))
	}
	return e
}

// unread refuses a body in an encoding that nobody asked for: net/http undoes the one it asked for by itself.
func unread(resp *http.Response) error {
	switch resp.Header.Get("Content-Encoding") {
	case "", "identity":
		return nil
	}
	return fmt.Errorf("%w: its Content-Encoding was not asked for", ingest.ErrForeign)
}

// redirect says where an answer points, by host alone: the rest of a Location may carry the credentials.
func redirect(resp *http.Response) string {
	const why = "is not followed: it would carry the credentials along"
	to, err := resp.Location()
	if err != nil || to.Host == "" {
		return "a redirect " + why
	}
	if to.Host == resp.Request.URL.Host && to.Scheme == resp.Request.URL.Scheme {
		return "a redirect within the same host " + why
	}
	return fmt.Sprintf("a redirect to %s://%s %s", to.Scheme, to.Host, why)
}

// wait reads a Retry-After: seconds, or a date, which is compared with the vendor's own clock where the answer tells it.
func wait(retryAfter, date string, at time.Time) time.Duration {
	text := strings.TrimSpace(retryAfter)
	if text != "" && strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(maxWait/time.Second) {
			return maxWait // also when there are too many digits for any integer
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if now, err := http.ParseTime(date); err == nil {
		at = now
	}
	return min(max(until.Sub(at), 0), maxWait)
}
