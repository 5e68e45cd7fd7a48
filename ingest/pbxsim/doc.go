// Package pbxsim simulates the PBXs that callbus watches: one invented world of calls, shown through a vendor's API with
// the vendor's quirks, lags and faults. `callbus demo` and `callbus pbxsim` run on it, users test their consumers
// against it, and callbus's own score is taken against its truth.
//
// A [World] holds the calls and knows no vendor. A view ([Telsam], [Verimor], [Bulutfon]) is an http.Handler that shows
// it. [RoundTripper] lets a client talk to a view in memory, also in virtual time. Package score holds events against a
// view's [Truth].
//
// It guarantees that
//
//   - the same [Config] gives the same calls, whoever asks, how often and in which order;
//   - a call is in the list of active calls from its start until the instant before its end, and its record is listed
//     from its end plus a lag that [Records] sets;
//   - no fault shows a wrong fact in a form that looks right, but for [EmptyByMistake], which is never part of a mixture,
//     and [Records.CorrectRate], which the truth tells of;
//   - it reads no clock but the one it is given, and starts no goroutine.
//
// It cannot tell how often a real vendor misbehaves, and it is as good as what is known of the vendors' APIs: what their
// documents leave open is invented here, and said where it is.
//
// All names and numbers are made up: +90 500 is no operator's prefix.
package pbxsim
