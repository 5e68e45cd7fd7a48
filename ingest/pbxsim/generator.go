package pbxsim

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"

	"github.com/callbus/callbus/events"
)

// generator invents calls one after another, in order of beginning. It looks at nothing but its own dice.
type generator struct {
	cfg      Config
	pbx      PBX
	rng      *rand.Rand
	fresh    time.Time // when the next call begins that follows from no other
	planned  plans
	made     int
	plannedN int
	outside  *lines
	inside   *lines
	channels channels
}

func newGenerator(c Config) *generator {
	rng := rand.New(rand.NewPCG(c.Seed, 0x63616c6c627573))
	g := &generator{cfg: c, rng: rng, pbx: newPBX(c, rng), channels: channels{}}
	g.outside, g.inside = newLines(c.Callers), newLines(c.Extensions)
	g.fresh = c.Start
	g.arrive()
	return g
}

// arrive sets when the next fresh call begins: calls of people who know nothing of one another are a Poisson process.
func (g *generator) arrive() {
	g.fresh = g.fresh.Add(time.Duration(g.rng.ExpFloat64() * float64(time.Minute) / g.cfg.Rate))
}

// next is when the next call begins.
func (g *generator) next() time.Time {
	if len(g.planned) > 0 && !g.planned[0].at.After(g.fresh) {
		return g.planned[0].at
	}
	return g.fresh
}

// invent returns the next call.
func (g *generator) invent() *Call {
	for {
		if len(g.planned) == 0 || g.planned[0].at.After(g.fresh) {
			at := g.fresh
			g.arrive()
			return g.finish(g.freshCall(at))
		}
		if c := g.follow(heap.Pop(&g.planned).(plan)); c != nil {
			return g.finish(c)
		}
	}
}
