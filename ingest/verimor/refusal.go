package verimor

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// wordsShown is how much is repeated of what the vendor says, in letters.
const wordsShown = 200

// explained adds to a refusal what the vendor says with it: plain text, in which it may repeat the key.
func (c *Client) explained(err error) error {
	var status *vendorhttp.StatusError
	var plain *vendorhttp.ForeignError
	switch {
	case errors.As(err, &status) && status.Code == http.StatusBadRequest:
		return c.badRequest(err, status.Body)
	case errors.As(err, &plain) && saysWrongKey(plain.Body):
		return fmt.Errorf("%w: the vendor says that the key is not valid", ingest.ErrCredentials)
	}
	return err
}

func (c *Client) badRequest(err error, body []byte) error {
	if saysWrongKey(body) {
		return fmt.Errorf("%w: the vendor says that the key is not valid (%w)", ingest.ErrCredentials, err)
	}
	if words := c.shown(body); words != "" {
		return fmt.Errorf("%w: the vendor says %q", err, words)
	}
	return err
}

// saysWrongKey knows the vendor's words with and without the cedilla, in capitals and in small letters.
func saysWrongKey(body []byte) bool {
	text := strings.ToLower(norm.NFC.String(string(body)))
	return strings.Contains(text, "gecersiz anahtar") || strings.Contains(text, "geçersiz anahtar")
}

// shown returns the beginning of what the vendor says, without secrets and on one line. A page of HTML says nothing.
func (c *Client) shown(body []byte) string {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '<' {
		return ""
	}
	words := []rune(strings.Join(strings.Fields(c.redact.Text(strings.ToValidUTF8(string(body), "\uFFFD"))), " "))
	if len(words) > wordsShown {
		return string(words[:wordsShown]) + "…"
	}
	return string(words)
}

// says tells whether a refusal holds these words of the vendor's, whatever its status.
func says(err error, words string) bool {
	var status *vendorhttp.StatusError
	return errors.As(err, &status) && bytes.Contains(bytes.ToLower(status.Body), []byte(words))
}
