package pbxsim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

// verimorLongest is the longest span of time that one question may be about.
const verimorLongest = 31 * 24 * time.Hour

const (
	verimorLeastRows = 10 // also where the question does not say
	verimorMostRows  = 100
)

// The vendor's document has the first of these. The others are read because newer pages of the vendor show them.
var verimorAsked = []string{
	"2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00", time.RFC3339,
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", // in the account's zone
}

// span is the span of a question by the PBX's clock. Where it has no end it ends now, where it has no beginning it is as
// long as one may be. What is wrong with it is told in words as the vendor might have them; "" is nothing.
func (v *Verimor) span(ask url.Values, now time.Time) (from, to time.Time, wrong string) {
	to, ok := v.asked(ask.Get("start_stamp_to"), now.Add(v.cfg.Skew))
	if !ok {
		return from, to, "invalid start_stamp_to"
	}
	if from, ok = v.asked(ask.Get("start_stamp_from"), to.Add(-verimorLongest)); !ok {
		return from, to, "invalid start_stamp_from"
	}
	if to.Sub(from) > verimorLongest {
		return from, to, "date range cannot be longer than 31 days"
	}
	return from, to, ""
}

func (v *Verimor) asked(text string, otherwise time.Time) (time.Time, bool) {
	if text == "" {
		return otherwise, true
	}
	for _, layout := range verimorAsked {
		zone := v.cfg.Zone
		if strings.HasSuffix(layout, " UTC") {
			zone = time.UTC
		}
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// entries returns the rows of the page, of calls whose start_stamp is in the span, both ends included.
func (v *Verimor) entries(p *paging, from, to, now time.Time, wanted func(*Call, record) bool) []entry {
	if from.Nanosecond() > 0 { // stamps are cut to seconds
		from = from.Truncate(time.Second).Add(time.Second)
	}
	from, to = from.Add(-v.cfg.Skew), to.Truncate(time.Second).Add(time.Second-1-v.cfg.Skew)
	if wanted == nil {
		return v.ledger.entries(p, from, to, now, v.cfg.Ascending)
	}
	calls := slices.DeleteFunc(v.world.Began(from, to), func(c *Call) bool { return !verimorKeeps(c) })
	if !v.cfg.Ascending {
		slices.Reverse(calls)
	}
	return v.cfg.Records.entries(p, calls, v.world.cfg.Seed, now, wanted)
}

// verimorPaging takes what is no number as if it were not there.
func verimorPaging(ask url.Values) paging {
	limit, _ := strconv.Atoi(ask.Get("limit"))
	page, _ := strconv.Atoi(ask.Get("page"))
	return paging{page: max(1, page), limit: min(max(limit, verimorLeastRows), verimorMostRows)}
}

// verimorDirections are the words of a question, which are not those of the reply.
var verimorDirections = map[events.Direction]string{
	events.Inbound: "inbound", events.Outbound: "outbound", events.Internal: "internal",
}

// filter returns what tells the wanted records apart, or nil when all are. A filter is met by the whole of a field's
// text. missed=false stands for answered calls, as the document says: it leaves out calls to the outside that nobody
// answered.
func (v *Verimor) filter(ask url.Values, now time.Time) func(*Call, record) bool {
	fields := []string{"direction", "caller_id_number", "destination_number", "queue", "missed", "recording_present"}
	if !slices.ContainsFunc(fields, func(f string) bool { return ask.Get(f) != "" }) {
		return nil
	}
	return func(c *Call, rec record) bool {
		told := rec.told(c, now)
		has := map[string]string{
			"direction": verimorDirections[c.Direction], "caller_id_number": v.caller(c), "destination_number": v.destination(c),
			"queue": queueID(c), "missed": verimorMissedFilter(told), "recording_present": v.recording(c, rec, now),
		}
		return !slices.ContainsFunc(fields, func(f string) bool { return ask.Get(f) != "" && ask.Get(f) != has[f] })
	}
}

func verimorMissedFilter(told *Call) string {
	switch {
	case told.Missed:
		return "true"
	case told.Answered():
		return "false"
	}
	return ""
}
