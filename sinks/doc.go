// Package sinks carries events on, to where people and programs want them: a [Sink] delivers one event to one place, and a
// [Pump] gives it every event that is stored, in the order of each call, until it is delivered.
//
// # What it guarantees
//
// A pump loses nothing: an event leaves the sink's backlog when it was delivered, or when it was put into the dead letters
// because the endpoint refuses it while it takes others. An endpoint that is down makes the pump wait, and its backlog stay
// in the stream. It may deliver an event more than once (a crash between the delivery and the note of it), always with the
// same id.
//
// The events of one call are delivered one at a time, and for the first time in the order of the stream, whatever fails,
// ends or is killed meanwhile. Of different calls nothing is promised, but that the oldest goes first.
//
// # What a failure means
//
// The sink says what it means ([Fault]); the pump tells an event that fails from an endpoint that does. Events that fail
// while others are delivered are tried again: refused ones once, others with growing pauses, until they were tried for
// [PumpConfig.GiveUpAfter] of time in which others were delivered. When several different events fail in a row, three of an
// endpoint that took all so far, it is the endpoint: nothing is sent but one event now and then, and no event is given up.
//
// # What a crash leaves
//
// Nothing that happens is worse for happening in two parts:
//
//	killed after                  what is found then                       so
//	Fetch, before anything        in hand of nobody                         the backlog gives it first to the next life
//	the delivery, before Done     the message comes again                  a repeat, with the same id
//	SetState, before Back         the entry; the message comes again       it waits, as the entry says; so do later ones
//	Bury, before SetState         a dead letter; the message comes again   it is tried once more; buried once all the same
//	SetState, before Done         no entry; the message comes again        a repeat, or buried again; nobody waits for it
//	some of several Backs         some back, the rest in hand of nobody    as after Fetch
//	the circuit turned            what it was before                       the endpoint is asked once more than it should be
//
// What is not kept: attempts of an event that waits for less than 15 s; they are made anew.
//
// # How it fails
//
// A bus that is in trouble is waited for; what it should keep is told to it until it does. [Pump.Run] returns an error
// only when the backlog is closed for good. State that cannot be read disables the sink, for it may have been disabled;
// attempts that cannot be read are forgotten.
//
// The package knows no NATS: what is to be delivered comes from a [Backlog].
package sinks
