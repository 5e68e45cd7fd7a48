package schemas_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
)

// dataOf is the struct that events of each type carry.
func dataOf(tb testing.TB, t events.Type) reflect.Type {
	tb.Helper()
	switch t {
	case events.CallStarted, events.CallAnswered, events.CallEnded, events.CallMissed:
		return reflect.TypeFor[events.Call]()
	case events.CallAmended:
		return reflect.TypeFor[events.Amendment]()
	case events.CallbackOpened, events.CallbackDue, events.CallbackAttempted, events.CallbackCompleted, events.CallbackCancelled, events.CallbackExpired:
		return reflect.TypeFor[events.Callback]()
	case events.GapOpened, events.GapClosed:
		return reflect.TypeFor[events.Gap]()
	}
	tb.Fatalf("the tests do not know the data of %s: name it here", t)
	return nil
}

// A schema allows null exactly where the struct can hold "not known", except in these places.
const (
	never  = "never null"
	always = "always null"
)

// listed are never null: what the contract calls an array or an object is one, if an empty one.
var listed = map[string]string{"vendor_ids": never, "evidence": never, "estimated": never}

// whileItLasts is what nobody can know before the end of a call.
var whileItLasts = map[string]string{
	"ended_at": always, "talk_seconds": always, "total_seconds": always,
	"outcome": always, "missed": always, "missed_reason": always, "returned": always,
}

// neverReturned is what nobody can know of a callback before it is completed.
var neverReturned = map[string]string{
	"missed_calls": never, "resolution": always, "resolved_by_call_id": always, "seconds_to_return": always,
}

// narrowings are what is known of a call, or not yet, by the type of the event.
var narrowings = map[events.Type][]map[string]string{
	events.CallStarted:  {listed, whileItLasts, {"answered_at": always, "agent": always}},
	events.CallAnswered: {listed, whileItLasts},
	events.CallEnded:    {listed, {"ended_at": never, "outcome": never}},
	events.CallMissed:   {listed, {"ended_at": never, "outcome": never, "missed": never, "missed_reason": never}},
	events.CallAmended:  {listed, {"changed": never}},

	events.CallbackOpened:    {neverReturned},
	events.CallbackDue:       {neverReturned, {"due_at": never}},
	events.CallbackAttempted: {neverReturned},
	events.CallbackCompleted: {{"missed_calls": never, "resolution": never, "due_at": always}},
	events.CallbackCancelled: {neverReturned, {"due_at": always}},
	events.CallbackExpired:   {neverReturned, {"due_at": always}},

	events.GapOpened: {{"to": always}},
	events.GapClosed: {{"to": never}},
}

func TestSchemaAndStructSayTheSame(t *testing.T) {
	for _, typ := range events.Types() {
		t.Run(string(typ), func(t *testing.T) {
			c := comparison{t: t, exceptions: make(map[string]string)}
			for _, group := range narrowings[typ] {
				for path, what := range group {
					c.exceptions[path] = what
				}
			}
			c.object("", load(t, string(typ)), dataOf(t, typ))
			for path, what := range c.exceptions {
				t.Errorf("%s: no field that could be an exception (%s)", path, what)
			}
		})
	}
}

// comparison of one schema with one struct. An exception that was met is taken out.
type comparison struct {
	t          *testing.T
	exceptions map[string]string
}

func (c *comparison) object(path string, s node, goType reflect.Type) {
	fields := jsonFields(goType)
	properties := s["properties"].(node)
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
		property, ok := properties[f.name].(node)
		if !ok {
			c.t.Errorf("%s%s: the struct has it, the schema does not", path, f.name)
			continue
		}
		c.field(path+f.name, property, f.goType)
	}
	if required := texts(s["required"]); !slices.Equal(required, names) {
		c.t.Errorf("%s: the schema's fields are %v, the struct's %v", path, required, names)
	}
}

func (c *comparison) field(path string, s node, goType reflect.Type) {
	known := c.nullability(path, s, goType)
	if goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	if !known {
		return
	}
	if got, want := typeIn(s), typeOf(goType); got != want {
		c.t.Errorf("%s: the schema's type is %q, the struct's %q", path, got, want)
	}
	if goType == reflect.TypeFor[time.Time]() && s["format"] != "date-time" {
		c.t.Errorf("%s: the schema's format is %v, want date-time", path, s["format"])
	}
	switch {
	case typeOf(goType) == "array":
		c.item(path+"[]", s["items"].(node), goType.Elem())
	case isStruct(goType):
		c.object(path+".", s, goType)
	}
}

func (c *comparison) item(path string, s node, goType reflect.Type) {
	if got, want := typeIn(s), typeOf(goType); got != want {
		c.t.Errorf("%s: the schema's type is %q, the struct's %q", path, got, want)
	}
	if isStruct(goType) {
		c.object(path+".", s, goType)
	}
}

// nullability compares where the schema allows null with where the struct can be nil, and returns whether anything
// else than null is allowed.
func (c *comparison) nullability(path string, s node, goType reflect.Type) (known bool) {
	want := never
	if canBeNil(goType) {
		want = "null where unknown"
	}
	if exception, ok := c.exceptions[path]; ok {
		want = exception
		delete(c.exceptions, path)
	}
	if got := nullsIn(s); got != want {
		c.t.Errorf("%s: the schema says %s, want %s", path, got, want)
	}
	return typeIn(s) != "null"
}

func nullsIn(s node) string {
	switch {
	case typeIn(s) == "null":
		return always
	case allowsNull(s):
		return "null where unknown"
	}
	return never
}

// allowsNull tells whether every keyword that could refuse a null lets it through.
func allowsNull(s node) bool {
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, nil) {
		return false
	}
	if constant, ok := s["const"]; ok && constant != nil {
		return false
	}
	switch typ := s["type"].(type) {
	case string:
		return typ == "null"
	case []any:
		return slices.Contains(typ, any("null"))
	}
	return true
}

// typeIn returns the one type that s allows besides null.
func typeIn(s node) string {
	if constant, ok := s["const"]; ok {
		return typeOf(reflect.TypeOf(constant))
	}
	switch typ := s["type"].(type) {
	case string:
		return typ
	case []any:
		other := slices.DeleteFunc(texts(typ), func(name string) bool { return name == "null" })
		return strings.Join(other, " or ")
	}
	return "anything"
}

// typeOf returns the JSON Schema type of what encoding/json makes of a value of goType.
func typeOf(goType reflect.Type) string {
	switch goType {
	case reflect.TypeFor[time.Time]():
		return "string"
	case reflect.TypeFor[json.RawMessage]():
		return "object"
	}
	switch goType.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	}
	return fmt.Sprintf("(Go) %v", goType)
}

func canBeNil(goType reflect.Type) bool {
	switch goType.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return true
	}
	return false
}

func isStruct(goType reflect.Type) bool {
	return goType.Kind() == reflect.Struct && goType != reflect.TypeFor[time.Time]()
}

type jsonField struct {
	name   string
	goType reflect.Type
}

// jsonFields returns the fields of goType in their order, those of embedded structs among them.
func jsonFields(goType reflect.Type) []jsonField {
	var all []jsonField
	for f := range goType.Fields() {
		if f.Anonymous {
			all = append(all, jsonFields(f.Type)...)
			continue
		}
		all = append(all, jsonField{f.Tag.Get("json"), f.Type})
	}
	return all
}
