package vendorhttp

import (
	"bytes"

	"github.com/callbus/callbus/ingest"
)

// A ForeignError is an answer with a good status that is no JSON: a proxy's page, a few digits of plain text, nothing.
type ForeignError struct {
	Body []byte // for a provider that knows its vendor's words; not part of the error's text
	kind string
}

func (e *ForeignError) Error() string { return ingest.ErrForeign.Error() + ": " + e.kind }
func (e *ForeignError) Unwrap() error { return ingest.ErrForeign }

func mustBeJSON(body []byte) error {
	text := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(text) == 0:
		return &ForeignError{body, "it is empty"}
	case text[0] == '{' || text[0] == '[':
		return nil
	case text[0] == '<':
		return &ForeignError{body, "it is an HTML page"}
	}
	return &ForeignError{body, "it is plain text, not JSON"}
}
