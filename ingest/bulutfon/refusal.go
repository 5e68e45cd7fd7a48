package bulutfon

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

const (
	// wordsShown is how many letters of the vendor's words an error repeats.
	wordsShown = 120
	// wordsRead is how many bytes of them are looked at: more is no error message.
	wordsRead = 4096
)

// A refusal is what the vendor says in place of what was asked for.
type refusal struct {
	words string // for people, secrets taken out
	code  int    // an HTTP status, or 0 where the vendor gives none
	kind  error  // what the caller tests for, or nil
}

// refusal returns the vendor's error, if a is one.
func (c *Client) refusal(a answer) (r refusal, said bool) {
	if kind := a.err.Kind(); kind != scalar.Scalar && kind != scalar.Nested {
		return r, false
	}
	words, err := a.err.Text()
	if err != nil || len(words) > wordsRead {
		words = "(no message)"
	}
	r.code, _ = a.code.Count()
	r.kind = kindOf(words, r.code)
	r.words = short(c.redact.Text(words))
	return r, true
}

// kindOf tells what an error is about. Its status is not asked: the document gives none, and an expired token is told by
// its words alone.
func kindOf(words string, code int) error {
	words = strings.ToLower(words)
	switch {
	case code == http.StatusTooManyRequests || strings.Contains(words, "too many requests"):
		return &ingest.RateLimitError{}
	case code == http.StatusUnauthorized || code == http.StatusForbidden || namesCredentials(words):
		return ingest.ErrCredentials
	}
	return nil
}

// namesCredentials knows also the Turkish words for access, password and address.
func namesCredentials(words string) bool {
	for _, name := range []string{"token", "email", "e-mail", "password", "unauthorized", "unauthorised", "yetki", "şifre", "parola", "e-posta"} {
		if strings.Contains(words, name) {
			return true
		}
	}
	return false
}

// asReply is the error of a refusal that came with a good status.
func (r refusal) asReply() error {
	kind := r.kind
	if kind == nil {
		kind = ingest.ErrForeign
	}
	if r.code != 0 {
		return fmt.Errorf("%w: the vendor says %q (code %d)", kind, r.words, r.code)
	}
	return fmt.Errorf("%w: the vendor says %q", kind, r.words)
}

// explained adds to the error of a bad status what the vendor says, and what that means. Whoever is asked to slow down
// is not told more.
func (c *Client) explained(err error) error {
	status := (*vendorhttp.StatusError)(nil)
	if !errors.As(err, &status) || isRateLimit(err) {
		return err
	}
	a, bad := open(status.Body)
	if bad != nil {
		return err
	}
	r, said := c.refusal(a)
	switch {
	case !said:
		return err
	case r.kind == nil || errors.Is(err, r.kind):
		return fmt.Errorf("%w: the vendor says %q", err, r.words)
	}
	return fmt.Errorf("%w: %w: the vendor says %q", err, r.kind, r.words)
}

func isRateLimit(err error) bool { return errors.As(err, new(*ingest.RateLimitError)) }

// short returns the beginning of s.
func short(s string) string {
	if r := []rune(s); len(r) > wordsShown {
		return string(r[:wordsShown]) + "…"
	}
	return s
}
