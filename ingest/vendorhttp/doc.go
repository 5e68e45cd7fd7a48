// Package vendorhttp asks a vendor's HTTP API one question and reads the answer, whole or not at all.
//
// What every vendor has in common is here: that the answer may be a proxy's error page with status 200, that it may be
// cut, endless or a gzip bomb, that it may say to slow down, and that the credentials ride in the URL, where net/http
// puts them into its errors.
//
// It guarantees:
//   - one attempt, within the timeout, headers and body together. (net/http itself sends a GET again when a kept
//     connection turns out to have been closed by the other side; a request that changes something needs its own care.)
//   - a [Reply] holds the whole body. A body that is shorter than announced, or cut within a chunk or within its gzip
//     stream, is an error, and so is one larger than the limit, which counts the inflated bytes. Memory stays bounded
//     by the limit.
//   - what an account may ask ([Budget]) and how many requests are under way ([Gate]) is waited for before the timeout begins.
//   - no redirect is followed, no cookie kept.
//   - no error tells a secret, a query value, or what the body said: see [Redactor].
//
// It fails with an error that wraps [ingest.ErrCredentials] (401, 403), [*ingest.RateLimitError] (429, and 503 with
// Retry-After), [ingest.ErrForeign] (what came is no answer of an API) or [ErrTooLarge]; with [*StatusError] for every
// status that is not 2xx; with [context.Canceled] when the caller's context was, and [context.DeadlineExceeded] when
// time ran out. It never retries and logs nothing.
//
// Proxies are the transport's business: a client without one of its own uses [http.DefaultTransport], which keeps to
// HTTP_PROXY, HTTPS_PROXY and NO_PROXY. A proxy sees what a plain HTTP request carries, credentials included.
package vendorhttp
