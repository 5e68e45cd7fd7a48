package telsam

import (
	"strings"

	"github.com/callbus/callbus/events"
)

// direction works out which way a call goes from its two sides: an extension is inside, a telephone number outside,
// and a caller who is neither withholds his number.
func direction(from, to events.Party, queue *events.Queue) events.Direction {
	fromInside := from.Extension != nil
	toInside := to.Extension != nil || queue != nil || isFax(to)
	switch {
	case fromInside && toInside:
		return events.Internal
	case fromInside && to.Number != nil:
		return events.Outbound
	case !fromInside && toInside:
		return events.Inbound
	}
	return events.UnknownDirection
}

// directions are the calltypes of records.
var directions = map[string]events.Direction{
	"incoming":  events.Inbound,
	"outcoming": events.Outbound, // the vendor's spelling
	"outgoing":  events.Outbound,
	"internal":  events.Internal,
}

// directionOf returns the direction that a record's calltype names, else what its two sides make likely.
func directionOf(callType string, call events.Call) events.Direction {
	if d, known := directions[strings.ToLower(callType)]; known {
		return d
	}
	return direction(call.From, call.To, call.Queue)
}

// isFax tells whether the vendor names the fax machine as a side. No document says so; samples do.
func isFax(p events.Party) bool {
	return p.Raw != nil && strings.EqualFold(strings.TrimSpace(*p.Raw), "fax")
}
