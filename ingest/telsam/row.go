package telsam

import (
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

// A row is one element of an answer's data, as the vendor wrote it. It is a part of the answer, not a copy.
type row = scalar.Value

var errNotObject = errors.New("the row is not an object with fields")

// fields returns the names and values of a row.
func fields(r row) (iter.Seq2[[]byte, scalar.Value], error) {
	members, err := r.Members()
	if err != nil {
		return nil, errNotObject
	}
	return members, nil
}

// party reads a side of a call. What is a word and no number may be anything, also an echo of the request.
func (c *Client) party(raw string) events.Party {
	if strings.Trim(raw, "+0123456789 ()-./") != "" {
		raw = c.redact.Text(raw)
	}
	return c.numbers.Party(raw)
}

// clean takes secrets out of a text that tells things apart, so that it is still the same for the same thing. One of
// digits is a number and holds none. In one without any of the letters that escapes begin with, a secret can only stand
// as it is, and that is seen much faster.
func (c *Client) clean(id string) string {
	within := func(secret string) bool { return strings.Contains(id, secret) }
	switch {
	case strings.Trim(id, "0123456789") == "",
		!strings.ContainsAny(id, `%+&\?=`) && !slices.ContainsFunc(c.secrets, within):
		return id
	}
	return c.redact.Text(id)
}
