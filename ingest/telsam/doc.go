// Package telsam reads the calls of a Telsam PBX, or of one of the brands that resell it: its list of active calls, and
// its call detail records.
//
// What it guarantees:
//   - An answer is whole or an error. A page of a proxy, a code of two digits, a list that does not match its count, an
//     answer without its success flag: none of them is ever taken for a PBX without calls.
//   - A row that cannot be read stands in Rejected, with the reason, and does not stop its page. In a snapshot it makes
//     the snapshot partial, for the call behind it may be any.
//   - No event, error, rejected row or raw record tells the user name or the password, both of which ride in the URL. Ids and
//     channels in which they stand are shown with *** in their place; such a channel is looked up to be ended.
//
// What it does not: it does not retry, does not poll, starts no goroutine, and knows no more than the vendor says (see
// README.md): nothing joins an active call to its record, no record tells when a call was answered.
//
// It fails with [ingest.ErrCredentials], [*ingest.RateLimitError], [ingest.ErrForeign] or an error of the transport, all
// of them wrapped with what was asked.
package telsam
