package schemas_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/schemas"
)

// node is a part of a schema.
type node = map[string]any

func TestEveryTypeHasASchemaThatItsEventsName(t *testing.T) {
	for _, typ := range events.Types() {
		if got := load(t, string(typ))["$id"]; got != typ.Schema() {
			t.Errorf("$id of the schema of %s = %v, want %s", typ, got, typ.Schema())
		}
	}
}

func TestListIsTheTypesAndTheEnvelope(t *testing.T) {
	got := schemas.List()
	if len(got) != len(events.Types())+1 || got[0] != string(events.Types()[0]) || !slices.Contains(got, schemas.Envelope) {
		t.Errorf("List() = %v, want every event type and %s", got, schemas.Envelope)
	}
}

func TestAnUnknownNameIsAnsweredWithTheKnownOnes(t *testing.T) {
	_, err := schemas.For("call.mised")
	if err == nil || !strings.Contains(err.Error(), `"call.mised"`) || !strings.Contains(err.Error(), "call.missed") {
		t.Errorf(`For("call.mised") = %v, want an error that repeats the name and lists call.missed`, err)
	}
	for _, name := range []string{"", "asyncapi", "examples/call.missed", "../schemas/call.missed"} {
		if _, err := schemas.For(name); err == nil {
			t.Errorf("For(%q) gave a schema", name)
		}
	}
	if _, err := schemas.Example("call.mised"); err == nil || !strings.Contains(err.Error(), "call.missed") {
		t.Errorf(`Example("call.mised") = %v, want an error that lists call.missed`, err)
	}
}

func TestWhatForReturnsIsTheCallersOwn(t *testing.T) {
	first, err := schemas.For(schemas.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	first[0] = 'x'
	load(t, schemas.Envelope)
}

func TestEveryFieldIsDescribedRequiredAndAloneInItsObject(t *testing.T) {
	for _, name := range schemas.List() {
		t.Run(name, func(t *testing.T) { strict(t, name, load(t, name), name == schemas.Envelope) })
	}
}

// open are the objects whose fields are not ours to name.
var open = map[string]string{
	"vendor_ids": "the vendor's names for its ids",
	"raw":        "the vendor's record",
	"data":       "in the envelope: described by the schema of the type",
}

// strict fails t for each object in s that lets unknown fields in, lacks a description of a field or does not require one.
func strict(t *testing.T, path string, s node, someOptional bool) {
	t.Helper()
	properties, ok := s["properties"].(node)
	if !ok {
		return
	}
	if s["additionalProperties"] != false {
		t.Errorf("%s: additionalProperties = %v, want false", path, s["additionalProperties"])
	}
	names := slices.Sorted(maps.Keys(properties))
	if required := sorted(s["required"]); !someOptional && !slices.Equal(required, names) {
		t.Errorf("%s: required = %v, want all of %v", path, required, names)
	}
	for _, name := range names {
		property := properties[name].(node)
		if text, _ := property["description"].(string); len(text) < 5 {
			t.Errorf("%s.%s: description = %q, want one that says what it means", path, name, text)
		}
		if open[name] == "" && maybeObject(property) && property["properties"] == nil {
			t.Errorf("%s.%s: an object whose fields are not described", path, name)
		}
		strict(t, path+"."+name, property, false)
		if items, ok := property["items"].(node); ok {
			strict(t, path+"."+name+"[]", items, false)
		}
	}
}

func maybeObject(s node) bool {
	switch typ := s["type"].(type) {
	case string:
		return typ == "object"
	case []any:
		return slices.Contains(typ, any("object"))
	}
	return false
}

func TestEachSchemaIsCompleteInItself(t *testing.T) {
	for _, name := range schemas.List() {
		b, err := schemas.For(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), `"$ref"`) {
			t.Errorf("%s refers to something: a user who saves it alone cannot validate", name)
		}
	}
}

// load returns the schema called name, decoded.
func load(tb testing.TB, name string) node {
	tb.Helper()
	b, err := schemas.For(name)
	if err != nil {
		tb.Fatal(err)
	}
	return decoded(tb, b)
}

func decoded(tb testing.TB, b []byte) node {
	tb.Helper()
	var n node
	if err := json.Unmarshal(b, &n); err != nil {
		tb.Fatal(err)
	}
	return n
}

// texts returns the strings of a decoded array.
func texts(array any) []string {
	var all []string
	values, _ := array.([]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

func sorted(array any) []string { return slices.Sorted(slices.Values(texts(array))) }
