// Package ingest works out, from what a vendor's PBX can be asked, what happened to each call.
//
// A provider (one folder below this one for each vendor) reads the vendor's lists and says them in callbus's terms:
// a [Snapshot] of the active calls, a [Page] of call detail records. The [Tracker], which is pure, turns what was seen
// into events. The [Worker] is the loop around them for one account: it polls, publishes, and after a restart reads its
// state back from the stream.
//
// It guarantees, for any order, repetition, loss and delay of what is seen, that each call has exactly one started, at
// most one answered, exactly one ended and at most one missed event, stored in that order, and that the final facts are
// those of the vendor's record. A failed, cut or foreign reply is no information: it never ends a call.
//
// It fails one account at a time: an account that cannot be read is tried again with growing pauses, says so with
// source.gap.* events, and delays no other.
package ingest
