package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// health knows whether callbus does its work, and whether it lives. It asks the bus by itself now and then, so that whoever
// asks it never waits, and the bus is not asked more often than that.
type health struct {
	log *slog.Logger

	mu       sync.Mutex
	work     func() error // why the work is not done, as this process sees it; nil until there is something to do it
	bus      error        // what the bus said last
	looked   time.Time    // when it was asked last
	unready  int          // looks in a row
	stopping bool
}

const (
	// busEvery is how often the bus is asked how it is,
	busEvery = 5 * time.Second
	// busPatience is how long it may take to answer.
	busPatience = 2 * time.Second
	// unreadySaid is after how many looks in a row that find callbus unready the log says so.
	unreadySaid = 3
	// stuckAfter is how long health may not come round before the process is taken for stuck: it takes the locks that
	// everything else takes, and waits for nothing longer than busPatience.
	stuckAfter = time.Minute
	// storedWithin is how long events may wait to be stored before callbus is not ready: a cluster that chooses another
	// leader takes some seconds.
	storedWithin = 10 * time.Second
)

var (
	errStarting = errors.New("callbus is starting: it waits for the bus")
	errStopping = errors.New("callbus is stopping: it finishes what is under way")
)

// ready returns nil while callbus does its work; otherwise why not, one reason a line.
func (h *health) ready() error {
	h.mu.Lock()
	work, bus, stopping := h.work, h.bus, h.stopping
	h.mu.Unlock()
	switch {
	case stopping:
		return errStopping
	case work == nil:
		return errStarting
	}
	return errors.Join(bus, work())
}

// alive returns nil unless the process is stuck, and only another one will do. Whatever is wrong with the bus, a vendor or an
// endpoint is no reason: to start anew mends none of them.
func (h *health) alive() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if silent := time.Since(h.looked); !h.looked.IsZero() && !h.stopping && silent > stuckAfter {
		return fmt.Errorf("callbus is stuck: it has not looked after itself for %s; start it again", silent.Round(time.Second))
	}
	return nil
}

// watch asks the bus how it is until ctx is done. work says why this process does not do its work, nil while it does.
func (h *health) watch(ctx context.Context, bus func(context.Context) error, work func() error) {
	h.mu.Lock()
	h.work, h.looked = work, time.Now()
	h.mu.Unlock()
	t := time.NewTicker(busEvery)
	defer t.Stop()
	for {
		h.look(ctx, bus)
		select {
		case <-ctx.Done():
			h.mu.Lock()
			h.stopping = true
			h.mu.Unlock()
			return
		case <-t.C:
		}
	}
}

func (h *health) look(ctx context.Context, bus func(context.Context) error) {
	asking, cancel := context.WithTimeout(ctx, busPatience)
	err := bus(asking)
	cancel()
	h.mu.Lock()
	h.bus = err
	h.mu.Unlock()
	h.say(ctx, h.ready())
	h.mu.Lock()
	h.looked = time.Now()
	h.mu.Unlock()
}

// say tells the log what probes are told, when that has lasted.
func (h *health) say(ctx context.Context, why error) {
	if ctx.Err() != nil {
		return
	}
	if why == nil {
		if h.unready >= unreadySaid {
			h.log.Info("callbus does its work again")
		}
		h.unready = 0
		return
	}
	if h.unready++; h.unready == unreadySaid {
		h.log.Warn("callbus does not do its work", "why", strings.ReplaceAll(why.Error(), "\n", "; "))
	}
}

// stored returns nil unless events have been waiting to be stored for too long.
func stored(longest time.Duration) error {
	if longest < storedWithin {
		return nil
	}
	return fmt.Errorf("events wait to be stored, for %s now; nothing is lost that the vendors still list", longest.Round(time.Second))
}

// readable returns nil if at least one account can be read, or there is none.
func readable(all iter.Seq[ingest.Status]) error {
	reasons, n := map[string]int{}, 0
	for s := range all {
		why := unreadable(s)
		if why == "" {
			return nil
		}
		reasons[why]++
		n++
	}
	switch {
	case n == 0:
		return nil
	case n == reasons[notYet]:
		return errors.New("no account has been read yet")
	}
	var counts []string
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		counts = append(counts, fmt.Sprintf("%d %s", reasons[why], why))
	}
	return fmt.Errorf("no account can be read: of %d, %s", n, strings.Join(counts, ", "))
}

// notYet is why an account that was not read since callbus started cannot be.
const notYet = "not read yet"

// unreadable says why an account cannot be read, "" if it can. A poll or two that fail are no reason: see source.gap.opened.
func unreadable(s ingest.Status) (why string) {
	for _, list := range s.Lists {
		read := !s.Read[list].IsZero()
		if err := s.Failing[list]; err != nil && (!read || s.GapOpen[list]) {
			return reasonWords[ingest.ReasonOf(err)]
		}
		if !read {
			why = notYet
		}
	}
	return why
}

var reasonWords = map[events.GapReason]string{
	events.GapUnreachable: "unreachable", events.GapRefused: "with refused credentials",
	events.GapRateLimited: "over the vendor's rate limit", events.GapBadReply: "with replies that are not the vendor's",
}
