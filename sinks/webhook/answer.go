package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callbus/callbus/sinks"
)

const (
	maxSnippet = 4 << 10
	// snippetRead is how much of a refusal's body is looked at: more than is kept, because secrets are taken out of it.
	snippetRead = 8 << 10
	// snippetEdge is left out where the body goes on: the beginning of a secret may stand there.
	snippetEdge = 256
	// bodyFor is how long an answer's body is read. It changes nothing any more; to read it whole keeps the connection.
	bodyFor = time.Second
)

// drain reads a body, within its bounds, so that the connection can be used again.
func drain(resp *http.Response) (beginning []byte, cut bool) {
	if resp.Body == http.NoBody {
		return nil, false
	}
	if !ok(resp) {
		// The status has the word: a refusal whose text is cut is a refusal all the same.
		beginning, _ = io.ReadAll(io.LimitReader(resp.Body, snippetRead))
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody-int64(len(beginning))))
	return beginning, rest > 0 || err != nil
}

func ok(resp *http.Response) bool { return resp.StatusCode >= 200 && resp.StatusCode < 300 }

// refused says what an answer means whose status is not 2xx.
func (s *Sink) refused(method string, resp *http.Response, body []byte, cut bool) error {
	wait, capped := asked(resp.Header, time.Now())
	fault := s.faultOf(resp.StatusCode, wait)
	text := status(resp.StatusCode)
	if hint := s.hint(resp); hint != "" {
		text += ": " + hint
	}
	if capped {
		text += fmt.Sprintf("; it asks to be left alone for longer than %s, the longest that is kept to: ask whoever runs it why", longestPause)
	} else if wait > 0 {
		text += fmt.Sprintf("; it asks to be left alone for %s", wait.Round(time.Second))
	}
	return s.failed(method, &sinks.Error{
		Fault: fault, After: wait, Status: resp.StatusCode, Snippet: s.snippet(resp.Header, body, cut), Err: errors.New(text),
	})
}

// status names a status in our words: what the other side writes behind the number may echo anything.
func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%03d %s", code, http.StatusText(code)))
}

func (s *Sink) faultOf(code int, wait time.Duration) sinks.Fault {
	switch {
	case (code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable) && wait > 0:
		return sinks.Pause
	case code == http.StatusUnsupportedMediaType && !s.delivered.Load():
		return sinks.OfEndpoint // every event comes in the same media type, and none was taken yet
	}
	return faultOf(code)
}

func faultOf(code int) sinks.Fault {
	switch code {
	case http.StatusGone:
		return sinks.Gone
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return sinks.Passing
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired,
		http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return sinks.OfEndpoint
	}
	switch {
	case code >= 400 && code < 500:
		return sinks.OfEvent
	case code >= 500 && code < 600:
		return sinks.Passing
	}
	return sinks.OfEndpoint // a redirect, or no status that there is
}

// hint says what to try.
func (s *Sink) hint(resp *http.Response) string {
	code := resp.StatusCode
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "it refuses our credentials or our signature: check SECRET, BEARER and HEADERS"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "nothing takes events at that URL: check URL"
	case http.StatusProxyAuthRequired:
		return "something in between asks for credentials: check URL"
	case http.StatusUnsupportedMediaType:
		return fmt.Sprintf("it does not read events in mode %s: try the other MODE", s.mode)
	case http.StatusGone:
		return "it wants nothing any more: enable the sink when it does"
	case http.StatusSwitchingProtocols:
		return "it goes over to another protocol, which was not asked for: check URL"
	}
	switch {
	case code >= 300 && code < 400:
		return s.redirect(resp)
	case code < 100 || code > 599:
		return "that is no status of HTTP: check what listens at that URL"
	}
	return ""
}

// redirect says where an answer points, by host alone: the rest may be a secret, of ours or of theirs.
func (s *Sink) redirect(resp *http.Response) string {
	const why = "is not followed: set URL to where events are taken"
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || to.Host == "" || !hostForm.MatchString(to.Hostname()) {
		return "a redirect " + why
	}
	return s.redact.line(fmt.Sprintf("a redirect to %s://%s ", to.Scheme, to.Hostname())) + why
}

// snippet returns the beginning of a body as text without secrets; "" when it is no text, for then nobody can tell what is in it.
func (s *Sink) snippet(h http.Header, body []byte, cut bool) string {
	if cut {
		body = body[:max(0, len(body)-snippetEdge)]
	}
	text := strings.TrimSpace(strings.ToValidUTF8(string(body), "\uFFFD"))
	encoding := h.Get("Content-Encoding")
	if encoding != "" && encoding != "identity" || strings.ContainsFunc(text, unprintable) {
		return ""
	}
	return beginning(s.redact.text(text), maxSnippet)
}

// unprintable tells whether r shows that something is no text, or changes what a terminal does.
func unprintable(r rune) bool {
	return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || r == utf8.RuneError || r >= 0x80 && r < 0xa0
}

// beginning cuts s to at most n bytes, not within a letter.
func beginning(s string, n int) string {
	return strings.ToValidUTF8(s[:min(n, len(s))], "")
}
