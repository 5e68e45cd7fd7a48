// Package events says what callbus publishes: the event types, their data, and the CloudEvents envelope they travel in.
//
// It guarantees that the same fact always has the same event id (see [ID]), that the wire form of an [Event] is a valid
// CloudEvents 1.0 JSON document (held to the reader of github.com/cloudevents/sdk-go by the tests), and that every field
// of the data is always present, null where callbus does not know.
//
// It performs no I/O and reads no clock. It imports nothing else of callbus.
package events
