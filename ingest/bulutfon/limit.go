package bulutfon

import "time"

// timeLimit returns the parameter that keeps the vendor from looking through more than it must: the shortest of its
// spans that surely reaches back to from. It is a span up to now, by the vendor's clock, and it slides on while pages
// are read. Whether it goes by the start of a call or by the writing of its record is not said; by the start, which is
// never the later, it reaches less far.
func timeLimit(from, now time.Time) string {
	const day = 24 * time.Hour
	switch reach := now.Sub(from); {
	case reach <= 50*time.Minute:
		return "&time_limit=hour"
	case reach <= 23*time.Hour:
		return "&time_limit=day"
	case reach <= 27*day: // a month of February has 28
		return "&time_limit=month"
	}
	return ""
}
