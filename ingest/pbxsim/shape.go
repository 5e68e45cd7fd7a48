package pbxsim

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/callbus/callbus/events"
)

type kind int

const (
	toQueue kind = iota
	toGroup
	direct
	fax
	outbound
	internal
)

// intent is what somebody wants when they pick up the telephone. The same intent may be tried again, with other luck.
type intent struct {
	kind   kind
	caller int // the line outside, also of the one who is called from inside; or nobody
	desk   int // the extension that is called, or that calls; or nobody
	other  int // of an internal call, the extension that is called; or nobody
	trunk  int
	queue  *Queue
	menu   bool
}

// intend rolls what the next caller wants.
func (g *generator) intend(t time.Time) intent {
	in := intent{kind: g.kind(), caller: nobody, desk: nobody, other: nobody, trunk: g.rng.IntN(len(g.pbx.Trunks))}
	if in.kind == outbound || in.kind != internal && !g.chance(g.cfg.Mix.Withheld) {
		in.caller = g.outside.pick(g.rng, t)
	}
	switch in.kind {
	case toQueue, toGroup:
		of := g.pbx.queues(in.kind == toGroup)
		in.queue = of[g.rng.IntN(len(of))]
		in.menu = in.kind == toQueue && g.chance(g.cfg.Mix.Menu)
	case direct, outbound:
		in.desk = g.anyDesk(t)
	case internal:
		in.desk = g.anyDesk(t)
		in.other = g.otherDesk(t, in.desk)
	}
	return in
}

func (g *generator) kind() kind {
	m := g.cfg.Mix
	weights := [...]float64{toQueue: m.Queue, toGroup: m.Group, direct: m.Direct, fax: m.Fax, outbound: m.Outbound, internal: m.Internal}
	var sum float64
	for _, w := range weights {
		sum += w
	}
	at := g.rng.Float64() * sum
	for k, w := range weights {
		if at -= w; at < 0 {
			return kind(k)
		}
	}
	return toQueue
}

// tell is the story of one attempt at in: what happens from start to end.
func (g *generator) tell(in intent, t time.Time) *Call {
	c := &Call{Start: t, Media: events.Voice, Redials: -1, Returns: -1}
	g.parties(in, c)
	switch in.kind {
	case toQueue:
		g.throughQueue(in, c)
	case toGroup:
		g.throughGroup(in, c)
	case fax:
		g.byFax(c)
	default:
		g.toOne(in, c)
	}
	if g.chance(g.cfg.Mix.Short) {
		c.squeeze(g.between(500*time.Millisecond, 2*time.Second))
	}
	return c
}

func (g *generator) parties(in intent, c *Call) {
	trunk := g.pbx.Trunks[in.trunk]
	switch in.kind {
	case outbound:
		c.Direction, c.Trunk = events.Outbound, trunk.Name
		c.From, c.To = g.deskParty(in.desk), outsideParty(in.caller)
	case internal:
		c.Direction = events.Internal
		c.From, c.To = g.deskParty(in.desk), g.deskParty(in.other)
	default:
		c.Direction, c.Trunk = events.Inbound, trunk.Name
		c.From, c.To = outsideParty(in.caller), Party{Number: trunk.DID}
	}
}

// throughQueue lets the caller wait, perhaps after a menu, while members are rung one after another.
func (g *generator) throughQueue(in intent, c *Call) {
	answered := g.chance(g.cfg.Mix.Answered)
	t := c.Start
	if in.menu {
		c.Menu = g.pbx.Menus[g.rng.IntN(len(g.pbx.Menus))]
		t = t.Add(g.span(2*time.Second, 12*time.Second))
		c.MenuUntil = t
		if !answered && g.chance(0.25) {
			g.giveUp(c, t, InMenu)
			return
		}
	}
	c.Queue = in.queue
	if g.chance(0.5) {
		t = t.Add(g.span(0, 20*time.Second))
	}
	for range 1 + g.rng.IntN(3) {
		t = g.ring(c, t, g.member(in.queue, t), g.span(3*time.Second, 14*time.Second))
	}
	g.decide(c, t, answered, InQueue)
}

// throughGroup rings every member at once. The last of Rings is the one who answers, if any does: the order of the
// others is the group's.
func (g *generator) throughGroup(in intent, c *Call) {
	c.Queue = in.queue
	lasts, last := g.span(2*time.Second, 25*time.Second), g.member(in.queue, c.Start)
	for _, m := range in.queue.Members {
		if m != last {
			g.ring(c, c.Start, m, lasts)
		}
	}
	g.decide(c, g.ring(c, c.Start, last, lasts), g.chance(g.cfg.Mix.Answered), Ringing)
}

