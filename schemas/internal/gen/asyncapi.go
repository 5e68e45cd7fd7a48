package main

import (
	"strings"

	"github.com/callbus/callbus/events"
)

// asyncAPI is the AsyncAPI document of what callbus publishes on NATS. Its schemas are those of the files,
// under components, so that the document is complete in itself.
func asyncAPI() object {
	return object{
		{"asyncapi", "3.0.0"},
		{"info", object{
			{"title", "callbus"},
			{"version", events.SchemaVersion + ".0.0"},
			{"description", about},
		}},
		{"defaultContentType", events.ContentType},
		{"servers", object{{"nats", server()}}},
		{"channels", eachType(channel)},
		{"operations", eachType(operation)},
		{"components", object{{"messages", eachType(message)}, {"schemas", components()}}},
	}
}

const about = `What happens on telephone exchanges, as CloudEvents on NATS.

The subject of an event is its type, its account and the id of the call, callback or gap: call.missed.> is every missed call, call.*.acme.> the calls of one account, call.*.acme.<call id> one call. A plain subscription sees events as they happen. The JetStream stream CALLBUS keeps them, each exactly once, and the events of one call in their order.`

func server() object {
	return object{
		{"host", "{host}:{port}"},
		{"protocol", "nats"},
		{"description", "The server inside callbus, or the one that CALLBUS_NATS_URL names."},
		{"variables", object{
			{"host", object{{"default", "localhost"}, {"description", "Where callbus, or the NATS server, runs."}}},
			{"port", object{{"default", "4222"}, {"description", "As in CALLBUS_NATS_LISTEN."}}},
		}},
	}
}

func eachType(make func(events.Type) object) object {
	var o object
	for _, t := range events.Types() {
		o = append(o, member{string(t), make(t)})
	}
	return o
}

func channel(t events.Type) object {
	return object{
		{"address", string(t) + ".{account}.{" + subjectOf(t) + "}"},
		{"title", string(t)},
		{"description", descriptionOf(t)},
		{"messages", object{{string(t), ref("#/components/messages/" + string(t))}}},
		{"parameters", object{
			{"account", object{{"description", "The account of callbus."}, {"location", "$message.payload#/account"}}},
			{subjectOf(t), object{{"description", "The id: the event's CloudEvents subject."}, {"location", "$message.payload#/subject"}}},
		}},
	}
}

func operation(t events.Type) object {
	return object{
		{"action", "send"},
		{"channel", ref("#/channels/" + string(t))},
		{"summary", "callbus publishes " + string(t) + "."},
		{"bindings", object{{"nats", object{{"bindingVersion", "0.1.0"}}}}},
		{"messages", []object{ref("#/channels/" + string(t) + "/messages/" + string(t))}},
	}
}

func message(t events.Type) object {
	return object{
		{"name", string(t)},
		{"title", string(t)},
		{"summary", descriptionOf(t)},
		{"contentType", events.ContentType},
		{"headers", headers()},
		{"payload", payload(t)},
	}
}

// headers are those of the NATS message. Others may come with it: a replayed message has some of the server's own.
func headers() object {
	return object{
		{"type", "object"},
		{"properties", object{
			field("Content-Type", "The media type of the payload.", constant(events.ContentType)),
			field("Nats-Msg-Id", "The event's id.", identifier),
		}},
		{"required", []string{"Content-Type", "Nats-Msg-Id"}},
	}
}

// payload is the envelope, with the data of t in it.
func payload(t events.Type) object {
	return object{{"allOf", []object{
		ref("#/components/schemas/envelope"),
		{
			{"type", "object"},
			{"properties", object{
				{"type", constant(string(t))},
				{"dataschema", constant(t.Schema())},
				{"data", ref("#/components/schemas/" + string(t))},
			}},
		},
	}}}
}

// components are the schemas without $schema and $id: within this document they go by their place.
func components() object {
	const head = 2
	return append(object{{"envelope", envelope()[head:]}}, eachType(data)...)
}

// subjectOf names the last part of the subject that an event of type t is published on.
func subjectOf(t events.Type) string {
	switch {
	case strings.HasPrefix(string(t), "callback."):
		return "callback_id"
	case strings.HasPrefix(string(t), "source.gap."):
		return "gap_id"
	}
	return "call_id"
}

func descriptionOf(t events.Type) string {
	for _, m := range data(t) {
		if m.name == "description" {
			return m.value.(string)
		}
	}
	return ""
}

func ref(to string) object { return object{{"$ref", to}} }
