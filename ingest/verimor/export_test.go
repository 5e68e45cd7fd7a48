package verimor

import "time"

// ParseStamp and UUIDTime are what the tests know of the inside.
var (
	ParseStamp = parseStamp
	UUIDTime   = uuidTime
)

// MostPages is the most pages that a reading has.
const MostPages = mostPages

// Istanbul is the zone of the tests.
var Istanbul = func() *time.Location {
	zone, err := Config{}.place().Zone()
	if err != nil {
		panic(err)
	}
	return zone
}()
