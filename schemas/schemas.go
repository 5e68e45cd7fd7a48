// Package schemas holds the JSON Schemas of what callbus publishes, an example of each event, and the AsyncAPI document
// of the subjects they are published on. They are embedded in the binary, which prints them (callbus schema) and serves them.
//
// A schema named after an event type describes the data of the events of that type, and is what their dataschema names;
// envelope is the whole CloudEvent around it. Each is complete in itself: saved alone, it validates. They are strict: every
// field is required, null is allowed exactly where a value may be unknown, and a field that is not described is refused.
// Within a version (the 1 that their $id ends in) no field changes its name or its meaning.
//
// The tests hold schemas, examples and the structs of package events together, and [Validate] is what the tests of all
// of callbus put every event through that they publish. It compiles the schemas when it is first called, is safe for
// concurrent use, and returns an error that names the event, the place in it and the rule it breaks. The error may quote
// what it found there, telephone numbers among it: it is for developers, not for a log.
//
// The .json files beside this one are generated: see internal/gen. The examples are written by hand.
package schemas

import (
	"embed"
	"fmt"
	"strings"

	"github.com/callbus/callbus/events"
)

//go:generate go run ./internal/gen

//go:embed *.json examples/*.json
var files embed.FS

// Envelope is the name of the schema of a whole event.
const Envelope = "envelope"

// List returns the name of every schema: the event types, in their order, and [Envelope].
func List() []string {
	var names []string
	for _, t := range events.Types() {
		names = append(names, string(t))
	}
	return append(names, Envelope)
}

// For returns the JSON Schema called name, one of [List].
func For(name string) ([]byte, error) {
	for _, known := range List() {
		if name == known {
			return files.ReadFile(name + ".json")
		}
	}
	return nil, fmt.Errorf("no schema %q: there are %s", name, strings.Join(List(), ", "))
}

// Example returns an event of type t as it is published, indented.
func Example(t events.Type) ([]byte, error) {
	for _, known := range events.Types() {
		if t == known {
			return files.ReadFile("examples/" + string(t) + ".json")
		}
	}
	return nil, fmt.Errorf("no example of an event of type %q: there is one of each of %v", t, events.Types())
}

// AsyncAPI returns the AsyncAPI 3 document of what callbus publishes.
func AsyncAPI() []byte {
	b, err := files.ReadFile("asyncapi.json")
	if err != nil {
		panic(err) // the embed directive above would not have compiled without it
	}
	return b
}
