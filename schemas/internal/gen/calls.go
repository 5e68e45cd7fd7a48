package main

import "slices"

// Each type of call event has the fields of a call, and narrows what some of them may be.

func started() object {
	f := narrowed(lasting(), "answered_at", null)
	f = narrowed(f, "agent", null)
	return titled("call.started", "There is first evidence of a call. Every call has exactly one, also a call that only its record shows.", record(f...))
}

func answered() object {
	return titled("call.answered", "A person answered. A call has at most one. Who and when is null where the vendor does not tell.", record(lasting()...))
}

// lasting narrows the fields to what can be said while a call lasts: what only its end tells is null.
func lasting() []member {
	f := callFields()
	for _, name := range []string{"ended_at", "talk_seconds", "total_seconds", "outcome", "missed", "missed_reason", "returned"} {
		f = narrowed(f, name, null)
	}
	return f
}

func ended() object {
	s := append(record(over()...), missedRule()...)
	return titled("call.ended", "The call is over. Every call has exactly one. It is provisional where no record of the call came in time; missed may then be null.", s)
}

// over narrows the fields to those of a call that is over. Where nothing is known of how it ended, outcome is unknown,
// and when it ended is inferred.
func over() []member {
	f := narrowed(callFields(), "ended_at", instant)
	return narrowed(f, "outcome", oneOf(outcomes...))
}

func missed() object {
	f := narrowed(over(), "direction", constant("inbound"))
	f = narrowed(f, "outcome", oneOf(without(outcomes, "answered")...))
	f = narrowed(f, "missed", constant(true))
	f = narrowed(f, "missed_reason", oneOf(missedReasons...))
	return titled("call.missed", "An inbound call that no person answered anywhere: not in a ring group, not from a queue, not by a transfer. Comes once, after call.ended.", record(f...))
}

func amended() object {
	f := narrowed(callFields(), "revision", object{{"type", "integer"}, {"minimum", 2}})
	f = append(f,
		field("changed", "Names of the fields that differ from what was published.", set(oneOf(object(callFields()).names()...), 1)),
		field("supersedes", "Id of the event that said otherwise.", identifier),
	)
	s := append(record(f...), missedRule()...)
	return titled("call.amended", "The vendor's record says something else than what was published. The whole call as it is now known, and what that changes.", s)
}

// missedRule: only an inbound call that was not answered is missed, and only a missed call has a reason.
func missedRule() object {
	return object{
		{"if", object{{"properties", object{{"missed", constant(true)}}}}},
		{"then", object{{"properties", object{
			{"direction", constant("inbound")},
			{"outcome", object{{"not", constant("answered")}}},
			{"missed_reason", object{{"type", "string"}}},
		}}}},
		{"else", object{{"properties", object{{"missed_reason", null}}}}},
	}
}

func without(values []string, value string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == value })
}
