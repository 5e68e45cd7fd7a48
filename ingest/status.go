package ingest

import (
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/callbus/callbus/events"
)

// Status is how a worker is doing.
type Status struct {
	Account, Provider string
	Lists             []events.List             // that the vendor offers
	Read              map[events.List]time.Time // when each list was last read
	Failing           map[events.List]error     // why it cannot be read, while it cannot
	Polls             map[events.List]int
	Failures          map[PollFailure]int
	GapOpen           map[events.List]bool // it could not be read for so long that an event says so
	Events            map[events.Type]int  // that were published
	Quarantined       int                  // rows that could not be understood
	Live              int                  // calls going on
	Tally             Tally
}

// PollFailure is a list that could not be read, and why.
type PollFailure struct {
	List   events.List
	Reason events.GapReason
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
	s.Read, s.Failing = maps.Clone(s.Read), maps.Clone(s.Failing)
	s.Polls, s.Failures = maps.Clone(s.Polls), maps.Clone(s.Failures)
	s.GapOpen, s.Events = maps.Clone(s.GapOpen), maps.Clone(s.Events)
	return s
}

// note notes that s was taken in.
func (w *Worker) note(s sighting, t *Tracker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Tally, w.state.Live = t.Tally(), t.Live()
	put(&w.state.GapOpen, s.list, t.GapOpen(s.list))
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
	failure := PollFailure{list, ReasonOf(err)}
	put(&s.state.Failures, failure, s.state.Failures[failure]+1)
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

// published counts evs, which are stored.
func (s *status) published(evs []events.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range evs {
		put(&s.state.Events, evs[i].Type, s.state.Events[evs[i].Type]+1)
	}
}

func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

// ReasonOf says of err, which a provider returned, what a gap event tells.
func ReasonOf(err error) events.GapReason {
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
