package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/callbus/callbus/events/secret"
)

// ours are headers that are set by callbus or by HTTP itself; each is refused among HEADERS.
var ours = []string{
	"Host", "Content-Length", "Content-Type", "Content-Encoding", "Traceparent", "Tracestate",
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Expect",                               // would wait for an answer that may not come
	"Idempotency-Key", "X-Idempotency-Key", // net/http resends by itself a request that has one
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")

// customHeaders reads "Name: value" pairs, separated by semicolons or line breaks; \; is a semicolon in a value. The value
// stays out of every error.
func customHeaders(text secret.Text) (http.Header, error) {
	h := http.Header{}
	var faults []error
	for i, pair := range pairs(text.Reveal()) {
		if err := addHeader(h, pair); err != nil {
			faults = append(faults, fmt.Errorf("number %d %w", i+1, err))
		}
	}
	return h, errors.Join(faults...)
}

// pairs cuts text at its semicolons and line breaks, and leaves out what is blank.
func pairs(text string) []string {
	var all []string
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		before := ""
		for part := range strings.SplitAfterSeq(line, ";") {
			part = before + part
			if unescaped, found := strings.CutSuffix(part, `\;`); found {
				before = unescaped + ";"
				continue
			}
			before = ""
			if part = strings.TrimSpace(strings.TrimSuffix(part, ";")); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

func addHeader(h http.Header, pair string) error {
	name, value, found := strings.Cut(pair, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case !found || !headerName.MatchString(name):
		return errors.New("is not like Name: value; several are separated by semicolons or line breaks, and a semicolon in a value is written \\;")
	case slices.Contains(ours, canonical), strings.HasPrefix(canonical, "Webhook-"), strings.HasPrefix(canonical, "Ce-"):
		return fmt.Errorf("is %s, which callbus sets itself or which would change how it sends: leave it out", canonical)
	case value == "" || !plain(value):
		return fmt.Errorf("is %s, whose value is empty or holds letters that a header cannot carry: plain ASCII is accepted", canonical)
	case h[canonical] != nil:
		return fmt.Errorf("is %s, which is there already", canonical)
	}
	h[canonical] = []string{value}
	return nil
}

// plain tells whether s is of printable ASCII only.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
