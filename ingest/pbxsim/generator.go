package pbxsim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// generator invents calls one after another, in order of beginning. It looks at nothing but its own dice.
type generator struct {
	cfg      Config
	pbx      PBX
	rng      *rand.Rand
	fresh    time.Time // when the next call begins that follows from no other
	planned  plans
	plans    int // ever made
	calls    int // ever made
	outside  *lines
	inside   *lines
	channels channels
}

func newGenerator(c Config) *generator {
	rng := rand.New(rand.NewPCG(c.Seed, 0x63616c6c627573))
	g := &generator{cfg: c, rng: rng, pbx: newPBX(c, rng), fresh: c.Start, channels: channels{}}
	g.outside, g.inside = newLines(c.Callers), newLines(c.Extensions)
	g.arrive()
	return g
}

// arrive sets when the next fresh call begins: calls of people who know nothing of one another are a Poisson process.
func (g *generator) arrive() {
	g.fresh = g.fresh.Add(time.Duration(g.rng.ExpFloat64() * float64(time.Minute) / g.cfg.Rate))
}

// next is the earliest moment at which the next call can begin.
func (g *generator) next() time.Time {
	if g.planIsNext() {
		return g.planned[0].at
	}
	return g.fresh
}

func (g *generator) planIsNext() bool {
	return len(g.planned) > 0 && !g.planned[0].at.After(g.fresh)
}

// invent returns the next call.
func (g *generator) invent() *Call {
	for g.planIsNext() {
		if c := g.follow(heap.Pop(&g.planned).(plan)); c != nil {
			return c
		}
	}
	at := g.fresh
	g.arrive()
	return g.begin(at)
}

// begin makes a call at t that follows from no other, and perhaps plans its twin.
func (g *generator) begin(t time.Time) *Call {
	if g.chance(g.cfg.Mix.Twin) {
		g.plan(plan{at: t, why: twin})
	}
	return g.place(g.intend(t), t)
}

// follow makes the planned call, or none where the line it needs has been taken meanwhile.
func (g *generator) follow(p plan) *Call {
	switch p.why {
	case twin:
		return g.begin(p.at)
	case returned:
		if !g.outside.free(p.intent.caller, p.at) {
			return nil
		}
	}
	c := g.place(p.intent, p.at)
	if p.why == redial {
		c.Redials = p.after
	} else {
		c.Returns = p.after
	}
	return c
}

// place makes the call that is intended and settles what follows from it.
func (g *generator) place(in intent, t time.Time) *Call {
	c := g.tell(in, t)
	c.N = g.calls
	g.calls++
	c.Channel = g.channels.take(g.rng, g.channelPrefix(c), c.Start, c.End)
	g.occupy(in, c)
	g.consequences(in, c)
	return c
}

func (g *generator) channelPrefix(c *Call) string {
	if c.From.Extension != "" {
		return c.From.Extension
	}
	return c.Trunk
}

// occupy keeps the lines of c busy, so that nobody is in two calls at once while there are free lines.
func (g *generator) occupy(in intent, c *Call) {
	g.outside.hold(in.caller, c.End)
	g.inside.hold(in.desk, c.End)
	g.inside.hold(in.other, c.End)
	if by := c.AnsweredBy(); by != "" {
		g.inside.hold(g.deskOf(by), c.End)
	}
}

// consequences plans what people do about a call that reached nobody: try again soon, or be called back.
func (g *generator) consequences(in intent, c *Call) {
	if c.Answered() || in.caller == nobody && in.kind != internal {
		return
	}
	if g.chance(g.cfg.Mix.Redial) {
		at := c.End.Add(lineRest + g.soon(time.Minute-2*lineRest))
		g.outside.hold(in.caller, at) // nobody else calls by this number before the redial
		g.plan(plan{at: at, why: redial, intent: g.again(in), after: c.N})
		return
	}
	if c.Missed && g.chance(g.cfg.Mix.Returned) {
		back := intent{kind: outbound, caller: in.caller, desk: g.anyDesk(c.End), other: nobody, trunk: in.trunk}
		g.plan(plan{at: g.callsBack(c.End), why: returned, intent: back, after: c.N})
	}
}

// again is what a caller wants who tries again: mostly the same.
func (g *generator) again(in intent) intent {
	if in.queue == nil || !g.sometimes(g.cfg.Mix.Wander) {
		return in
	}
	of := g.pbx.queues(in.kind == toGroup)
	in.queue = of[g.rng.IntN(len(of))]
	return in
}

// callsBack is when somebody calls back who was missed at t.
func (g *generator) callsBack(t time.Time) time.Time {
	if g.sometimes(g.cfg.Mix.Prompt) {
		return t.Add(lineRest + g.soon(30*time.Second))
	}
	return t.Add(g.span(30*time.Second, 20*time.Minute))
}

func (g *generator) plan(p plan) {
	p.order = g.plans
	g.plans++
	heap.Push(&g.planned, p)
}

// sometimes is chance for what is 0 in most worlds: there it rolls no die, and their calls stay as they are.
func (g *generator) sometimes(p float64) bool { return p > 0 && g.chance(p) }

func (g *generator) chance(p float64) bool { return g.rng.Float64() < p }

// span returns a duration between the two, as long as calls are in this world.
func (g *generator) span(from, to time.Duration) time.Duration {
	return time.Duration(g.cfg.Scale * float64(g.between(from, to)))
}

// soon returns a duration up to most, shorter where calls are shorter than in life, but never longer.
func (g *generator) soon(most time.Duration) time.Duration {
	return time.Duration(min(1, g.cfg.Scale) * float64(g.between(0, most)))
}

func (g *generator) between(from, to time.Duration) time.Duration {
	return from + time.Duration(g.rng.Float64()*float64(to-from))
}
