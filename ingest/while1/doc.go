// Package while1 reads the call detail records of a While1 Voice PBX, and can end a call there.
//
// The vendor writes a row for each leg of a call: one for each telephone that rang, each transfer. This package puts the
// rows of one linkedid together again, so that a record is a call.
//
// What it guarantees:
//   - An answer is whole or an error. A page of a proxy, a reply without its has_error, a reading that broke off on its
//     second page: none of them is ever taken for a PBX without calls.
//   - A row that cannot be read stands in Rejected, with the reason, and does not stop its page.
//   - What is made of the rows of a call does not depend on the order in which they were read, nor on how often.
//   - A channel is hung up by its name alone. Without a name the vendor would hang up all of them; nothing is sent then.
//   - No error, rejected row or raw record tells the token or the hash key.
//
// What it does not: it does not poll, starts no goroutine, and retries nothing but a later page of a reading under way.
// It shows no active calls: the vendor does not publish what its list of channels looks like (see README.md).
//
// It fails with [ingest.ErrCredentials], [*ingest.RateLimitError], [ingest.ErrForeign], with the vendor's own messages,
// or with an error of the transport, all of them wrapped with what was asked.
package while1
