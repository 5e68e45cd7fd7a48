package bulutfon

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
)

// An answer is the object that the vendor sends: a list of records with its pagination, or one record, or an error.
type answer struct{ cdrs, cdr, pagination, err, code scalar.Value }

func open(body []byte) (a answer, err error) {
	if !json.Valid(body) {
		return a, notJSON(body)
	}
	members, err := scalar.Value(body).Members()
	if err != nil {
		return a, fmt.Errorf("%w: it is JSON of another shape", ingest.ErrForeign)
	}
	for name, v := range members {
		switch string(name) {
		case "cdrs":
			a.cdrs = v
		case "cdr":
			a.cdr = v
		case "pagination":
			a.pagination = v
		case "error":
			a.err = v
		case "code":
			a.code = v
		}
	}
	return a, nil
}

// missing is the error of an answer without what was asked for.
func (c *Client) missing(a answer, name string) error {
	if r, said := c.refusal(a); said {
		return r.asReply()
	}
	return fmt.Errorf("%w: it has no %s", ingest.ErrForeign, name)
}

// notJSON is the error of an answer that opens like JSON and is none.
func notJSON(body []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(body, new(any)); errors.As(err, &syntax) {
		return fmt.Errorf("%w: it stops being JSON after %d bytes", ingest.ErrForeign, syntax.Offset)
	}
	return fmt.Errorf("%w: it is no JSON", ingest.ErrForeign)
}
