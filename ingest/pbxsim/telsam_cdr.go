package pbxsim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

const (
	telsamMinute = "020120061504"        // of date1 and date2
	telsamStamp  = "02.01.2006 15:04:05" // of calldate
)

// telsamTypes is the vendor's word for each direction (outcoming, sic), and where its sequence of ids begins. The
// sequences run beside one another, so the same id soon stands for calls of different types.
var telsamTypes = map[events.Direction]struct {
	word  string
	first int
}{
	events.Inbound:  {"incoming", 28000},
	events.Outbound: {"outcoming", 28003},
	events.Internal: {"internal", 28001},
}

func telsamIDs(c *Call) map[string]string {
	return map[string]string{"id": strconv.Itoa(telsamID(c)), "calltype": telsamTypes[c.Direction].word}
}

func telsamID(c *Call) int { return telsamTypes[c.Direction].first + c.N }

// garbageIDs is where the ids of rows for no call begin, out of the way of the true ones.
const garbageIDs = 5_000_000

func (t *Telsam) cdrs(q request, ask url.Values) reply {
	from, err1 := time.Parse(telsamMinute, ask.Get("date1"))
	to, err2 := time.Parse(telsamMinute, ask.Get("date2"))
	if err1 != nil || err2 != nil {
		return t.refuse(q)
	}
	now, number, userfields := t.clock(), ask.Get("number"), ask.Get("uf") == "yes"
	calls := t.beganLocally(from, to)
	list := newRows(len(calls))
	for _, c := range slices.Backward(calls) { // newest first
		rec := t.record(c)
		if rec.appears.After(now) || !t.concerns(c, number) {
			continue
		}
		if rec.garbage {
			list.add(func(b []byte) []byte { return t.garbageRow(b, q, c) })
		}
		list.add(func(b []byte) []byte { return t.cdrRow(b, q, c, rec, now, userfields) })
	}
	return t.list(q, list)
}

// beganLocally returns the calls whose calldate is in the span. As the vendor does, it compares what clocks on the
// wall showed: where they were turned back, an hour holds the calls of two.
func (t *Telsam) beganLocally(from, to time.Time) []*Call {
	east, west := t.offsets(from, to)
	candidates := t.world.Began(from.Add(-east-t.cfg.Skew), to.Add(time.Minute-west-t.cfg.Skew))
	return slices.DeleteFunc(candidates, func(c *Call) bool { return !t.inBounds(t.wall(c.Start), from, to) })
}

// offsets returns the greatest and the least distance from UTC that the zone has around the span.
func (t *Telsam) offsets(from, to time.Time) (east, west time.Duration) {
	const day = 24 * time.Hour // more than any zone is from UTC
	for i, at := range []time.Time{from.Add(-day), from, to, to.Add(day)} {
		_, seconds := at.In(t.cfg.Zone).Zone()
		d := time.Duration(seconds) * time.Second
		if i == 0 {
			east, west = d, d
		}
		east, west = max(east, d), min(west, d)
	}
	return east, west
}

func (t *Telsam) inBounds(wall, from, to time.Time) bool {
	switch t.cfg.Bounds {
	case BoundsMinute:
		to = to.Add(time.Minute - time.Second)
	case BoundsOpen:
		from, to = from.Add(time.Second), to.Add(-time.Second)
	}
	return !wall.Before(from) && !wall.After(to)
}

// wall is what the PBX's clock shows at the true time u, cut to seconds, as if it were UTC.
func (t *Telsam) wall(u time.Time) time.Time {
	u = u.Add(t.cfg.Skew)
	_, east := u.In(t.cfg.Zone).Zone()
	return u.Add(time.Duration(east) * time.Second).UTC().Truncate(time.Second)
}

// concerns tells whether number, or the end of one, is on either side of c. An empty number is on all.
func (t *Telsam) concerns(c *Call, number string) bool {
	return number == "" || strings.HasSuffix(t.src(c), number) || strings.HasSuffix(t.cdrDst(c), number)
}

