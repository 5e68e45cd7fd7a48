// Package callbacks is a sink that keeps the obligations to call back: for each account and caller, from the first missed call
// to the call back. Each change of one is an event on the bus, callback.opened to callback.expired, which any other sink
// delivers to people.
//
// # What it decides, and from what
//
// A [Caller] is all that is known of one telephone number at one account. It holds facts and history.
//
// Facts are calls: missed ones, conversations (whoever rang), and calls back that nobody answered. They are kept by the
// call's id, the highest revision counts, and it does not matter in which order, or how often, they are learned. What is owed
// follows from them alone: a missed call is owed an answer unless a conversation began after it did, the vendor marks it as
// returned, or an amendment says that it was not missed.
//
// History is what was told. It is never taken back: an obligation that was told to be over stays over, and what was missed
// after it is a new one.
//
// [Caller.Advance] makes of both what is to be told by now, and when it must look again. It is a function: it reads no clock
// and asks nobody.
//
//	                    missed
//	                      |  GRACE
//	                      v                 each step of AFTER, in business time
//	   (answered)     callback.opened ------------------------------------------> callback.due, 1 to n
//	nothing is told       |                                                            |
//	                      +--- a call back that nobody answers: callback.attempted ----+
//	                      |
//	   a conversation, the vendor's word, a person's word ---> callback.completed
//	   it was not missed after all -------------------------> callback.cancelled
//	   MAX_AGE after the last missed call ------------------> callback.expired
//
// # What it guarantees
//
//   - Nobody is reminded of a call once it is known that it was answered; nor outside business hours; nor twice of one step.
//   - Every missed call ends: it is answered, cancelled or expired.
//   - A page of the diary, its alarm and its events are one write, which expects the page's revision. So a crash at any instant
//     forgets nothing and tells nothing twice, and several processes may run one sink: of two, one writes, and the other finds
//     nothing left to do.
//   - Backfilled calls, internal ones and those without a number oblige nobody; they are counted ([Sink.Ignored]).
//
// The properties are tests, TestP1 to TestP9 (the last in package hours), in virtual time.
//
// # Who looks when
//
// The process that writes a page also looks at it in time. An alarm, a message schedule of the bus, goes off ten seconds later
// and is heard by every process of the sink: it matters when the one that wrote is gone. Whoever begins looks through all
// pages, and so does everybody once an hour.
//
// # How it fails
//
// A bus that is away is waited for: [Sink.Deliver] returns an error that may pass, and what is due is tried until it is
// written. A page that cannot be read is put aside, said aloud, and worked out anew from the stream of events; a reminder that
// a person had put off is forgotten then. Wrong settings are named at the start, all at once.
//
// Of one caller at most 100 missed calls of a case are kept besides their number, so that a robot does not grow a page without
// bound.
package callbacks
