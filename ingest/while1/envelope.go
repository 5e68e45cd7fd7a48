package while1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// An envelope is what every answer is wrapped in.
type envelope struct {
	failed                        bool
	messages, pagination, results scalar.Value
}

// open reads the envelope of an answer.
func open(body []byte) (e envelope, err error) {
	body, ok := whole(body)
	if !ok {
		return e, notJSON(body)
	}
	members, err := scalar.Value(body).Members()
	if err != nil {
		return e, fmt.Errorf("%w: it is JSON of another shape", ingest.ErrForeign)
	}
	var failed scalar.Value
	for name, v := range members {
		switch string(name) {
		case "has_error":
			failed = v
		case "messages":
			e.messages = v
		case "pagination":
			e.pagination = v
		case "results":
			e.results = v
		}
	}
	if e.failed, err = failed.Bool(); err != nil {
		return e, fmt.Errorf("%w: its has_error is neither true nor false", ingest.ErrForeign)
	}
	return e, nil
}

// whole returns body as one JSON value. The vendor's document prints an answer with one closing brace too many; nothing
// is cut from such an answer, so it is taken.
func whole(body []byte) ([]byte, bool) {
	if json.Valid(body) {
		return body, true
	}
	if fewer, ok := bytes.CutSuffix(bytes.TrimSpace(body), []byte("}")); ok && json.Valid(fewer) {
		return fewer, true
	}
	return body, false
}

// notJSON is the error of an answer that is no JSON.
func notJSON(body []byte) error {
	text := bytes.TrimSpace(body)
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(body, new(any)); {
	case len(text) == 0:
		return fmt.Errorf("%w: it is empty", ingest.ErrForeign)
	case text[0] == '<':
		return fmt.Errorf("%w: it is an HTML page", ingest.ErrForeign)
	case text[0] == '{' && errors.As(err, &syntax):
		return fmt.Errorf("%w: it stops being JSON after %d bytes", ingest.ErrForeign, syntax.Offset)
	}
	return fmt.Errorf("%w: it is plain text, not JSON", ingest.ErrForeign)
}

// A refusal is the vendor's own word that it could not do what it was asked.
type refusal struct {
	messages string // bounded, without secrets
	kind     error  // what the caller tests for, or nil
}

func (r *refusal) Error() string {
	text := "the PBX says: " + r.messages
	if r.messages == "" {
		text = "the PBX says that there was an error, and not which"
	}
	if r.kind != nil {
		text += ": " + r.kind.Error()
	}
	return text
}

func (r *refusal) Unwrap() error { return r.kind }

// fault returns the error that an answer tells, or nil.
func (e envelope) fault(hidden vendorhttp.Redactor) error {
	if !e.failed {
		return nil
	}
	said := said(e.messages)
	r := &refusal{messages: short(hidden.Text(said))}
	if aboutCredentials(said) {
		r.kind = ingest.ErrCredentials
	}
	return r
}

// explained adds to the error of a refused request what the vendor says in its body, if it does.
func explained(err error, hidden vendorhttp.Redactor) error {
	status := (*vendorhttp.StatusError)(nil)
	if !errors.As(err, &status) {
		return err
	}
	e, notOurs := open(status.Body)
	if why := e.fault(hidden); notOurs == nil && why != nil {
		return fmt.Errorf("%w: %w", err, why)
	}
	return err
}

// said returns the texts of messages: a list, an object as PHP makes of a list with gaps, or one text.
func said(messages scalar.Value) string {
	var texts []string
	add := func(v scalar.Value) {
		if text, err := v.Text(); err == nil && text != "" {
			texts = append(texts, text)
		}
	}
	list, err := values(messages)
	if err != nil {
		list = []scalar.Value{messages}
	}
	for _, v := range list {
		add(v)
	}
	return strings.Join(texts, "; ")
}

// values returns the elements of a list, or of the object that PHP makes of a list with gaps.
func values(v scalar.Value) (list []scalar.Value, err error) {
	if elements, err := v.Elements(); err == nil {
		for one := range elements {
			list = append(list, one)
		}
		return list, nil
	}
	members, err := v.Members()
	if err != nil {
		return nil, err
	}
	for _, one := range members {
		list = append(list, one)
	}
	return list, nil
}

// credentialWords tell a message about credentials from others. The vendor publishes none of these messages; its pages
// are in Romanian and English.
var credentialWords = []string{
	"token", "hash", "api key", "api_key", "authoriz", "autoriz", "authentic", "autentific", "unauthor", "credential",
	"permission", "permisiun", "forbidden", "interzis", "access denied", "acces respins",
}

func aboutCredentials(messages string) bool {
	text := strings.ToLower(messages)
	if strings.Contains(text, "filter") {
		return false // "Invalid filter: ..." names what was asked, whatever that may be
	}
	for _, word := range credentialWords {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// shownAtMost is how much of the vendor's messages goes into an error.
const shownAtMost = 300

func short(text string) string {
	r := []rune(strings.Join(strings.Fields(text), " "))
	if len(r) <= shownAtMost {
		return string(r)
	}
	return string(r[:shownAtMost]) + "…"
}
