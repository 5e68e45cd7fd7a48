package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestPause is the longest that a Retry-After is taken for: an absurd one must not silence a sink for ever.
const longestPause = 24 * time.Hour

// asked returns how long an answer asks to wait, and whether that was cut to longestPause. Of several wishes the longest
// counts, and one that cannot be read is none.
func asked(h http.Header, now time.Time) (wait time.Duration, cut bool) {
	for _, text := range h.Values("Retry-After") {
		wait = max(wait, retryAfter(strings.TrimSpace(text), h.Get("Date"), now))
	}
	return min(wait, longestPause), wait > longestPause
}

// retryAfter reads seconds, or a date, which is compared with the endpoint's own clock where the answer tells it. It
// returns more than longestPause for all that is longer, and 0 for what has passed or cannot be read.
func retryAfter(text, date string, now time.Time) time.Duration {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(longestPause/time.Second) {
			return longestPause + 1 // also when there are too many digits for any integer
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if theirs, err := http.ParseTime(date); err == nil {
		now = theirs
	}
	return max(until.Sub(now), 0) // Sub stays within what a Duration can hold
}