func (g *generator) byFax(c *Call) {
	c.Media = events.Fax
	c.Answer = c.Start.Add(g.span(time.Second, 4*time.Second))
	c.End = c.Answer.Add(g.span(20*time.Second, 2*time.Minute))
	c.Outcome, c.Hangup = events.Answered, events.ByCaller
}

// toOne is a call to one telephone, inside or outside.
func (g *generator) toOne(in intent, c *Call) {
	answered := g.chance(g.cfg.Mix.Answered)
	switch luck := g.rng.Float64(); {
	case !answered && luck < g.cfg.Mix.Busy:
		g.refuse(c, events.Busy, g.span(time.Second, 6*time.Second))
		return
	case !answered && luck < g.cfg.Mix.Busy+g.cfg.Mix.Failed:
		g.refuse(c, events.Failed, g.failsAfter())
		return
	}
	t := c.Start.Add(g.span(2*time.Second, 25*time.Second))
	if desk := g.rungDesk(in); desk != "" {
		t = g.ring(c, c.Start, desk, t.Sub(c.Start))
	}
	g.decide(c, t, answered, Ringing)
}

// failsAfter is 0 for half of the calls that fail: they are never seen active.
func (g *generator) failsAfter() time.Duration {
	if g.chance(0.5) {
		return 0
	}
	return g.span(0, 4*time.Second)
}

func (g *generator) rungDesk(in intent) string {
	switch in.kind {
	case direct:
		return g.pbx.Extensions[in.desk].Number
	case internal:
		return g.pbx.Extensions[in.other].Number
	}
	return ""
}

func (g *generator) refuse(c *Call, why events.Outcome, after time.Duration) {
	c.End = c.Start.Add(after)
	c.unanswered(Ringing)
	c.Outcome, c.Hangup = why, events.BySystem
}

// ring lets one telephone ring for d from t, and returns when it stops.
func (g *generator) ring(c *Call, t time.Time, extension string, d time.Duration) time.Time {
	c.Rings = append(c.Rings, Ring{Extension: extension, From: t, To: t.Add(d)})
	return t.Add(d)
}

// decide lets the telephone that rang last be picked up at t, or the caller give up.
func (g *generator) decide(c *Call, t time.Time, answered bool, where Phase) {
	if !answered {
		g.giveUp(c, t, where)
		return
	}
	if len(c.Rings) > 0 {
		c.Rings[len(c.Rings)-1].Answered = true
	}
	c.Answer, c.Outcome = t, events.Answered
	c.End = t.Add(g.talk())
	c.Hangup = events.ByCaller
	if g.chance(0.4) {
		c.Hangup = events.ByCallee
	}
	g.transfer(c)
}

func (g *generator) giveUp(c *Call, t time.Time, where Phase) {
	c.End = t
	c.unanswered(where)
	c.Hangup = events.ByCaller
}

// talk is how long people talk: mostly a minute or two, sometimes much longer (log-normal), now and then for hours.
func (g *generator) talk() time.Duration {
	if g.chance(g.cfg.Mix.Long) {
		return g.span(time.Hour, 5*time.Hour)
	}
	seconds := min(max(80*math.Exp(g.rng.NormFloat64()), 8), 2400)
	return time.Duration(g.cfg.Scale * seconds * float64(time.Second))
}

func (g *generator) transfer(c *Call) {
	if c.Direction != events.Inbound || !g.chance(g.cfg.Mix.Transfer) {
		return
	}
	at := c.Answer.Add(time.Duration((0.2 + 0.6*g.rng.Float64()) * float64(c.End.Sub(c.Answer))))
	to := g.otherDesk(at, g.deskOf(c.AnsweredBy()))
	c.Transfers = append(c.Transfers, Transfer{At: at, To: g.pbx.Extensions[to].Number})
}

// member returns a member of q who is free, or the last tried when none is found.
func (g *generator) member(q *Queue, t time.Time) string {
	first := g.rng.IntN(len(q.Members))
	for i := range q.Members {
		if m := q.Members[(first+i)%len(q.Members)]; g.inside.free(g.deskOf(m), t) {
			return m
		}
	}
	return q.Members[first]
}

func (g *generator) anyDesk(t time.Time) int { return g.inside.pick(g.rng, t) }

func (g *generator) otherDesk(t time.Time, than int) int {
	if at := g.anyDesk(t); at != than {
		return at
	}
	return (than + 1) % len(g.pbx.Extensions)
}

func (g *generator) deskOf(extension string) int {
	n, _ := strconv.Atoi(extension)
	return n - firstExtension(len(g.pbx.Extensions))
}

func (g *generator) deskParty(i int) Party {
	e := g.pbx.Extensions[i]
	return Party{Extension: e.Number, Name: e.Name}
}

// outsideParty is the person at an outside line. Nobody has these numbers.
func outsideParty(i int) Party {
	if i == nobody {
		return Party{}
	}
	return Party{Number: fmt.Sprintf("+90500%07d", i)}
}
