// Package sinks carries events on, to where people and programs want them: a Sink delivers one event to one place, and a
// pump gives it every event that is stored, in the order of each call, until it is delivered.
//
// A pump loses nothing: an event leaves the sink's backlog when it was delivered, or when it was put into the dead letters
// because the endpoint refuses it while it takes others. An endpoint that is down makes the pump wait, and its backlog stay
// in the stream. It may deliver an event more than once (a crash between the delivery and the note of it), always with the
// same id.
//
// The package knows no NATS: what is to be delivered comes from a Backlog.
package sinks
