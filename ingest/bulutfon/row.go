package bulutfon

import (
	"errors"
	"slices"
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

// A row is one record as the vendor wrote it. It is a part of the answer, not a copy.
type row = scalar.Value

var errNotObject = errors.New("the row is not an object with fields")

// fields are those of a row in both revisions of the document. hangup_state is none of them: see README.md.
type fields struct {
	uuid, callType, direction, caller, callee, extension scalar.Value
	callTime, answerTime, hangupTime                     scalar.Value
	missingCall, price, record, cause                    scalar.Value
	flow                                                 scalar.Value // of a detail alone
}

func readFields(r row) (f fields, err error) {
	members, err := r.Members()
	if err != nil {
		return f, errNotObject
	}
	for name, v := range members {
		if field := f.field(string(name)); field != nil {
			*field = v
		}
	}
	return f, nil
}

func (f *fields) field(name string) *scalar.Value {
	switch name {
	case "uuid":
		return &f.uuid
	case "bf_calltype":
		return &f.callType
	case "direction":
		return &f.direction
	case "caller":
		return &f.caller
	case "callee":
		return &f.callee
	case "extension":
		return &f.extension
	case "call_time":
		return &f.callTime
	case "answer_time":
		return &f.answerTime
	case "hangup_time":
		return &f.hangupTime
	case "missing_call":
		return &f.missingCall
	case "call_price":
		return &f.price
	case "call_record":
		return &f.record
	case "hangup_cause":
		return &f.cause
	case "call_flow":
		return &f.flow
	}
	return nil
}

// clean returns s without secrets. Among letters, digits and dashes alone, which ids and causes are, a secret can only
// stand as it is, and that is seen much faster.
func (c *Client) clean(s string) string {
	within := func(secret string) bool { return strings.Contains(s, secret) }
	if isID(s) && !slices.ContainsFunc(c.secrets, within) {
		return s
	}
	return c.redact.Text(s)
}

// party reads a side of a call. What is a word and no number may be anything, also an echo of the request.
func (c *Client) party(raw string) events.Party {
	if strings.Trim(raw, "+0123456789 ()-./") != "" {
		raw = c.redact.Text(raw)
	}
	return c.numbers.Party(raw)
}
