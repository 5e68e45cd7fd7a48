// Command gen writes the JSON Schemas of callbus's events, the schema of their envelope, and the AsyncAPI document
// that holds them all. It is run by go generate in the folder schemas.
//
// The files it writes are what users save, one by one, so each of them is complete in itself. This program is the one
// place where a field is described, so the five schemas of a call, and the six of a callback, cannot drift apart; a test fails when a file
// differs from what is described here. It does not read the Go structs of package events: it is a second account of the same promise,
// and the tests of package schemas hold the two together.
package main

import (
	"fmt"
	"os"

	"github.com/callbus/callbus/events"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// write writes every file to the working directory.
func write() error {
	all, err := files()
	if err != nil {
		return err
	}
	for name, document := range all {
		if err := os.WriteFile(name, document, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// files returns every generated file by its name.
func files() (map[string][]byte, error) {
	documents := map[string]object{"envelope.json": envelope(), "asyncapi.json": asyncAPI()}
	for _, t := range events.Types() {
		documents[string(t)+".json"] = document(t.Schema(), data(t))
	}
	all := make(map[string][]byte, len(documents))
	for name, d := range documents {
		b, err := d.indented()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name] = b
	}
	return all, nil
}

// document returns schema as a document of its own, known as id.
func document(id string, schema object) object {
	head := object{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"$id", id}}
	return append(head, schema...)
}

// data returns the schema of the data of events of type t.
func data(t events.Type) object {
	switch t {
	case events.CallStarted:
		return started()
	case events.CallAnswered:
		return answered()
	case events.CallEnded:
		return ended()
	case events.CallMissed:
		return missed()
	case events.CallAmended:
		return amended()
	case events.CallbackOpened:
		return callbackOpened()
	case events.CallbackDue:
		return callbackDue()
	case events.CallbackAttempted:
		return callbackAttempted()
	case events.CallbackCompleted:
		return callbackCompleted()
	case events.CallbackCancelled:
		return callbackCancelled()
	case events.CallbackExpired:
		return callbackExpired()
	case events.GapOpened:
		return gapOpened()
	case events.GapClosed:
		return gapClosed()
	}
	panic("no schema is described here for the event type " + string(t))
}
