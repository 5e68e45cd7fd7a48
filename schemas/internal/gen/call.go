package main

import "slices"

// outcomes of a call.
var outcomes = []string{
	"answered", "voicemail", "no_answer", "busy", "rejected", "cancelled", "unreachable", "blocked", "failed", "unknown",
}

// missedReasons say how a call came to be missed.
var missedReasons = []string{
	"no_answer", "busy", "rejected", "abandoned", "abandoned_in_queue", "abandoned_in_menu", "unreachable", "failed", "unknown",
}

// measured are the fields that can be inferred from polls.
var measured = []string{
	"started_at", "answered_at", "ended_at", "ring_seconds", "wait_seconds", "talk_seconds", "total_seconds",
}

// callFields are the fields that the data of every call.* event has.
func callFields() []member {
	return slices.Concat(identity(), parties(), times(), result(), origin())
}

// identity says which call it is, and which account of it this is.
func identity() []member {
	return []member{
		field("call_id", "The call, within its account: the CloudEvents subject. Never a telephone number.", identifier),
		field("account", "The account of callbus that the call was seen in.", account),
		field("provider", "The kind of PBX, for example verimor.", provider),
		field("vendor_ids", "Every id the vendor gave, by the vendor's name for it: uuid, call_uuid, id, calltype, channel, uniqueid, linkedid. Empty where it gave none.", vendorIDs()),
		field("revision", "1, then one more for each amendment.", object{{"type", "integer"}, {"minimum", 1}}),
		field("state", "final when the vendor's record of the call says so; provisional while callbus has seen no record.", oneOf("provisional", "final")),
	}
}

// vendorIDs is the one object whose names are the vendor's own.
func vendorIDs() object {
	return object{
		{"type", "object"},
		{"propertyNames", object{{"type", "string"}, {"pattern", "^[a-z][a-z0-9_]*$"}}},
		{"additionalProperties", text},
	}
}

// parties says who spoke with whom, and through what.
func parties() []member {
	return []member{
		field("direction", "As the account sees it.", oneOf("inbound", "outbound", "internal", "unknown")),
		field("media", "Voice or fax.", oneOf("voice", "fax")),
		field("from", "Who called.", party()),
		field("to", "Who was called.", party()),
		field("external_number", "E.164 number of the side outside the PBX. Null for a withheld number and an internal call.", orNull(phone)),
		field("queue", "The last queue or ring group reached; null where none was, or none is known.", orNull(queue())),
		field("agent", "The person who answered; null where nobody did, or it is not known who.", orNull(record(
			field("extension", "The extension that answered.", orNull(text)),
			field("name", "The person's name at the PBX.", orNull(text)),
		))),
	}
}

func queue() object {
	return record(
		field("id", "The vendor's id of the queue.", orNull(text)),
		field("name", "The queue's name.", orNull(text)),
	)
}

func party() object {
	return record(
		field("number", "E.164 with +; null for an extension, a withheld number, and one that cannot be read.", orNull(phone)),
		field("raw", "As the vendor wrote it.", orNull(text)),
		field("name", "The name the PBX shows.", orNull(text)),
		field("extension", "The extension inside the PBX.", orNull(text)),
	)
}

// times says when things happened and how long they took.
func times() []member {
	return []member{
		field("started_at", "When the call began.", orNull(instant)),
		field("answered_at", "When a person answered. Some vendors do not tell.", orNull(instant)),
		field("ended_at", "When the call was over; null while it lasts.", orNull(instant)),
		field("ring_seconds", "How long it rang.", orNull(seconds)),
		field("wait_seconds", "How long the caller waited, in queues too, before a person answered or the call was over.", orNull(seconds)),
		field("talk_seconds", "How long they talked.", orNull(seconds)),
		field("total_seconds", "From the beginning to the end.", orNull(seconds)),
	}
}

// result says what became of the call.
func result() []member {
	return []member{
		field("outcome", "Of the call, not of a leg of it. Null while it lasts.", orNull(oneOf(outcomes...))),
		field("missed", "An inbound call that no person answered anywhere. Null while the call lasts, and while it cannot be told.", orNull(truth)),
		field("missed_reason", "How the call came to be missed; null for one that was not.", orNull(oneOf(missedReasons...))),
		field("returned", "The vendor's word that the missed call was called back; null where it says nothing.", orNull(record(
			field("call_id", "The vendor's id of the call back.", orNull(text)),
			field("at", "When it was called back.", orNull(instant)),
		))),
		field("hangup", "Who ended the call, and why.", record(
			field("by", "Who ended it.", oneOf("caller", "callee", "system", "unknown")),
			field("cause", "The vendor's own word for why.", orNull(text)),
		)),
		field("recording", "Whether the PBX holds a recording of the call.", oneOf("available", "none", "removed", "unknown")),
		field("price", "What the call cost; null where the vendor does not tell.", orNull(record(
			field("amount", "A decimal number, as a string so that no cent is lost to binary fractions.", object{{"type", "string"}, {"pattern", `^-?[0-9]+(\.[0-9]+)?$`}}),
			field("currency", "ISO 4217 code.", orNull(object{{"type", "string"}, {"pattern", "^[A-Z]{3}$"}})),
		))),
		field("flow", "The steps of the call's way through the PBX, in their order; null where they were not asked for or are not known.", orNull(object{{"type", "array"}, {"items", step()}})),
		field("vendor_result", "The vendor's own result text.", orNull(text)),
	}
}

func step() object {
	return titled("step", "One step of the call's way.", record(
		field("kind", "What the step went through.", oneOf("number", "menu", "queue", "extension", "external")),
		field("target", "Which one: the number, the name of the menu or queue, the extension.", orNull(text)),
		field("started_at", "When the call reached it.", orNull(instant)),
		field("answered_at", "When it picked up. A menu or a queue can pick up too.", orNull(instant)),
		field("ended_at", "When the call left it.", orNull(instant)),
		field("result", "The vendor's own word for how it went.", orNull(text)),
	))
}

// origin says how callbus knows.
func origin() []member {
	return []member{
		field("evidence", "What callbus saw of the call: snapshot, a list of active calls; cdr, the vendor's record of the call.", set(oneOf("snapshot", "cdr"), 1)),
		field("estimated", "Names of the fields that were inferred from polls and not told by the vendor. Empty where there are none.", set(oneOf(measured...), 0)),
		field("observed_after", "The inferred times are not before this.", orNull(instant)),
		field("observed_before", "The inferred times are not after this.", orNull(instant)),
		field("backfill", "Read long after it happened: never alert a person.", truth),
		field("raw", "The vendor's record as it came, where the account asks for it.", object{{"type", []string{"object", "null"}}}),
	}
}
