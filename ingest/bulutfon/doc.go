// Package bulutfon reads the call detail records of a Bulutfon account (version 1 of the vendor's API), and of a single
// incoming call the way it took: through which menus and groups, who was rung, and who answered.
//
// What it guarantees:
//   - A reply is whole or an error. An error text, a proxy's page, a list without its page count, the same page twice:
//     none of them is ever taken for an account without calls.
//   - Records are read newest first until all of the window is read. Whether they do come newest first is seen from
//     them: if not, the whole list is read. A page claims no more than what it and those before it show without a gap.
//   - Rows of both revisions of the vendor's document are read, each by what it holds. One that cannot be read stands in
//     Rejected, with the reason, and does not stop its page.
//   - No error, rejected row or raw record tells the token, the e-mail address or the password, all of which ride in the
//     URL. The address of the next page, as the vendor gives it, is never followed.
//
// What it does not: it starts no goroutine, does not poll, and asks for a page again only when it is not the first of a
// reading and what went wrong may pass. It knows no active calls, for the vendor shows none (see README.md).
//
// It fails with [ingest.ErrCredentials], [*ingest.RateLimitError], [ingest.ErrForeign], [ingest.ErrNoDetail] or an error
// of the transport, all of them wrapped with what was asked.
package bulutfon
