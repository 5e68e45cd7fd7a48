package ingest

import (
	"context"
	"iter"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events"
)

// pollActive returns the errand of asking for the active calls.
func (w *Worker) pollActive() func(context.Context) time.Time {
	pace := newPace(w.cfg.Settings.PollActive, w.cfg.Account, string(events.ActiveCalls))
	return func(ctx context.Context) time.Time {
		asked := time.Now()
		err := w.reading(ctx, events.ActiveCalls, newestReading, w.readActive)
		return pace.next(asked, time.Now(), err)
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

// newestPoller reads the newest records at every poll, and those that are waited for at once.
type newestPoller struct {
	*Worker
	pace *pace
	last time.Time // when the newest were read last; zero if never
	next time.Time // when they are to be read again
	well bool      // what was asked for last was read
}

func (p *newestPoller) run(ctx context.Context) time.Time {
	if asked := time.Now(); !asked.Before(p.next) {
		p.poll(ctx, asked)
	}
	for p.well && ctx.Err() == nil {
		select {
		case missing := <-p.asks:
			p.readMissing(ctx, missing)
		default:
			return p.next
		}
		if !time.Now().Before(p.next) { // each has its turn, even where one reading takes longer than the pause between two
			return p.next
		}
	}
	return p.next
}

func (p *newestPoller) poll(ctx context.Context, asked time.Time) {
	err := p.reading(ctx, events.CDRs, newestReading, func(ctx context.Context) error {
		return p.readNewest(ctx, newest(asked, p.last, p.cfg.Settings.Lookback))
	})
	if err == nil {
		p.last = asked
	}
	p.well, p.next = err == nil, p.pace.next(asked, time.Now(), err)
}

// readMissing reads the records that are waited for. After one that cannot be read, the others wait until the next poll.
func (p *newestPoller) readMissing(ctx context.Context, missing []Window) {
	for _, m := range missing {
		err := p.reading(ctx, events.CDRs, missingReading, func(ctx context.Context) error {
			return p.read(ctx, p.cdrs.CDRs(ctx, m))
		})
		if p.well = err == nil; !p.well {
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
