package pbxsim

import (
	"fmt"
	"time"

	"github.com/callbus/callbus/events"
)

func (t *Telsam) activeCalls(q request) reply {
	now := t.clock()
	calls := t.world.Active(now)
	if len(calls) > 0 && t.trouble.emptyNow(q) {
		return t.list(q, &rows{})
	}
	list := newRows(len(calls))
	for _, c := range calls {
		list.add(func(b []byte) []byte { return t.activeRow(b, q, c, now) })
	}
	return t.list(q, list)
}

// activeRow appends the one row of a call, whatever channels it has.
func (t *Telsam) activeRow(b []byte, q request, c *Call, now time.Time) []byte {
	b = appendField(b, '{', "channel", telsamChannel(c))
	b = appendField(b, ',', "duration", t.runningFor(q, c, now))
	b = appendField(b, ',', "calltype", t.activeType(c))
	b = appendField(b, ',', "callinfo", t.callInfo(c, now))
	b = appendField(b, ',', "src", t.src(c))
	b = appendField(b, ',', "dst", t.activeDst(c, now))
	return append(b, '}')
}

// runningFor is cut to seconds, and wobbles: the vendor reads the clock more than once for a list.
func (t *Telsam) runningFor(q request, c *Call, now time.Time) string {
	wobble := time.Duration((q.rng.Float64() - 0.5) * float64(t.cfg.Jitter))
	d := max(0, now.Sub(c.Start)+wobble)
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// activeType names the queue, or says little or nothing.
func (t *Telsam) activeType(c *Call) string {
	switch {
	case t.die(c, "calltype").chance(0.1):
		return ""
	case c.Queue != nil:
		return "Kuyruk(" + c.Queue.ID + ")"
	case c.Menu != "" || c.Media == events.Fax:
		return ""
	}
	return "Dahili"
}

// callInfo is the vendor's word for the phase. Its list of words is not published: those for a menu, a hold and a
// transfer are ours, and whoever reads them must take an unknown word as no more than "in progress".
func (t *Telsam) callInfo(c *Call, now time.Time) string {
	switch c.Phase(now) {
	case InMenu:
		return "Karşılama"
	case InQueue:
		return "Bekliyor"
	case Ringing:
		return "Çalıyor"
	}
	if t.transferring(c, now) {
		return "Aktarılıyor"
	}
	if t.die(c, "hold"+now.Truncate(10*time.Second).Format("150405")).chance(0.03) {
		return "Beklemede"
	}
	return "Konuşuyor"
}

func (t *Telsam) transferring(c *Call, now time.Time) bool {
	for _, tr := range c.Transfers {
		if d := tr.At.Sub(now); d >= 0 && d < 2*time.Second {
			return true
		}
	}
	return false
}

// activeDst shows the extension that talks or rings. Of queue calls, some systems show the queue until somebody
// answers, some the member who is rung, some the queue to the end.
func (t *Telsam) activeDst(c *Call, now time.Time) string {
	if c.Direction != events.Inbound {
		return t.dialled(c)
	}
	desk, talking := c.Desk(now), c.Phase(now) == Talking
	switch style := t.die(c, "dst").of(4); {
	case c.Phase(now) == InMenu:
		return c.Menu
	case c.Media == events.Fax:
		return "fax"
	case c.Queue != nil && (desk == "" || style == 0 || style == 1 && !talking):
		return c.Queue.ID
	case desk == "":
		return telsamNumber(c.To)
	}
	return desk
}

// dialled is what was called from inside, now and then as it was dialled.
func (t *Telsam) dialled(c *Call) string {
	if c.Direction == events.Outbound && t.die(c, "dialled").chance(0.1) {
		return "0" + c.To.Number[len("+90"):]
	}
	return telsamNumber(c.To)
}

// src is the caller. For one who hides the number there is no common word.
func (t *Telsam) src(c *Call) string {
	if c.From == (Party{}) {
		return []string{"anonymous", "", "Gizli"}[t.die(c, "withheld").of(3)]
	}
	return telsamNumber(c.From)
}

// telsamNumber writes numbers with country code and without +.
func telsamNumber(p Party) string {
	if p.Extension != "" {
		return p.Extension
	}
	return p.Number[1:]
}

func (t *Telsam) die(c *Call, matter string) die { return dieOf(t.world.cfg.Seed, c.N, matter) }
