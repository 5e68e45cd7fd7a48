package main

import (
	"slices"

	"github.com/callbus/callbus/events"
)

// envelopeID is the $id of the envelope's schema.
const envelopeID = "urn:callbus:schema:envelope:" + events.SchemaVersion

// envelope is the schema of a whole event. It is as strict as the schemas of the data, because it describes what
// callbus publishes; who adds attributes of their own on the way validates before that.
func envelope() object {
	fields := slices.Concat(required(), optional(), []member{
		field("data", "What happened. Its schema is the one that dataschema names.", object{{"type", "object"}}),
	})
	s := object{
		{"type", "object"},
		{"properties", object(fields)},
		{"required", append(object(required()).names(), "data")},
		{"additionalProperties", false},
	}
	return document(envelopeID, titled("callbus event", "A CloudEvents 1.0 event in the JSON format, with the extension attributes that callbus gives it.", s))
}

func required() []member {
	return []member{
		field("specversion", "The version of CloudEvents.", constant("1.0")),
		field("id", "A function of account, subject, type and revision (the step of a reminder, the number of an attempt): the same fact has the same id on every poll, restart and replay.", identifier),
		field("source", "/callbus/<provider>/<account>", object{{"type", "string"}, {"format", "uri-reference"}, {"pattern", "^/callbus/[a-z][a-z0-9-]*/[a-z0-9-]{1,40}$"}}),
		field("type", "What kind of thing happened.", oneOf(types()...)),
		field("subject", "The id of the call, of the callback, or of the gap.", identifier),
		field("time", "When it happened: at the PBX, or to the callback.", instant),
		field("dataschema", "urn:callbus:schema:<type>:<version>", object{{"type", "string"}, {"format", "uri"}, {"pattern", "^urn:callbus:schema:[a-z.]+:[0-9]+$"}}),
		field("datacontenttype", "The media type of data.", constant("application/json")),
		field("account", "The account of callbus that the event is of.", account),
		field("provider", "The kind of PBX, for example verimor.", provider),
		field("recordedtime", "When callbus learned it.", instant),
		field("partitionkey", "account/subject: the events of one key are in order.", object{{"type", "string"}, {"pattern", "^[a-z0-9-]{1,40}/[A-Za-z0-9_-]+$"}}),
		field("correlationid", "The conversation, where calls are linked; else the call (of a callback, the first that was missed), or the gap.", identifier),
	}
}

func optional() []member {
	return []member{
		field("causationid", "The id of the event that led to this one.", identifier),
		field("expirytime", "After this, do not alert a person.", instant),
		field("traceparent", "W3C trace context: of the publication; of a callback, that of what led to it. Only where traces are switched on.", object{{"type", "string"}, {"pattern", "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"}}),
	}
}

func types() []string {
	var names []string
	for _, t := range events.Types() {
		names = append(names, string(t))
	}
	return names
}
