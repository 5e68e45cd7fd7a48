package sinks

import (
	"context"
	"strings"
	"time"
)

// restore reads what earlier lives of the pump left. It returns false when ctx is done first.
func (p *Pump) restore(ctx context.Context) bool {
	var state map[string][]byte
	ok := p.insist(ctx, "read what is kept of the sink", func(ctx context.Context) (err error) {
		state, err = p.cfg.Backlog.State(ctx)
		return err
	})
	if !ok {
		return false
	}
	p.circuit = circuitFrom(state[CircuitKey], time.Now()).under(time.Now(), controlFrom(state[controlKey]))
	p.heeded = controlFrom(state[controlKey])
	bad := p.restoreCalls(state)
	return p.insist(ctx, "forget what cannot be read", func(ctx context.Context) error {
		for _, key := range bad {
			if err := p.cfg.Backlog.SetState(ctx, key, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// restoreCalls takes up the calls of which an event waits for its next attempt, and returns the keys of those that cannot
// be read: their events come in the order of the stream, as new ones do.
func (p *Pump) restoreCalls(state map[string][]byte) (bad []string) {
	for key, text := range state {
		if !strings.HasPrefix(key, retryPrefix) {
			continue
		}
		c, err := callFrom(key, text)
		if err != nil {
			p.cfg.Log.Warn("attempts that were made are forgotten", "error", err)
			bad = append(bad, key)
			continue
		}
		for i := range c.away {
			c.away[i].back = c.next
		}
		p.calls[c.key] = c
		p.count(c)
	}
	p.makeRoom()
	return bad
}

// insist does f until it succeeds or ctx is done.
func (p *Pump) insist(ctx context.Context, what string, f func(context.Context) error) bool {
	for pause := choreRest; ; pause = min(2*pause, 30*time.Second) {
		err := withTimeout(ctx, f)
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			p.cfg.Log.Warn("the bus does not answer; the sink waits for it", "what", what, "error", err)
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return false
		}
	}
}
