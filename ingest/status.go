package ingest

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/callbus/callbus/events"
)

// Status is how a worker is doing.
type Status struct {
	Account, Provider string
	Read              map[events.List]time.Time // when each list was last read
	Failing           map[events.List]error     // why it cannot be read, while it cannot
	Polls, Failures   map[events.List]int
	Quarantined       int // rows that could not be understood
	Live              int // calls going on
	Tally             Tally
}

type status struct {
	mu     sync.Mutex
	state  Status
	streak map[events.List]int // failures in a row
}

// Status returns how w is doing. It may be called from any goroutine.
func (w *Worker) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.state
	s.Account, s.Provider = w.cfg.Account, w.cfg.Provider
	s.Read, s.Failing = clone(s.Read), clone(s.Failing)
	s.Polls, s.Failures = clone(s.Polls), clone(s.Failures)
	return s
}

func clone[V any](m map[events.List]V) map[events.List]V {
	c := make(map[events.List]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// note notes that s was taken in.
func (w *Worker) note(s sighting, t Tally, live int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Tally, w.state.Live = t, live
	if s.err != nil {
		w.noteFailure(w.cfg.Log, s.list, s.err)
		return
	}
	if s.partial {
		return
	}
	if w.streak[s.list] >= failuresSaid {
		w.cfg.Log.Info("can be read again", "list", s.list)
	}
	delete(w.state.Failing, s.list)
	delete(w.streak, s.list)
	put(&w.state.Read, s.list, s.at)
	put(&w.state.Polls, s.list, w.state.Polls[s.list]+1)
}

// failuresSaid is after how many failures in a row a person is told: one or two pass by themselves.
const failuresSaid = sureRefusals

// noteFailure, called with the lock held, notes err, and logs it once it is worth a person's while.
func (s *status) noteFailure(log *slog.Logger, list events.List, err error) {
	put(&s.state.Failing, list, err)
	put(&s.state.Failures, list, s.state.Failures[list]+1)
	put(&s.state.Polls, list, s.state.Polls[list]+1)
	put(&s.streak, list, s.streak[list]+1)
	switch {
	case s.streak[list] != failuresSaid:
		log.Debug("cannot be read; trying again", "list", list, "error", err)
	case errors.Is(err, ErrCredentials):
		log.Error("the vendor refuses the credentials; trying again slowly", "list", list, "error", err)
	default:
		log.Warn("cannot be read; trying again", "list", list, "failures", failuresSaid, "error", err)
	}
}

func put[V any](m *map[events.List]V, k events.List, v V) {
	if *m == nil {
		*m = map[events.List]V{}
	}
	(*m)[k] = v
}

// reason says of err what a gap event tells.
func reason(err error) events.GapReason {
	var limited *RateLimitError
	switch {
	case errors.Is(err, ErrCredentials):
		return events.GapRefused
	case errors.As(err, &limited):
		return events.GapRateLimited
	case errors.Is(err, ErrForeign):
		return events.GapBadReply
	}
	return events.GapUnreachable
}
