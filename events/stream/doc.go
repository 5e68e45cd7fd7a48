// Package stream keeps the events of callbus in NATS JetStream: it starts the embedded server or connects to another,
// sets up the streams, publishes, and reads back. It is the only package of callbus that knows NATS.
//
// # What it guarantees
//
// [Bus.Publish] returns nil only when the stream has stored every event it was given, or had it already. Each event is in
// the stream exactly once, whatever is published twice, killed, restarted or cut off, and however long ago it was first
// published: each event has a subject of its own, or shares it with the later ones of its kind (amendments, reminders), and is
// published with the sequence that this subject must be at (0 for a first event), which the server checks. The events of one call to Publish are stored in their order, and never a
// later one without an earlier one.
//
// One goroutine of a Bus commits for all callers together, as a database does with its log: what waits when the last commit
// returns goes next, one after another when it is little, as one atomic batch when it is much. Nobody waits for a timer.
//
//	Publish ─┐                                 ┌ few:  one after another ┐
//	Publish ─┼─> waiting, in order of arrival ─┤                         ├─> stored ──> each caller's answer
//	Publish ─┘            ^                    └ many: one atomic batch ─┘
//	                      │                                │ refused
//	                      └── what is left, in its order ──┴ find out which are there already
//
// # What sinks get
//
// A [Backlog] gives a sink what it has still to deliver, in the order of the stream, from a durable consumer of its own
// (sink-<name> on CALLBUS), and is not moved by how others fare. An event is the sink's if the sink's filters let it through
// now, and did when it was stored: a sink whose types change keeps its place, and is not flooded with the past. What is given
// back comes before what follows it, and what was lost on its way too. A message that comes again while it is under way, or
// when it was done, is not handed over; a process that is killed is what makes an event come twice.
//
//	CALLBUS ────────────> consumer sink-<name> ──┐ nine of ten
//	   │ Replay                                  ├──> Fetch ──> Done, Back, Working
//	   └──> CALLBUS_REPLAY, replay.<name>.> ─────┘ one of ten, or all when there is nothing else
//	            ^ RetryDeadLetter                           └──> Bury: CALLBUS_DEAD, dead.sink.<name>.<id>
//
// Beside the consumer its position is kept in the bucket, with its filters: a consumer that is deleted is made anew from there,
// and one of a stream that was made anew begins at its beginning. One process at a time may run a sink.
//
// # Many processes
//
// A [Roster] shares out accounts and sinks among the processes on a bus: each says that it lives by a key that ends by itself, and
// what each has are keys that change hands only by comparing revisions (bucket CALLBUS_LEASES). No process leads. It makes it likely
// that one process has an account; that nothing is published twice does not depend on it: most events have places that are taken once,
// and for the others [Bus.PublishFenced] has the stream refuse a process whose term another one has ended.
//
// # How it fails
//
// A server that is away, full, or changing its leader is waited for, until the caller's context is done; the error then holds
// both the context's cause and the last trouble. An event that the stream will never take ([ErrConflict], [ErrTooLarge],
// [ErrInvalid]) fails its own caller only: the events before it in the call are stored, it and those after it are not.
// If Publish returns an error, some of its events may be stored all the same; publishing them again is always safe.
//
// The server keeps one index entry (some 200 bytes of memory) for each event as long as the event is kept;
// Settings.MaxAge is the knob.
package stream
