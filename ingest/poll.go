package ingest

import (
	"context"
	"iter"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events"
)

// pollActive asks for the active calls, again and again, until ctx is done.
func (w *Worker) pollActive(ctx context.Context) {
	pace := newPace(w.cfg.Settings.PollActive, w.cfg.Account, string(events.ActiveCalls))
	for {
		asked := time.Now()
		err := w.reading(ctx, events.ActiveCalls, newestReading, w.readActive)
		if !sleep(ctx, pace.after(asked, time.Now(), err)) {
			return
		}
	}
}

// readActive shows the tracker the active calls.
func (w *Worker) readActive(ctx context.Context) error {
	s, err := w.active.ActiveCalls(ctx)
	if err != nil || ctx.Err() != nil {
		return err
	}
	w.show(ctx, sighting{Observation: s, list: events.ActiveCalls, at: s.At, rejected: s.Rejected})
	return nil
}

// pollCDRs reads the newest records at every poll, and those that are waited for at once, until ctx is done.
func (w *Worker) pollCDRs(ctx context.Context) {
	pace := newPace(w.cfg.Settings.PollCDR, w.cfg.Account, string(events.CDRs))
	var read time.Time // when that succeeded last
	for {
		asked := time.Now()
		err := w.reading(ctx, events.CDRs, newestReading, func(ctx context.Context) error {
			return w.readNewest(ctx, newest(asked, read, w.cfg.Settings.Lookback))
		})
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			read = asked
		}
		if !w.readMissing(ctx, pace.after(asked, time.Now(), err), err == nil) {
			return
		}
	}
}

// readNewest shows the tracker the records of calls that began in window; where the vendor can tell, those that it wrote
// since.
func (w *Worker) readNewest(ctx context.Context, window Window) error {
	if follower, ok := w.cdrs.(CDRFollower); ok {
		return w.read(ctx, follower.NewCDRs(ctx, window))
	}
	return w.read(ctx, w.cdrs.CDRs(ctx, window))
}

// readMissing waits for d, and reads meanwhile the records that are waited for, if well. It tells whether it waited.
func (w *Worker) readMissing(ctx context.Context, d time.Duration, well bool) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	asks := w.asks
	if !well {
		asks = nil
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
			return true
		case ws := <-asks:
			for _, missing := range ws {
				err := w.reading(ctx, events.CDRs, missingReading, func(ctx context.Context) error {
					return w.read(ctx, w.cdrs.CDRs(ctx, missing))
				})
				if err != nil {
					asks = nil // until the next poll
					break
				}
			}
		}
	}
}

// read shows the tracker a reading. It has succeeded when its last page is here, and not before.
func (w *Worker) read(ctx context.Context, reading iter.Seq2[Page, error]) error {
	var last *Page
	for p, err := range reading {
		if last != nil {
			last.Partial = true
			w.showPage(ctx, *last)
		}
		if err != nil {
			return err
		}
		last = &p
	}
	if last != nil {
		w.showPage(ctx, *last)
	}
	return ctx.Err()
}

func (w *Worker) showPage(ctx context.Context, p Page) {
	w.show(ctx, sighting{Observation: p, list: events.CDRs, at: p.At, rejected: p.Rejected, partial: p.Partial})
}

// failed shows that list could not be read.
func (w *Worker) failed(ctx context.Context, list events.List, err error) {
	now := time.Now()
	w.show(ctx, sighting{Observation: Failure{List: list, At: now, Reason: ReasonOf(err)}, list: list, at: now, err: err})
}

func (w *Worker) show(ctx context.Context, s sighting) {
	s.trace = trace.SpanContextFromContext(ctx)
	select {
	case w.seen <- s:
	case <-ctx.Done():
	}
}
