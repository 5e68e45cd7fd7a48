// Command truth scores the real program: it serves simulated PBXs of all vendors over HTTP, lets callbus watch them as a process of its
// own with a real event bus, kills that process again and again without warning, and holds what is in the stream at the
// end against what really happened.
//
//	go run ./ingest/pbxsim/truth
//
// It runs two scenarios: vendors without fault, where the latency of call.started at a plain NATS subscriber is measured and
// no vendor's limit may be passed; and vendors where a fifth of all requests fail, records come late, rows cannot be read,
// and callbus is killed. In both, sinks keep who is owed a call back, one of them in every second minute only, and what they
// tell is held against the truth as well. It exits 1 unless both are told perfectly. It needs nothing but Go and loopback.
package main
