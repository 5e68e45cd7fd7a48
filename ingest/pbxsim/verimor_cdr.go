package pbxsim

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

const verimorStamp = "2006-01-02 15:04:05 -0700"

func (v *Verimor) cdrs(q request, ask url.Values) reply {
	if q.fault == Refused {
		return v.refuse(q)
	}
	now := v.clock()
	from, to, wrong := v.span(ask, now)
	if wrong != "" {
		return verimorText(http.StatusBadRequest, wrong)
	}
	p := verimorPaging(ask)
	list := v.rows(v.entries(&p, from, to, now, v.filter(ask, now)), now)
	if q.fault == CountMismatch {
		v.trouble.note(q.fault)
		p, list = p.mismatch(q, list)
	}
	return verimorList(p, list)
}

func verimorList(p paging, list *rows) reply {
	b := make([]byte, 0, len(list.text)+128)
	b = append(b, `{"cdrs":[`...)
	b = append(b, list.text...)
	o := object{text: append(b, `],"pagination":`...)}
	o.number("page", p.page)
	o.number("total_count", p.total)
	o.number("total_pages", p.pages())
	o.number("limit", p.limit)
	return reply{http.StatusOK, jsonType, append(o.closed(), '}')}
}

// rows are the records of a page, in its order.
func (v *Verimor) rows(entries []entry, now time.Time) *rows {
	list, returns := newRows(2*len(entries)), v.returnsOf(entries, now)
	for _, e := range entries {
		row := v.garbageRow(e.call)
		if !e.garbage {
			row = v.row(e.call, returns[e.call.N], now)
		}
		list.add(row.appendTo)
	}
	return list
}

// returnsOf returns the call that returned it for each call of the page that was missed and returned by now.
func (v *Verimor) returnsOf(entries []entry, now time.Time) map[int]*Call {
	var since time.Time
	for _, e := range entries {
		if e.call.Missed && (since.IsZero() || e.call.End.Before(since)) {
			since = e.call.End
		}
	}
	if since.IsZero() {
		return nil
	}
	return firstReturns(v.world.Began(since, now))
}

// verimorRow is a record as text. What is "" is null, where the vendor has null.
type verimorRow struct {
	start, answer, end    string
	total, talk           string
	waited                string // JSON
	direction             string
	caller, callerName    string
	destination, destName string
	queue                 string
	result                string
	missed                string // JSON
	returnUUID            string
	recording             string
	hungUpBy              string
	uuid                  string
}

func (v *Verimor) row(c *Call, back *Call, now time.Time) verimorRow {
	rec := v.record(c)
	told := rec.told(c, now)
	row := verimorRow{
		start: v.stamp(told.Start), answer: v.answerStamp(told), end: v.stamp(told.End),
		total: v.clockText(c, "total", v.seconds(told.Start, told.End)), talk: v.clockText(c, "talk", v.talked(told)),
		waited: v.waited(told), direction: v.direction(c), caller: v.caller(c), callerName: v.callerName(c),
		destination: v.destination(c), destName: v.destinationName(told), queue: queueID(c), missed: v.missed(told),
		recording: v.recording(c, rec, now), hungUpBy: verimorHangup(told), uuid: v.names.of(c),
	}
	row.result, _ = v.result(told)
	if m := v.mark(c, rec, back); m != nil && !now.Before(m.At) {
		row.returnUUID = m.CallID
	}
	if now.Before(rec.readable) {
		v.garble(c, &row)
	} else if v.die(c, "defect").chance(v.cfg.Defects) {
		v.misprint(c, &row)
	}
	return row
}

// garbageRow stands beside the record of c for no call. It is the same whenever it is asked for.
func (v *Verimor) garbageRow(c *Call) verimorRow {
	row := verimorRow{start: v.stamp(c.Start), waited: `"00:00:00"`, missed: `"true"`, recording: "false", uuid: v.names.garbage(c)}
	v.garble(c, &row)
	return row
}

// garble makes a record unreadable beyond repair: the start and what it could be worked out from, or the end likewise.
// Its UUID tells no time (see naming.clocked).
func (v *Verimor) garble(c *Call, row *verimorRow) {
	stamps := []string{"0000-00-00 00:00:00 +0300", "????-??-?? ??:??:??", "2024-13-41 25:61:61 +0300", "#DEG!"}
	bad := stamps[v.die(c, "garbled stamp").of(len(stamps))]
	switch v.die(c, "garble").of(3) {
	case 0:
		row.start, row.total = bad, "--:--:--"
	case 1:
		row.start, row.end = bad, bad
	default:
		row.end, row.total, row.talk = bad, "--:--:--", "--:--:--"
	}
}

// misprint spoils a stamp as the document's own examples are: a digit of the year, or of the offset, is missing.
func (v *Verimor) misprint(c *Call, row *verimorRow) {
	stamp := &row.end
	if v.die(c, "misprinted stamp").chance(0.5) {
		stamp = &row.start
	}
	if v.die(c, "misprint").chance(0.5) {
		*stamp = (*stamp)[1:]
		return
	}
	*stamp = (*stamp)[:len(*stamp)-1]
}

