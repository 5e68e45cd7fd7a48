package events

// Type is the type of an event, and the first tokens of the subject it is published on.
type Type string

// The types that callbus publishes. A name, once published, keeps its meaning: a change of meaning is a new schema version.
const (
	CallStarted  Type = "call.started"
	CallAnswered Type = "call.answered"
	CallEnded    Type = "call.ended"
	CallMissed   Type = "call.missed"
	CallAmended  Type = "call.amended"

	CallbackOpened    Type = "callback.opened"
	CallbackDue       Type = "callback.due"
	CallbackAttempted Type = "callback.attempted"
	CallbackCompleted Type = "callback.completed"
	CallbackCancelled Type = "callback.cancelled"
	CallbackExpired   Type = "callback.expired"

	GapOpened Type = "source.gap.opened"
	GapClosed Type = "source.gap.closed"
)

// Types returns every type that callbus publishes, in the order in which the events of one call are stored, and then those
// of what may follow from it.
func Types() []Type {
	return []Type{
		CallStarted, CallAnswered, CallEnded, CallMissed, CallAmended,
		CallbackOpened, CallbackDue, CallbackAttempted, CallbackCompleted, CallbackCancelled, CallbackExpired,
		GapOpened, GapClosed,
	}
}

// SchemaVersion is the version of the data's schema that this build writes.
const SchemaVersion = "1"

// Schema returns the CloudEvents dataschema of t, for example urn:callbus:schema:call.missed:1.
func (t Type) Schema() string { return "urn:callbus:schema:" + string(t) + ":" + SchemaVersion }
