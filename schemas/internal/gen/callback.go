package main

import "github.com/callbus/callbus/events"

// Each type of callback event has the fields of a callback, and narrows what some of them may be.

func callbackOpened() object {
	f := narrowed(neverReturned(), "status", oneOf("watching", "held", "snoozed"))
	f = narrowed(f, "step", object{{"type", "integer"}, {"minimum", 0}, {"maximum", 0}})
	return titled("callback.opened", "Somebody was missed and is owed a call back. Comes once, when the missed call has stood for a while; a further miss of the same caller adds to it and opens nothing new.", record(f...))
}

func callbackDue() object {
	f := narrowed(neverReturned(), "status", constant("notified"))
	f = narrowed(f, "step", positive)
	f = narrowed(f, "steps", positive)
	f = narrowed(f, "due_at", instant)
	return titled("callback.due", "It is time to remind people of a call back. Comes once for each step of the ladder; a step that was passed by is left out.", record(f...))
}

func callbackAttempted() object {
	f := narrowed(neverReturned(), "status", constant("attempted"))
	f = narrowed(f, "attempts", positive)
	return titled("callback.attempted", "Somebody called back and was not answered.", record(f...))
}

func callbackCompleted() object {
	f := narrowed(callbackFields(), "status", constant("resolved"))
	f = narrowed(f, "resolution", oneOf(resolutions...))
	f = narrowed(f, "due_at", null)
	return titled("callback.completed", "The caller was spoken with, or need not be called any more.", record(f...))
}

func callbackCancelled() object {
	f := narrowed(neverReturned(), "status", constant("cancelled"))
	f = narrowed(f, "due_at", null)
	return titled("callback.cancelled", "The call was not missed after all: its record says that it was answered.", record(f...))
}

func callbackExpired() object {
	f := narrowed(neverReturned(), "status", constant("expired"))
	f = narrowed(f, "due_at", null)
	return titled("callback.expired", "Nobody called back in time, and nobody will be reminded any more.", record(f...))
}

// neverReturned narrows the fields to those of a callback that is not completed: how it was is null.
func neverReturned() []member {
	f := callbackFields()
	for _, name := range []string{"resolution", "resolved_by_call_id", "seconds_to_return"} {
		f = narrowed(f, name, null)
	}
	return f
}

var (
	callbackStatuses = []string{"watching", "held", "notified", "attempted", "snoozed", "resolved", "cancelled", "expired"}
	resolutions      = []string{"returned", "caller_reached_us", "vendor", "manual"}

	positive = object{{"type", "integer"}, {"minimum", 1}}
	natural  = object{{"type", "integer"}, {"minimum", 0}}
)

// callbackFields are the fields that the data of every callback.* event has.
func callbackFields() []member {
	return []member{
		field("callback_id", "The callback, within its account: the CloudEvents subject. Never a telephone number.", identifier),
		field("account", "The account of callbus that the calls were missed in.", account),
		field("external_number", "E.164 number of who is owed the call.", phone),
		field("queue", "The queue or ring group that was called; null where none was, or none is known.", orNull(queue())),
		field("missed_calls", "The calls that were missed, the oldest first. Of more than 100, the first and the last 99.", missedCalls()),
		field("count", "How many calls were missed, also of those that are not listed.", positive),
		field("first_missed_at", "When the first of them was missed.", instant),
		field("last_missed_at", "When the last of them was missed.", instant),
		field("step", "How far the ladder of reminders has come: 0 before the first.", natural),
		field("steps", "How many reminders there are, those that were told among them; 0 where none can be.", natural),
		field("due_at", "In callback.due, when it fell due; else when the next reminder will fall due. Null when no more will.", orNull(instant)),
		field("attempts", "How many calls back were not answered.", natural),
		field("status", "How far it has come. watching: nobody was reminded yet; held: it is outside business hours, and the clock stands; snoozed: somebody asked to be reminded later.", oneOf(callbackStatuses...)),
		field("resolution", "How it came to be completed. returned: a call to the number was answered; caller_reached_us: the caller rang again and was answered; vendor: the vendor says that the call was returned; manual: somebody said so. Null unless it is completed.", orNull(oneOf(resolutions...))),
		field("resolved_by_call_id", "The call that completed it; null where no call did, or it is not known which.", orNull(identifier)),
		field("seconds_to_return", "From the first missed call until it was completed; null unless it is, and where it is not known.", orNull(seconds)),
	}
}

func missedCalls() object {
	call := titled("missed call", "One of the calls that were missed.", record(
		field("call_id", "The call.", identifier),
		field("event_id", "The id of its call.missed.", identifier),
		field("at", "When it was missed.", instant),
	))
	return append(set(call, 1), member{"maxItems", events.MostMissedCalls})
}
