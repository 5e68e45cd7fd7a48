package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/callbus/callbus/events"
)

// catcher reads what can wait: the whole look-back, all of it at the start and again every quarter of an hour, the last half
// hour of it more often, and what the vendor tells of single calls. It does so with the requests that the polls leave over,
// and never holds those up.
type catcher struct {
	*Worker
	plan     *sweeps
	pace     *pace
	next     time.Time // not before: something failed
	failures int       // readings of the look-back in a row
	wanted   []CDR
	tried    map[string]attempts
}

func newCatcher(w *Worker) *catcher {
	plan := newSweeps(w.cfg.Settings.Lookback, w.cdrs.Span(), time.Now(), w.cfg.Delay)
	return &catcher{Worker: w, plan: plan, pace: newPace(time.Second, w.cfg.Account, "catch up"), tried: map[string]attempts{}}
}

// run reads until nothing is due, or something fails.
func (c *catcher) run(ctx context.Context) time.Time {
	ctx = InSpare(ctx)
	for ctx.Err() == nil && !time.Now().Before(c.next) {
		chunk, done, due := c.plan.chunk(time.Now())
		if due && c.tracedSweep(ctx, chunk) {
			done()
		}
		failed := c.details(ctx, due, c.plan.due())
		if !due && !failed {
			return c.plan.due()
		}
	}
	return c.next
}

func (c *catcher) tracedSweep(ctx context.Context, chunk Window) (read bool) {
	asked := time.Now()
	traced, span := c.beginReading(ctx, events.CDRs, lookBackReading)
	err := c.sweep(traced, chunk)
	endReading(ctx, span, err)
	if err != nil {
		c.pauseAfter(asked, err)
	}
	return err == nil
}

// pauseAfter has c pause after what was asked for at a moment and failed, and at least as long as an earlier failure asks for.
func (c *catcher) pauseAfter(asked time.Time, err error) {
	if next := c.pace.next(asked, time.Now(), err); next.After(c.next) {
		c.next = next
	}
}

// sweep shows the tracker the records of a part of the look-back. It says nothing of how well the newest can be read.
func (c *catcher) sweep(ctx context.Context, chunk Window) error {
	for p, err := range c.cdrs.CDRs(ctx, chunk) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if c.failures++; c.failures == failuresSaid {
				c.cfg.Log.Warn("older records cannot be read; trying again", "from", chunk.From, "to", chunk.To, "error", err)
			}
			return err
		}
		p.Partial = true
		c.showPage(ctx, p)
	}
	c.failures = 0
	c.pace.well()
	return ctx.Err()
}

// attempts are those at one call's detail.
type attempts struct {
	failed int
	next   time.Time
}

const (
	// detailTries is how often a detail that cannot be read is asked for in one life of a worker.
	detailTries = 5
	// detailPause is how long after the first failure it is asked for again; after each further one, twice as long.
	detailPause = 15 * time.Second
	// detailsRemembered bounds the memory of which were asked for.
	detailsRemembered = 10_000
)

// details asks for the details that are wanted, newest calls first: for one alone while the look-back is being read, else
// until that is due again. It stops at one that cannot be read, and tells so.
func (c *catcher) details(ctx context.Context, oneOnly bool, until time.Time) (failed bool) {
	reader, ok := c.cdrs.(DetailReader)
	if !ok {
		return false
	}
	c.refresh()
	for len(c.wanted) > 0 && ctx.Err() == nil {
		rec := c.wanted[0]
		c.wanted = c.wanted[1:]
		if a := c.tried[rec.Key]; a.failed >= detailTries || time.Now().Before(a.next) {
			continue
		}
		failed = !c.detail(ctx, reader, rec)
		if failed || oneOnly || !time.Now().Before(until) {
			return failed
		}
		c.refresh()
	}
	return false
}

// refresh takes the newest list of what is wanted, if there is one.
func (c *catcher) refresh() {
	select {
	case c.wanted = <-c.wants:
	default:
	}
}

func (c *catcher) detail(ctx context.Context, reader DetailReader, rec CDR) (read bool) {
	traced, span := c.beginReading(ctx, events.CDRs, detailReading)
	d, err := detailOf(traced, reader, rec)
	endReading(ctx, span, err)
	if ctx.Err() != nil {
		return false
	}
	c.attempted(rec.Key, err)
	if err != nil {
		c.cfg.Log.Debug("the detail of a call cannot be read", "call", rec.Call.CallID, "error", err)
		c.pauseAfter(time.Now(), err)
		return false
	}
	c.pace.well()
	c.show(traced, sighting{Observation: d, list: events.CDRs, at: d.At, partial: true})
	return true
}

// detailOf asks for the detail of rec. That there is none is one that tells nothing.
func detailOf(ctx context.Context, reader DetailReader, rec CDR) (Detail, error) {
	d, err := reader.Detail(ctx, rec.Call)
	if errors.Is(err, ErrNoDetail) {
		now := time.Now()
		d, err = Detail{Asked: now, At: now, Flow: []events.Step{}}, nil
	}
	d.Key = rec.Key
	return d, err
}

// attempted notes an attempt, so that the same is not asked for again before the tracker has seen the answer, nor for ever.
func (c *catcher) attempted(key string, err error) {
	if len(c.tried) >= detailsRemembered {
		clear(c.tried)
	}
	a := c.tried[key]
	a.next = time.Now().Add(detailPause << a.failed)
	if err != nil {
		a.failed++
	}
	c.tried[key] = a
}
