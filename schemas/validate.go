package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/callbus/callbus/events"
)

// Validate returns nil if b is an event as callbus publishes it, in the CloudEvents JSON format: envelope and data keep to
// their schemas, formats included, and attributes that follow from others do follow from them (see consistent).
func Validate(b []byte) error {
	schemas, err := compiled()
	if err != nil {
		return err
	}
	if !utf8.Valid(b) { // which encoding/json mends in silence
		return errors.New("the event is not UTF-8")
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("the event is not JSON: %w", err)
	}
	if err := schemas[Envelope].Validate(document); err != nil {
		return fmt.Errorf("the event's envelope: %w", err)
	}
	event := document.(map[string]any) // the envelope's schema asks for it
	if err := schemas[event["type"].(string)].Validate(event["data"]); err != nil {
		return fmt.Errorf("the data of event %s: %w", event["id"], err)
	}
	if err := consistent(event); err != nil {
		return fmt.Errorf("event %s of type %s: %w", event["id"], event["type"], err)
	}
	return nil
}

// compiled returns every schema by its name. It is not done at init: of those who import this package,
// the binary never validates.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	all := make(map[string]*jsonschema.Schema)
	for _, name := range List() {
		s, err := compile(name)
		if err != nil {
			return nil, fmt.Errorf("compile schema %s: %w", name, err)
		}
		all[name] = s
	}
	return all, nil
})

func compile(name string) (*jsonschema.Schema, error) {
	b, err := For(name)
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, document); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

// consistent returns an error unless the attributes of event, which is valid, say the same as one another and as the data.
// JSON Schema cannot compare one value with another.
func consistent(event map[string]any) error {
	attribute := func(name string) string { return event[name].(string) }
	data := event["data"].(map[string]any)
	e := events.Event{
		Type: events.Type(attribute("type")), Subject: attribute("subject"),
		Account: attribute("account"), Provider: attribute("provider"),
	}
	id := events.ID(e.Account, e.Subject, e.Type, revision(e.Type, data))
	provider, named := data["provider"].(string)
	if !named { // a callback names none
		provider = e.Provider
	}
	for _, pair := range [...]struct{ name, got, want string }{
		{"id", attribute("id"), id},
		{"source", attribute("source"), e.Source()},
		{"dataschema", attribute("dataschema"), e.Type.Schema()},
		{"partitionkey", attribute("partitionkey"), e.PartitionKey()},
		{"subject", e.Subject, data[subjectField(e.Type)].(string)},
		{"account", e.Account, data["account"].(string)},
		{"provider", e.Provider, provider},
	} {
		if pair.got != pair.want {
			return fmt.Errorf("%s is %s, but the rest of the event makes it %s", pair.name, pair.got, pair.want)
		}
	}
	missed, _ := data["missed_calls"].([]any)
	if count, ok := data["count"].(json.Number); ok && whole(count) < len(missed) {
		return fmt.Errorf("count is %s, but %d missed calls are listed", count, len(missed))
	}
	return nil
}

// revision of the data, which is 1 where there can be only one.
func revision(t events.Type, data map[string]any) int {
	n, ok := data[revisionField(t)].(json.Number)
	if !ok {
		return 1
	}
	return whole(n)
}

// whole returns n; 0 for a whole number, as the schema has it, that is written as 1.0 or 1e0: callbus writes none so.
func whole(n json.Number) int {
	i, err := strconv.Atoi(n.String())
	if err != nil {
		return 0
	}
	return i
}

// revisionField names the field of the data that tells one event of a type from the others of its subject.
func revisionField(t events.Type) string {
	switch t {
	case events.CallbackDue:
		return "step"
	case events.CallbackAttempted:
		return "attempts"
	}
	return "revision"
}

// subjectField names the field of the data that is the event's subject.
func subjectField(t events.Type) string {
	switch {
	case strings.HasPrefix(string(t), "call."):
		return "call_id"
	case strings.HasPrefix(string(t), "callback."):
		return "callback_id"
	}
	return "gap_id"
}
