package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/callbus/callbus/events"
)

const (
	// quarantineRemembered bounds the memory of what was quarantined; the bus keeps a row once in any case.
	quarantineRemembered = 10_000
	// activeQuarantineEvery is how often rows of active calls are quarantined: such a row is another one at every poll,
	// since its duration runs, and one of them tells all there is to tell.
	activeQuarantineEvery = time.Minute
)

// quarantine remembers which rows were put aside, so that a row that comes back at every poll costs nothing.
type quarantine struct {
	known      map[string]bool
	lastActive time.Time
}

func newQuarantine() *quarantine { return &quarantine{known: map[string]bool{}} }

// wants tells whether row is to be put aside now.
func (q *quarantine) wants(row Rejected, list events.List, at time.Time) bool {
	if list == events.ActiveCalls {
		if at.Sub(q.lastActive) < activeQuarantineEvery {
			return false
		}
		q.lastActive = at
		return true
	}
	return !q.known[events.Hash(string(row.Row))]
}

func (q *quarantine) done(row Rejected) {
	if len(q.known) >= quarantineRemembered {
		clear(q.known)
	}
	q.known[events.Hash(string(row.Row))] = true
}

// keepRejected puts the rows of s aside that could not be understood.
func (w *Worker) keepRejected(ctx context.Context, s sighting) error {
	for _, row := range s.rejected {
		if !w.quiet.wants(row, s.list, s.at) {
			continue
		}
		if err := w.cfg.Bus.Quarantine(ctx, w.cfg.Account, w.cfg.Provider, row, s.at); err != nil {
			return fmt.Errorf("quarantine a row of %s: %w", w.cfg.Account, err)
		}
		w.quiet.done(row)
		w.mu.Lock()
		w.state.Quarantined++
		w.mu.Unlock()
		w.cfg.Log.Warn("a row could not be understood and was put aside", "list", s.list, "reason", row.Reason)
	}
	return nil
}
