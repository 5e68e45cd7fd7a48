package telsam

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
)

// An envelope is what every answer is wrapped in, itself mostly wrapped in an array.
type envelope struct{ success, count, data scalar.Value }

// errRefused is what success=false comes to. The vendor gives no reason with it, and publishes none.
var errRefused = fmt.Errorf("%w: the PBX answers success=false, without saying why; "+
	"a wrong user name or password, or an account without the right to use the API, are the likely reasons", ingest.ErrCredentials)

// open returns the rows of an answer, or an error when it is not certain that these are all.
func open(body []byte) ([]row, error) {
	if !json.Valid(body) {
		return nil, notJSON(body)
	}
	e, err := unwrap(body)
	if err != nil {
		return nil, err
	}
	success, err := e.success.Bool()
	if err != nil {
		return nil, foreign("success", err)
	}
	if !success {
		return nil, errRefused
	}
	return e.rows()
}

// unwrap takes the envelope out of its array, if it is in one.
func unwrap(body scalar.Value) (e envelope, err error) {
	if list, err := body.Elements(); err == nil {
		n := 0
		for body = range list {
			n++
		}
		if n != 1 {
			return e, fmt.Errorf("%w: a list of %d answers where one was expected", ingest.ErrForeign, n)
		}
	}
	members, err := body.Members()
	if err != nil {
		return e, fmt.Errorf("%w: it is JSON of another shape", ingest.ErrForeign)
	}
	for name, v := range members {
		switch string(name) {
		case "success":
			e.success = v
		case "count":
			e.count = v
		case "data":
			e.data = v
		}
	}
	return e, nil
}

// rows returns the data, which may be left out when the count is 0.
func (e envelope) rows() ([]row, error) {
	count, err := e.count.Count()
	if err != nil {
		return nil, foreign("count", err)
	}
	if kind := e.data.Kind(); count == 0 && kind != scalar.Scalar && kind != scalar.Nested {
		return nil, nil
	}
	list, err := e.data.Elements()
	if err != nil {
		return nil, fmt.Errorf("%w: data is not a list, though count says %d", ingest.ErrForeign, count)
	}
	var rows []row
	for r := range list {
		rows = append(rows, r)
	}
	if len(rows) != count {
		return nil, fmt.Errorf("%w: count says %d, but data has %d rows", ingest.ErrForeign, count, len(rows))
	}
	return rows, nil
}

// foreign is the error of an answer one of whose own fields cannot be read. What stood there is not repeated.
func foreign(field string, err error) error {
	if errors.Is(err, scalar.ErrNone) {
		return fmt.Errorf("%w: it has no %s", ingest.ErrForeign, field)
	}
	return fmt.Errorf("%w: its %s cannot be read", ingest.ErrForeign, field)
}

// notJSON is the error of an answer that opens like JSON and is none.
func notJSON(body []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(body, new(any)); errors.As(err, &syntax) {
		return fmt.Errorf("%w: it stops being JSON after %d bytes", ingest.ErrForeign, syntax.Offset)
	}
	return fmt.Errorf("%w: it is no JSON", ingest.ErrForeign)
}
