package pbxsim

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/callbus/callbus/events"
)

const bulutfonStamp = "2006-01-02T15:04:05-07:00"

// cdrs answers a question for the list at address.
func (b *Bulutfon) cdrs(q request, ask url.Values, address string) reply {
	now := b.clock()
	p, ok1 := bulutfonPaging(ask)
	from, ok2 := b.since(ask.Get("time_limit"), now)
	order, ok3 := b.order(ask.Get("order"))
	wanted, ok4 := b.filter(ask, now)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return bulutfonError(http.StatusBadRequest, "")
	}
	list := newRows(2 * p.limit)
	for _, e := range b.entries(&p, from, now, order, wanted) {
		row := b.row(e, now)
		list.add(func(text []byte) []byte {
			o := object{text: text}
			row.appendTo(&o)
			return o.closed()
		})
	}
	if q.fault == CountMismatch {
		b.trouble.note(q.fault)
		p, list = p.mismatch(q, list)
	}
	return bulutfonList(p, list, address)
}

// bulutfonList names the pages beside this one by page alone: credentials, limit and filters are gone, as in the
// vendor's document.
func bulutfonList(p paging, list *rows, address string) reply {
	text := make([]byte, 0, len(list.text)+320)
	text = append(text, `{"cdrs":[`...)
	text = append(text, list.text...)
	o := object{text: append(text, `],"pagination":`...)}
	o.number("page", p.page)
	o.number("total_count", p.total)
	o.number("total_pages", p.pages())
	o.number("limit", p.limit)
	o.strOrNull("previous_page", neighbour(p, p.page-1, address))
	o.strOrNull("next_page", neighbour(p, p.page+1, address))
	return reply{http.StatusOK, jsonType, append(o.closed(), '}')}
}

func neighbour(p paging, page int, address string) string {
	if page < 1 || page > p.pages() {
		return ""
	}
	return address + "?page=" + strconv.Itoa(page)
}

// bulutfonRow is a record, each value as JSON. What is "" the record does not have.
type bulutfonRow struct {
	uuid, media, direction string
	caller, callee         string
	extension, price       string // of calls to the outside
	began, answered, ended string
	missed                 string
	recording              string
	cause, state           string
}

func (b *Bulutfon) row(e entry, now time.Time) bulutfonRow {
	if e.garbage {
		return b.garbageRow(e.call)
	}
	c, rec := e.call, b.record(e.call)
	told := rec.told(c, now)
	cause, state, _ := b.hangup(told)
	row := bulutfonRow{
		uuid: quoted(b.names.of(c)), media: quoted(string(c.Media)), direction: quoted(bulutfonDirections[c.Direction]),
		caller: b.callerJSON(c), callee: b.numberJSON(c, b.callee(c)), began: b.stamp(told.Start), ended: b.stamp(told.End),
		answered: b.stampOrNull(b.pickedUp(told)), recording: b.recording(c, rec, now), cause: quoted(cause), state: quoted(state),
	}
	if b.saysMissed(c) {
		row.missed = strconv.FormatBool(told.Missed)
	}
	if c.Direction == events.Outbound {
		row.extension, row.price = b.extension(c), b.price(told)
	}
	if now.Before(rec.readable) {
		b.garble(c, &row)
	}
	return row
}

var bulutfonDirections = map[events.Direction]string{events.Inbound: "IN", events.Outbound: "OUT", events.Internal: "LOCAL"}

// garbageRow stands beside the record of c for no call. It is the same whenever it is asked for.
func (b *Bulutfon) garbageRow(c *Call) bulutfonRow {
	row := bulutfonRow{
		uuid: quoted(b.names.garbage(c)), media: `"voice"`, direction: `"IN"`, caller: "null", callee: "null",
		began: b.stamp(c.Start), answered: "null", ended: b.stamp(c.Start), recording: `"NO"`, cause: "null", state: "null",
	}
	b.garble(c, &row)
	return row
}

// garble makes a record unreadable beyond repair: its start, which its UUID does not tell either (see naming.clocked),
// or its end, for which there is nothing else.
func (b *Bulutfon) garble(c *Call, row *bulutfonRow) {
	stamps := []string{`"0000-00-00T00:00:00+03:00"`, `"2024-13-41T25:61:61+03:00"`, `"Invalid date"`, `"#DEG!"`}
	bad := stamps[b.die(c, "garbled stamp").of(len(stamps))]
	if b.die(c, "garble").chance(0.5) {
		row.began = bad
		return
	}
	row.ended = bad
}

func (r *bulutfonRow) appendTo(o *object) {
	for _, m := range [...]struct{ name, value string }{
		{"uuid", r.uuid}, {"bf_calltype", r.media}, {"direction", r.direction}, {"caller", r.caller}, {"callee", r.callee},
		{"extension", r.extension}, {"call_time", r.began}, {"answer_time", r.answered}, {"hangup_time", r.ended},
		{"missing_call", r.missed}, {"call_price", r.price}, {"call_record", r.recording},
		{"hangup_cause", r.cause}, {"hangup_state", r.state},
	} {
		if m.value != "" {
			o.raw(m.name, m.value)
		}
	}
}

// quoted is for text that needs no escaping.
func quoted(text string) string { return `"` + text + `"` }

func (b *Bulutfon) stamp(t time.Time) string {
	return quoted(t.Add(b.cfg.Skew).In(b.cfg.Zone).Format(bulutfonStamp))
}

func (b *Bulutfon) stampOrNull(t time.Time) string {
	if t.IsZero() {
		return "null"
	}
	return b.stamp(t)
}

// pickedUp is when anything answered: a menu and a queue do at once.
func (b *Bulutfon) pickedUp(told *Call) time.Time {
	if told.machinePickedUp() {
		return told.Start
	}
	return told.Answer
}

// callerJSON is a number; nothing, in one form or another, when it is withheld.
func (b *Bulutfon) callerJSON(c *Call) string {
	if number := b.caller(c); number != "" {
		return b.numberJSON(c, number)
	}
	if !b.cfg.Plain && b.die(c, "withheld").chance(0.3) {
		return `""`
	}
	return "null"
}

// numberJSON is a number, though now and then in quotes.
func (b *Bulutfon) numberJSON(c *Call, digits string) string {
	if !b.cfg.Plain && b.die(c, "number as text").chance(0.1) {
		return quoted(digits)
	}
	return digits
}

// extension is that of the caller, or the number of the line again, as in the document's examples.
func (b *Bulutfon) extension(c *Call) string {
	digits := b.caller(c)
	if !b.cfg.Plain && b.die(c, "extension").chance(0.5) {
		digits = bulutfonExtension(c.From.Extension)
	}
	if b.saysMissed(c) {
		return quoted(digits)
	}
	return digits
}

// price is so much a second of talk.
func (b *Bulutfon) price(told *Call) string {
	if !told.Answered() {
		return "null"
	}
	amount := told.End.Sub(told.Answer).Seconds() * 0.00143
	if b.saysMissed(told) {
		return quoted(strconv.FormatFloat(amount, 'f', 4, 64))
	}
	return strconv.FormatFloat(amount, 'f', 5, 64)
}

func (b *Bulutfon) recording(c *Call, rec record, now time.Time) string {
	words := [...]string{"NO", "YES", "REMOVED"}
	if !b.saysMissed(c) {
		words = [...]string{"Yok", "Var", "Silinmiş"}
	}
	switch {
	case !rec.hasRecording(now):
		return quoted(words[0])
	case removed(c, b.cfg.Retain, now):
		return quoted(words[2])
	}
	return quoted(words[1])
}
