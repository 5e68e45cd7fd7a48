package sinks

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// inOrder returns all that is in hand, in the order of the stream.
func (p *Pump) inOrder() []*held {
	return slices.SortedFunc(maps.Values(p.held), func(a, b *held) int { return cmp.Compare(a.seq, b.seq) })
}

// giveUpHeld gives back what a pump that stops has in hand: first it is kept which events were tried and wait, then all is
// given back in order.
func (p *Pump) giveUpHeld() {
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	w, now := &writer{ctx: ctx, Pump: p}, time.Now()
	if !p.circuitIsKept(w) || !p.triesAreKept(w) {
		return
	}
	var all []back
	for _, h := range p.inOrder() {
		all = append(all, h.back(now))
	}
	w.backs(all) // what is not taken comes first to the next life all the same
}

func (p *Pump) circuitIsKept(w *writer) bool {
	return !p.unsaved && !p.saving || w.set(CircuitKey, p.circuit.text()) == nil
}

func (p *Pump) triesAreKept(w *writer) bool {
	for _, h := range p.inOrder() {
		c := h.call
		if h != c.here[0] || h.n == 0 || h.phase == closing {
			continue
		}
		for _, h := range c.here {
			h.kept = true
		}
		if w.set(retryKey(c.key), entryOf(c, p.budget, nil)) != nil {
			return false
		}
	}
	return true
}
