package sinks

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"time"
)

// Status is how a pump is doing.
type Status struct {
	Name   string
	State  CircuitState
	Until  time.Time // of an open circuit: when the endpoint is tried again
	Since  time.Time // of an open or disabled circuit: since when
	Reason string    // of an open or disabled circuit

	UnderWay  int
	Lanes     int // that are used now: few after trouble
	Delivered uint64
	Failed    map[Fault]uint64 // attempts
	Retrying  int              // calls of which an event waits for its next attempt
	Parked    int              // messages that were given back because of those
	Buried    uint64           // put into the dead letters
	Lost      uint64           // aged out of the stream before they were delivered, as far as it was noticed

	Backlog int       // messages that are to be delivered, as of Looked
	Oldest  time.Time // when the oldest of them was stored; zero when there is none
	Looked  time.Time

	LastDelivered time.Time
	LastError     string
	LastErrorAt   time.Time
}

// statusBoard shows others how the pump is doing.
type statusBoard struct {
	mu sync.Mutex
	Status
}

// Status returns how p is doing. It may be called from any goroutine.
func (p *Pump) Status() Status {
	p.status.mu.Lock()
	defer p.status.mu.Unlock()
	s := p.status.Status
	s.Failed = maps.Clone(s.Failed)
	return s
}

// show shows what the pump's fields say.
func (p *Pump) show() {
	b := &p.status
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Name, b.State, b.UnderWay, b.Lanes, b.Parked = p.cfg.Name, p.circuit.State, min(p.underWay, p.limit), p.limit, p.parked
	b.Until, b.Since, b.Reason = time.Time{}, time.Time{}, ""
	if p.circuit.State != Closed {
		b.Until, b.Since, b.Reason = p.circuit.Until, p.circuit.Since, p.circuit.Reason
	}
}

func (b *statusBoard) delivered(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Delivered++
	b.LastDelivered = now
}

func (b *statusBoard) failed(now time.Time, e *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Failed == nil {
		b.Failed = map[Fault]uint64{}
	}
	b.Failed[e.Fault]++
	b.LastError, b.LastErrorAt = e.Error(), now
}

func (b *statusBoard) retrying(more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if more {
		b.Retrying++
	} else {
		b.Retrying--
	}
}

func (b *statusBoard) buried() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Buried++
}

func (b *statusBoard) lost(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Lost += uint64(n)
}

func (b *statusBoard) backlog(now time.Time, n int, oldest time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Backlog, b.Oldest, b.Looked = n, oldest, now
}

// Pause stops deliveries until Enable: see [SetPaused].
func (p *Pump) Pause(ctx context.Context, why string) error {
	defer p.lookSoon()
	return SetPaused(ctx, p.cfg.Backlog, why)
}

// Enable lets the pump deliver again, or try at once: see [SetEnabled].
func (p *Pump) Enable(ctx context.Context) error {
	defer p.lookSoon()
	return SetEnabled(ctx, p.cfg.Backlog)
}

func (p *Pump) lookSoon() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// look asks the backlog how large it is and what somebody wants of the sink.
func (p *Pump) look() {
	if p.looking || p.stopping {
		return
	}
	p.looking = true
	asked := time.Now()
	var n int
	var oldest time.Time
	var state map[string][]byte
	c := &chore{what: "ask how large the backlog is", once: true}
	c.do = func(w *writer) (err error) {
		if n, oldest, err = p.cfg.Backlog.Size(w.ctx); err != nil {
			return err
		}
		state, err = p.cfg.Backlog.State(w.ctx)
		return err
	}
	c.then = func(now time.Time) {
		p.looking = false
		if c.err != nil {
			p.cfg.Log.Debug("the bus does not say how large the backlog is", "error", c.err)
			return
		}
		p.status.backlog(now, n, oldest)
		if !p.counted {
			p.counted = true
			p.catchUp(n)
		}
		p.heed(controlFrom(state[controlKey]), now)
		p.passOverLost(asked, n, oldest, now)
	}
	p.do(c)
}

// heed does what somebody wants, once.
func (p *Pump) heed(want control, now time.Time) {
	if want != p.heeded {
		p.heeded = want
		p.turn(p.circuit.under(now, want), now)
	}
}

// passOverLost lets go of messages that were given back and are no longer in the stream: the oldest that is there is
// younger. Others of their calls would wait for them for ever.
func (p *Pump) passOverLost(asked time.Time, n int, oldest, now time.Time) {
	overdue := asked.Add(-2 * MessageWait)
	for _, c := range p.calls {
		lost := 0
		for lost < len(c.away) && !c.busy && c.active == nil && c.next.Before(overdue) {
			a := c.away[lost]
			if n > 0 && !oldest.After(a.stored) || !a.left.Before(overdue) {
				break
			}
			lost++
		}
		if lost > 0 {
			p.passOver(c, lost, now)
		}
	}
}

func (p *Pump) passOver(c *call, lost int, now time.Time) {
	before := c.keptAway()
	c.away = append([]away(nil), c.away[lost:]...)
	c.kept -= before - c.keptAway()
	p.pardon(c)
	p.status.lost(lost)
	p.cfg.Log.Error("events aged out of the stream before they could be delivered", "events", lost)
	c.next, c.busy = time.Time{}, true
	key, text := retryKey(c.key), []byte(nil)
	if c.kept > 0 {
		text = entryOf(c, p.budget, nil)
	}
	p.do(&chore{
		what: "forget events that aged out of the stream",
		do:   func(w *writer) error { return w.set(key, text) },
		then: func(now time.Time) { c.busy = false; p.settle(c, now) },
	})
	p.count(c)
}

func (c circuit) text() []byte {
	text, _ := json.Marshal(c) // nothing in it can fail
	return text
}

// toldEvery is how often somebody is told of an outage that lasts.
const toldEvery = 24 * time.Hour

// sayTurn tells somebody of what became of the circuit: aloud of what only a person can mend.
func (p *Pump) sayTurn(before circuit, now time.Time) {
	c, log := p.circuit, p.cfg.Log
	switch {
	case c.State == Closed && before.State == Half:
		log.Info("the endpoint takes events again", "after", now.Sub(before.Since).Round(time.Second))
	case c.State == Disabled && before.State != Disabled:
		log.Error("the sink is disabled; its backlog stays; switch it on again by callbus sinks enable", "reason", c.Reason)
	case c.State == Open && c.Fault == Pause && c.Until.Sub(now) > time.Hour && !c.Until.Equal(before.Until):
		log.Error("the endpoint asks to be left alone for long", "until", c.Until, "reason", c.Reason)
	case c.isOutage() && (c.Fault == OfEndpoint || c.Fault == OfEvent) && c.Told.IsZero():
		log.Error("the endpoint takes nothing until somebody mends it; the backlog waits", "reason", c.Reason, "next try", c.Until)
		p.circuit.Told = now
	case c.isOutage() && before.State == Closed:
		log.Warn("the endpoint fails; the backlog waits", "reason", c.Reason, "next try", c.Until)
	}
}

// tell tells somebody again of an outage that lasts.
func (p *Pump) tell(now time.Time) {
	if c := p.circuit; c.isOutage() && now.Sub(later(c.Since, c.Told)) >= toldEvery {
		p.cfg.Log.Error("the endpoint still takes nothing; the backlog waits", "since", c.Since, "reason", c.Reason, "next try", c.Until)
		p.circuit.Told, p.unsaved = now, true
	}
}
