// Package verimor reads the calls of a Verimor Bulutsantralim PBX from its call detail records, asks for the way one call
// took, and ends a call that is active. The vendor has no list of active calls: a call is learned of when its record is
// there.
//
// What it guarantees:
//   - A page is whole or an error. An error page of a proxy, JSON of another shape, an empty list whose count is not 0:
//     none of them is ever taken for an hour without calls.
//   - Pages are read to the end by what the newest of them says, so that a record that is pushed to another page while
//     they are read is not left out. A server that repeats itself, or never ends, is an error.
//   - The newest records are read in one request a poll, in ordinary times, for the vendor allows few: see
//     [Client.NewCDRs].
//   - A row that cannot be read stands in Rejected, with the reason, and does not stop its page.
//   - Whether a call was missed is what the vendor's flag says, never what its result text or answer time seem to say.
//   - No error, rejected row, raw record or fact of a call tells the key, which rides in the URL and which the vendor
//     repeats in its refusals.
//   - A hangup is sent once, by net/http too.
//
// What it does not: it does not poll, starts no goroutine, and asks a second time only for a page of a reading, as
// [Client.CDRs] says.
//
// It fails with [ingest.ErrCredentials], [*ingest.RateLimitError], [ingest.ErrForeign], [ingest.ErrNoDetail],
// [ingest.ErrNoSuchCall] or an error of the transport, all of them wrapped with what was asked.
package verimor
