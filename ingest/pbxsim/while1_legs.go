package pbxsim

import (
	"slices"
	"strconv"
	"time"

	"github.com/callbus/callbus/events"
)

// while1Leg is what one row tells of: an attempt to reach somebody, and the talk if it succeeded.
type while1Leg struct {
	from, to time.Time
	rang     time.Time // when the telephone at desk began to ring
	answer   time.Time // when a person (or the fax machine) took it; zero when none did
	desk     string    // the extension that rang; "" when it was none of ours
	picked   bool      // the queue or the menu itself picked up, and nobody else
	handed   string    // the extension to which the talk was handed on, or ""
	transfer bool      // it was handed on from another
}

// while1Legs returns the legs of c in order of beginning: one for each telephone that rang, one for whoever the call
// was handed on to, and one in front of them for the queue or menu that picked up in vain, where picked asks for it.
// There is always one, and the first begins with the call.
func while1Legs(c *Call, picked bool) []while1Leg {
	var legs []while1Leg
	if picked && !c.Answered() && (c.Menu != "" || c.Queue != nil) {
		legs = append(legs, while1Leg{from: c.Start, to: c.End, picked: true})
	}
	for _, r := range c.Rings {
		if r.Answered || r.To.After(r.From) { // it was not hung up before it rang
			legs = append(legs, ringLeg(c, r))
		}
	}
	if len(legs) == 0 {
		legs = append(legs, while1Leg{from: c.Start, to: c.End, rang: c.Start, answer: c.Answer})
	}
	legs[0].from = c.Start
	return withTransfers(c, legs)
}

func ringLeg(c *Call, r Ring) while1Leg {
	leg := while1Leg{from: r.From, to: r.To, rang: r.From, desk: r.Extension}
	if r.Answered {
		leg.to, leg.answer = c.End, c.Answer
	}
	return leg
}

func withTransfers(c *Call, legs []while1Leg) []while1Leg {
	for _, tr := range c.Transfers {
		before := &legs[len(legs)-1]
		before.to, before.handed = tr.At, tr.To
		legs = append(legs, while1Leg{from: tr.At, to: c.End, rang: tr.At, answer: tr.At, desk: tr.To, transfer: true})
	}
	return legs
}

// talked is how long people talked, rounded up to seconds as it is billed: less than one is one, so that a short talk
// can be told from none.
func (l while1Leg) talked() time.Duration {
	if l.answer.IsZero() {
		return 0
	}
	return max(time.Second, roundUp(l.to.Sub(l.answer)))
}

func roundUp(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// while1Call is a call and the life of its rows.
type while1Call struct {
	*Call
	legs     []while1Leg
	linkedid string
	rec      record // of which correction is that of all rows together

	rows     []while1Row // in the order they are written
	appears  time.Time   // from when the first is listed
	readable time.Time   // from when all are listed and can be read; until rec.readable, none can
}

// while1Row is one row: a leg of a call.
type while1Row struct {
	call     *while1Call
	leg      int // its place in the call's legs, or garbageLeg
	uniqueid string
	wall     int64 // when it began, by the PBX's clock on the wall, as if that were UTC; seconds
	written  time.Time
	visible  time.Time // when it is committed, and so listed
}

// garbageLeg is the leg of a row that stands for no call.
const garbageLeg = -1

// written returns the rows of c: when they are written, and from when they can be read. They are written together when
// the last channel of the call is gone. It is the same whenever it is asked for.
func (v *While1) written(c *Call) *while1Call {
	k := &while1Call{
		Call: c, legs: while1Legs(c, v.die(c, "picked").chance(0.5)), linkedid: v.uniqueid(c, 0, c.Start),
		rec: v.cfg.Records.of(c, v.world.cfg.Seed),
	}
	late := v.lateRow(k)
	v.writeRows(k, late)
	k.settle()
	k.correct(late)
	return k
}

// writeRows sets when each row is written. The first row has the least id of all.
func (v *While1) writeRows(k *while1Call, late int) {
	at := k.rec.appears.Add(1) // after the end of the call, not with it: see while1Log
	spread := v.die(k.Call, "spread").within(v.cfg.Spread)
	for i := range k.legs {
		k.rows = append(k.rows, v.row(k, i, at.Add(spread*time.Duration(i)/time.Duration(max(1, len(k.legs)-1)))))
	}
	if late > 0 {
		last := k.rows[len(k.rows)-1].written
		row := v.row(k, late, last.Add(v.die(k.Call, "late row by").within(v.cfg.LateRow)))
		k.rows = append(slices.Delete(k.rows, late, late+1), row)
	}
	if k.rec.garbage {
		k.rows = append(k.rows, v.row(k, garbageLeg, at))
	}
}

// lateRow is the place of the row that comes after the others, or 0 when there is none. A record that the vendor
// corrects has none: it would be corrected twice.
func (v *While1) lateRow(k *while1Call) int {
	if len(k.legs) < 2 || k.rec.correction != nil || !v.die(k.Call, "late row").chance(v.cfg.LateRowRate) {
		return 0
	}
	return 1 + v.die(k.Call, "which row").of(len(k.legs)-1)
}

// commitDelay is how much later than a row of a greater id one may be listed.
const commitDelay = time.Second

func (v *While1) row(k *while1Call, leg int, at time.Time) while1Row {
	row := while1Row{call: k, leg: leg, written: at, visible: at}
	if d := v.die(k.Call, "commit "+strconv.Itoa(leg)); d.chance(0.05) {
		row.visible = at.Add(v.die(k.Call, "commit delay "+strconv.Itoa(leg)).within(Span{0, commitDelay}))
	}
	from := row.legOf().from
	row.uniqueid, row.wall = v.uniqueid(k.Call, max(0, leg), from), v.wall(from)
	return row
}

// settle sets from when k can be read.
func (k *while1Call) settle() {
	k.appears, k.readable = k.rows[0].visible, k.rec.readable
	for _, row := range k.rows {
		if row.leg == garbageLeg {
			continue
		}
		k.appears = earliest(k.appears, row.visible)
		k.readable = latest(k.readable, row.visible)
	}
}

// correct sets when the vendor puts k right: so long after it could be read as was rolled, or when the row comes that
// was late.
func (k *while1Call) correct(late int) {
	switch c := k.rec.correction; {
	case c != nil:
		moved := *c
		moved.At = c.At.Add(k.readable.Sub(k.rec.readable))
		k.rec.correction = &moved
	case late > 0 && k.readable.After(k.rec.readable):
		k.rec.correction = &Correction{At: k.readable, Outcome: k.without(late)}
	}
}

// without is what the rows say wrongly while that of one leg is missing: that nobody answered, or nothing.
func (k *while1Call) without(leg int) events.Outcome {
	for i, l := range k.legs {
		if i != leg && !l.answer.IsZero() {
			return ""
		}
	}
	if k.legs[leg].answer.IsZero() {
		return ""
	}
	return events.NoAnswer
}

// channelsPerCall is more than any call has.
const channelsPerCall = 32

// uniqueid is the name of a channel of c: when it began by the PBX's clock, and its number.
func (v *While1) uniqueid(c *Call, channel int, began time.Time) string {
	seconds := strconv.FormatInt(began.Add(v.cfg.Skew).Unix(), 10)
	return seconds + "." + strconv.Itoa(480+channelsPerCall*c.N+2*channel)
}

// while1Channel is the vendor's name for the caller's channel while c lasts.
func while1Channel(c *Call) string { return "PJSIP/" + c.Channel }

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