func (r *verimorRow) appendTo(b []byte) []byte {
	o := object{text: b}
	o.str("start_stamp", r.start)
	o.str("direction", r.direction)
	o.str("caller_id_number", r.caller)
	o.str("caller_id_name", r.callerName)
	o.str("destination_number", r.destination)
	o.str("destination_name", r.destName)
	o.str("duration", r.total)
	o.str("talk_duration", r.talk)
	o.raw("queue_wait_seconds", r.waited)
	o.strOrNull("queue", r.queue)
	o.str("result", r.result)
	o.raw("missed", r.missed)
	o.strOrNull("return_uuid", r.returnUUID)
	o.str("recording_present", r.recording)
	o.strOrNull("sip_hangup_disposition", r.hungUpBy)
	o.str("call_uuid", r.uuid)
	o.strOrNull("answer_stamp", r.answer)
	o.str("end_stamp", r.end)
	return o.closed()
}

func (v *Verimor) stamp(t time.Time) string {
	return t.Add(v.cfg.Skew).In(v.cfg.Zone).Format(verimorStamp)
}

// seconds is the time between two stamps, which are cut to seconds.
func (v *Verimor) seconds(from, to time.Time) int {
	return int(to.Add(v.cfg.Skew).Unix() - from.Add(v.cfg.Skew).Unix())
}

// clockText writes seconds as hours, minutes and seconds; now and then without the zeros in front, as the document
// does once.
func (v *Verimor) clockText(c *Call, matter string, seconds int) string {
	layout := "%02d:%02d:%02d"
	if !v.cfg.Plain && v.die(c, matter+" unpadded").chance(0.03) {
		layout = "%02d:%d:%02d"
	}
	return fmt.Sprintf(layout, seconds/3600, seconds/60%60, seconds%60)
}

// machineAnswers tells whether the record of an unanswered call says that something picked it up. Menus do; queues are
// set up in two ways.
func (v *Verimor) machineAnswers(told *Call) bool {
	return !told.Answered() && told.machinePickedUp() && (told.Menu != "" || v.die(told, "queue answers").chance(0.5))
}

func (v *Verimor) answerStamp(told *Call) string {
	switch {
	case told.Answered():
		return v.stamp(told.Answer)
	case v.machineAnswers(told):
		return v.stamp(told.Start)
	}
	return ""
}

// talked counts what a caller heard of a menu or a queue as well, where nobody else answered.
func (v *Verimor) talked(told *Call) int {
	switch {
	case told.Answered():
		return v.seconds(told.Answer, told.End)
	case v.machineAnswers(told):
		return v.seconds(told.Start, told.End)
	}
	return 0
}

// waited is text, or the number that the document had for a day.
func (v *Verimor) waited(told *Call) string {
	waited := 0
	if told.Queue != nil && !told.Queue.Group {
		until := told.End
		if told.Answered() {
			until = told.Answer
		}
		waited = max(0, v.seconds(told.queued(), until))
	}
	if !v.cfg.Plain && v.die(told, "wait as number").chance(0.2) {
		return strconv.Itoa(waited)
	}
	return `"` + v.clockText(told, "wait", waited) + `"`
}

// missed is a word, or a boolean as a newer document has it.
func (v *Verimor) missed(told *Call) string {
	word := strconv.FormatBool(told.Missed)
	if !v.cfg.Plain && v.die(told, "missed as boolean").chance(0.2) {
		return word
	}
	return `"` + word + `"`
}

func (v *Verimor) recording(c *Call, rec record, now time.Time) string {
	switch {
	case !rec.hasRecording(now):
		return "false"
	case removed(c, v.cfg.Retain, now):
		return "deleted"
	}
	return "true"
}

// direction has three words for a call to the outside: dialled on a telephone, through the API, or by a menu.
func (v *Verimor) direction(c *Call) string {
	switch c.Direction {
	case events.Inbound:
		return "Gelen"
	case events.Internal:
		return "Santral içi"
	}
	switch d := v.die(c, "outbound").share(); {
	case d < 0.1:
		return "Giden (API)"
	case d < 0.13:
		return "Giden (IVR)"
	}
	return "Giden"
}

func (v *Verimor) caller(c *Call) string {
	if c.From == (Party{}) {
		return []string{"anonymous", ""}[v.die(c, "withheld").of(2)]
	}
	return v.number(c, c.From)
}

func (v *Verimor) destination(c *Call) string {
	if c.Direction == events.Inbound {
		return c.To.Number[1:]
	}
	return v.number(c, c.To)
}

// number writes a number of the country as it is dialled there, or with the country code; an extension as it is.
func (v *Verimor) number(c *Call, p Party) string {
	local := v.die(c, "number").chance(0.5) || v.cfg.Plain && c.Direction == events.Inbound
	switch {
	case p.Extension != "":
		return p.Extension
	case local && strings.HasPrefix(p.Number, "+90"):
		return "0" + p.Number[len("+90"):]
	}
	return p.Number[1:]
}

func (v *Verimor) callerName(c *Call) string { return c.From.Name }

// destinationName of an inbound call is the extension's that answered.
func (v *Verimor) destinationName(told *Call) string {
	if told.Direction != events.Inbound {
		return told.To.Name
	}
	return v.world.nameOf(told.AnsweredBy())
}

// nameOf returns who sits at an extension, or "".
func (w *World) nameOf(extension string) string {
	n, err := strconv.Atoi(extension)
	at := n - firstExtension(len(w.pbx.Extensions))
	if err != nil || at < 0 || at >= len(w.pbx.Extensions) {
		return ""
	}
	return w.pbx.Extensions[at].Name
}

// verimorHangup knows two sides. Of a call that the PBX itself ended it says nothing.
func verimorHangup(told *Call) string {
	switch {
	case told.Hangup == events.ByCaller:
		return "caller"
	case told.Hangup == events.ByCallee, told.Outcome == events.Busy, told.Outcome == events.Failed:
		return "callee"
	}
	return ""
}
