package pbxsim

import (
	"sort"
	"sync"
	"time"
)

// World is one invented PBX and all calls through it. The calls follow from the Config alone: who asks, how often and
// for which moment changes nothing. The one way to meddle is [World.Hangup]. A World may be used concurrently.
type World struct {
	mu     sync.Mutex
	gen    *generator
	cfg    Config
	pbx    PBX
	chunks []chunk // in order of beginning; every one is full but the last
	newest time.Time
}

// chunk holds calls that began one after another. Whoever looks for active calls can skip one whose maxEnd is past;
// so a question costs what is active then, and a glance at each chunk.
type chunk struct {
	calls  []*Call
	maxEnd time.Time
}

const chunkSize = 64

// NewWorld returns the world of c. It panics when c does not validate (see [Config.Validate]).
func NewWorld(c Config) *World {
	if err := c.Validate(); err != nil {
		panic("pbxsim: " + err.Error())
	}
	c = c.withDefaults()
	g := newGenerator(c)
	return &World{gen: g, cfg: c, pbx: g.pbx}
}

// Config returns the world's settings, defaults filled in.
func (w *World) Config() Config { return w.cfg }

// PBX returns the invented exchange. It is the same for the life of the world.
func (w *World) PBX() PBX { return w.pbx }

// Active returns the calls under way at t, in order of beginning.
func (w *World) Active(t time.Time) []*Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(t)
	return w.active(t)
}

func (w *World) active(t time.Time) []*Call {
	var active []*Call
	for i := range w.chunks {
		ch := &w.chunks[i]
		if ch.calls[0].Start.After(t) {
			break
		}
		if !ch.maxEnd.After(t) {
			continue
		}
		for _, c := range ch.calls {
			if c.Active(t) {
				active = append(active, c)
			}
		}
	}
	return active
}

// Ended returns the calls that ended after from, and at to at the latest, in order of beginning.
func (w *World) Ended(from, to time.Time) []*Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(to)
	var ended []*Call
	for _, c := range append(w.active(from), w.began(from.Add(1), to)...) { // active at from, or begun since
		if c.End.After(from) && !c.End.After(to) {
			ended = append(ended, c)
		}
	}
	return ended
}

// Began returns the calls that began in the given span, both ends included, in order of beginning.
func (w *World) Began(from, to time.Time) []*Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(to)
	return w.began(from, to)
}

// Calls returns every call that began at or before until, in order of beginning.
func (w *World) Calls(until time.Time) []*Call { return w.Began(w.cfg.Start, until) }

func (w *World) began(from, to time.Time) []*Call {
	first := sort.Search(len(w.chunks), func(i int) bool {
		calls := w.chunks[i].calls
		return !calls[len(calls)-1].Start.Before(from)
	})
	var began []*Call
	for _, ch := range w.chunks[first:] {
		for _, c := range ch.calls {
			if c.Start.After(to) {
				return began
			}
			if !c.Start.Before(from) {
				began = append(began, c)
			}
		}
	}
	return began
}

// Hangup ends call n at t, as the PBX does when it is told to, and tells whether the call was under way then.
// What was already planned to follow (a redial) still follows.
func (w *World) Hangup(n int, t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(t)
	for _, ch := range w.chunks {
		if at := n - ch.calls[0].N; at >= 0 && at < len(ch.calls) && ch.calls[at].Active(t) {
			ch.calls[at] = ch.calls[at].hungUp(t)
			return true
		}
	}
	return false
}

// advance invents every call that begins at or before t.
func (w *World) advance(t time.Time) {
	if !t.After(w.newest) {
		return
	}
	w.newest = t
	for !w.gen.next().After(t) {
		w.add(w.gen.invent())
	}
	w.forget(t)
}

func (w *World) add(c *Call) {
	if len(w.chunks) == 0 || len(w.chunks[len(w.chunks)-1].calls) == chunkSize {
		w.chunks = append(w.chunks, chunk{calls: make([]*Call, 0, chunkSize)})
	}
	last := &w.chunks[len(w.chunks)-1]
	last.calls = append(last.calls, c)
	if c.End.After(last.maxEnd) {
		last.maxEnd = c.End
	}
}

// forget drops the oldest chunks once all of their calls ended longer ago than Keep.
func (w *World) forget(now time.Time) {
	if w.cfg.Keep == 0 {
		return
	}
	for len(w.chunks) > 1 && w.chunks[0].maxEnd.Before(now.Add(-w.cfg.Keep)) {
		w.chunks[0] = chunk{} // the list keeps its place in memory for a while, but not the calls
		w.chunks = w.chunks[1:]
	}
}
