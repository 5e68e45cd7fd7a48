package events

// What ParseEnvelope is made of, for tests.
var (
	QuickEnvelope = envelope
	CompactObject = compactObject
)
