// Package ingesttest helps to test what watches accounts.
//
// [Bus] is an event bus in memory that keeps the stream's rules: an event is stored once, events are stored in the order
// in which they are given, and what comes back is what was read from the wire form.
//
// [Contract] holds a provider to what every provider promises (see package ingest), whoever its vendor is: that an answer
// is whole or an error, that no row is lost, that no secret is told, that nothing hostile or slow holds it up. The provider's
// test describes its vendor once, as a [Vendor] of a few small functions; the suite then plays the vendor, right and wrong.
//
// Most of it runs in virtual time over connections in memory, with net/http on both ends, so it takes a second or two and
// no port. It fails with what was broken, one line each. It must not be called from a parallel test: it looks for
// goroutines that were left behind.
package ingesttest
