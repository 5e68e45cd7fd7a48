// Package webhook delivers events by HTTP: it POSTs each to a URL, signed by Standard Webhooks.
//
// It guarantees:
//   - Each [Sink.Deliver] is one attempt, and ends by itself: within TIMEOUT, after at most as long again in which it waits
//     for its turn under RATE, and for the first delivery with VALIDATE as long again for the endpoint's consent. A
//     request is sent a second time only over TLS, or when it is long, and only when no byte of it had been written, or an HTTP/2
//     server says it did nothing with it.
//   - An event is delivered when the header of an answer with status 2xx is here, whatever comes of its body.
//   - The bytes that are signed are the bytes that are sent. webhook-id is the same on every attempt, after a restart and on
//     a replay, and differs between sinks.
//   - No address is dialled that is not public, unless ALLOW_CIDRS names it. That is decided on the address that is
//     dialled, after DNS, for each connection. No redirect is followed, and no proxy of the environment used.
//   - Of an answer at most 64 KiB of header and 64 KiB of body are read, and a body for at most a second.
//   - No error tells a secret, nor the path and query of the URL, which are often one. (net/http itself writes to the standard
//     logger what a server sends unasked on a kept connection, and offers no way to turn that off: a program should not let
//     the standard logger's text through as it is.)
//
// Requests over TLS are sent by net/http, by HTTP/2 where the endpoint has it. A request in plain HTTP of at most 16 KiB, which
// almost every event is, is written, and its answer read, by the lane itself: in a fast network that is where most of the work
// was. Both ways pass the same tests.
//
// In structured mode the whole event is signed. In binary mode only its data is: the ce-* headers are not.
//
// It fails with a [*sinks.Error], which says whether the event, the endpoint or the moment is at fault; with the reason of
// the context when that ends. A refused address is a [*BlockedError].
package webhook