func (t *Telsam) cdrRow(b []byte, q request, c *Call, rec record, now time.Time, userfields bool) []byte {
	date, lasted := t.calldate(q, c), t.duration(c)
	if now.Before(rec.readable) {
		date, lasted = t.garble(c, date, lasted)
	}
	b = t.appendNumber(append(b, `{"id":`...), q, telsamID(c), true)
	b = appendField(b, ',', "calldate", date)
	b = appendField(b, ',', "calltype", telsamTypes[c.Direction].word)
	b = appendField(b, ',', "src", t.src(c))
	b = appendField(b, ',', "dst", t.cdrDst(c))
	b = appendField(b, ',', "duration", lasted)
	b = appendField(b, ',', "disposition", telsamDispositions[rec.outcome(c, now)])
	b = appendField(b, ',', "queue", queueID(c))
	b = t.appendBool(append(b, `,"record":`...), q, rec.hasRecording(now))
	if userfields {
		b = appendField(b, ',', "userfield", t.userfield(c))
	}
	return append(b, '}')
}

// telsamDispositions knows the outcomes that the vendor tells apart. What a menu or a queue alone picked up is not
// answered.
var telsamDispositions = map[events.Outcome]string{
	events.Answered: "ANSWERED", events.NoAnswer: "NO ANSWER", events.Busy: "BUSY", events.Failed: "FAILED",
}

func queueID(c *Call) string {
	if c.Queue == nil {
		return ""
	}
	return c.Queue.ID
}

func (t *Telsam) calldate(q request, c *Call) string {
	s := t.wall(c.Start).Format(telsamStamp)
	if !t.cfg.Plain && q.rng.IntN(20) == 0 {
		return strings.ReplaceAll(s, " ", "")
	}
	return s
}

// duration is the whole of the call, ringing included, so it is not 0 for a call that nobody answered. It has up to
// five decimals, always as many for one call.
func (t *Telsam) duration(c *Call) string {
	s := strconv.FormatFloat(c.End.Sub(c.Start).Seconds(), 'f', t.die(c, "decimals").of(6), 64)
	whole, decimals, _ := strings.Cut(s, ".")
	if decimals = strings.TrimRight(decimals, "0"); decimals == "" {
		return whole
	}
	return whole + "," + decimals
}

// cdrDst is who was reached: of a queue call the queue or the last telephone that rang.
func (t *Telsam) cdrDst(c *Call) string {
	switch {
	case c.Direction != events.Inbound:
		return telsamNumber(c.To)
	case c.Media == events.Fax:
		return "fax"
	case c.Queue != nil && (len(c.Rings) == 0 || t.die(c, "cdr dst").chance(0.3)):
		return c.Queue.ID
	case len(c.Transfers) > 0:
		return c.Transfers[len(c.Transfers)-1].To
	case len(c.Rings) > 0:
		return c.Rings[len(c.Rings)-1].Extension
	case c.Menu != "":
		return c.Menu
	}
	return telsamNumber(c.To)
}

func (t *Telsam) userfield(c *Call) string {
	switch {
	case c.Media == events.Fax:
		return "FAX"
	case c.Direction == events.Outbound && t.die(c, "userfield").chance(0.2):
		return "siparis " + strconv.Itoa(4000+c.N%1000)
	}
	return ""
}

// garbageRow appends a row beside the record of c that stands for no call. It is the same whenever it is asked for.
func (t *Telsam) garbageRow(b []byte, q request, c *Call) []byte {
	date, lasted := t.garble(c, t.wall(c.Start).Format(telsamStamp), "0")
	b = t.appendNumber(append(b, `{"id":`...), q, garbageIDs+c.N, true)
	b = appendField(b, ',', "calldate", date)
	b = appendField(b, ',', "calltype", telsamTypes[c.Direction].word)
	b = appendField(b, ',', "duration", lasted)
	b = appendField(b, ',', "disposition", "NO ANSWER")
	return append(b, '}')
}

// garble makes one of the two unreadable, beyond what a lenient reader could take for something.
func (t *Telsam) garble(c *Call, date, lasted string) (string, string) {
	dates := []string{"00.00.0000 00:00:00", "", "31.02.2024 25:61:61", "??.??.???? ??:??:??"}
	durations := []string{"NaN", "--", "1,2,3", "#DEG!"}
	d := t.die(c, "garble").of(len(dates) + len(durations))
	if d < len(dates) {
		return dates[d], lasted
	}
	return date, durations[d-len(dates)]
}
