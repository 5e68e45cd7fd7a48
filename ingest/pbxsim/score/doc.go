// Package score says how well a stream of events tells what happened in a simulated world.
//
// It is given the truth of a view ([pbxsim.Telsam.Truth]) and the events in stream order, and counts for each type of
// event what was told, what was left out, doubled or made up; events out of order; calls that were said to be missed or
// over and were not; facts that are wrong after the last event of a call; and how long it took until a call was known.
//
// Events do not carry the truth's numbers. A published call is matched with the true one by the ids of the vendor's
// record, or, where it has none yet, by direction, channel, number outside and start: one to one, nearest first.
//
// [OfCallbacks] does the same for calls to be returned. It knows the rules and not how they are kept: what each caller is owed
// follows from the true calls, what could be known of it from when the stream stored the events about them.
//
// It is pure: it reads no clock, and the same input gives the same report. A report of no calls is never [Report.Perfect].
//
// What the score of the calls leaves open, because the truth does: calls that ended around the moment callbus first looked, or so shortly
// before the cut-off that their record may not have been read; whether a
// call is announced by call.missed whose record said "answered" at first, and was corrected.
package score
