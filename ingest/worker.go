package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events"
)

// stopGrace is how long a worker that is told to stop may take to publish what it has already seen.
const stopGrace = 5 * time.Second

// restoreMargin is how far before the look-back a worker reads the stream: calls may have begun that much earlier.
const restoreMargin = 24 * time.Hour

// WorkerConfig says what a [Worker] watches, and how.
type WorkerConfig struct {
	Account  string
	Provider string
	Settings Settings
	// Vendor is the provider's client. What it can do is found out by type assertion: [ActiveLister], [CDRReader].
	Vendor any
	Bus    Bus
	Log    *slog.Logger
	Tracer trace.Tracer // nil for none
	// Delay is how long after its start a worker begins to read the look-back: of many that start at once, each at another time,
	// and they go on so.
	Delay time.Duration
}

// Worker watches one account: it polls, lets its tracker work out what happened, and publishes that.
//
// Errands of their own read the vendor's active calls, its newest records, and what can wait: so that a slow one does
// not hold up the others. One goroutine owns the tracker and publishes. What is published is the only durable record: a worker
// that starts reads its state back from the stream, wherever its last life was cut off.
type Worker struct {
	cfg    WorkerConfig
	active ActiveLister
	cdrs   CDRReader

	tracker  *Tracker
	restored time.Time // the stream was read back to there

	seen          chan sighting
	asks          chan []Window // records that are waited for
	wants         chan []CDR    // calls whose details are
	newest, older *errand       // that read them; nil without CDRs
	quiet         *quarantine

	doubted bool // the join, aloud
	status
}

// sighting is an observation, and what could not be understood in it.
type sighting struct {
	Observation
	list     events.List
	at       time.Time
	rejected []Rejected
	partial  bool  // more of the same reading follows
	err      error // of a Failure
	trace    trace.SpanContext
}

// NewWorker returns a worker that is yet to Run. The vendor must offer at least one list.
func NewWorker(cfg WorkerConfig) (*Worker, error) {
	w := &Worker{cfg: cfg, seen: make(chan sighting), asks: make(chan []Window, 1), wants: make(chan []CDR, 1), quiet: newQuarantine()}
	w.active, _ = cfg.Vendor.(ActiveLister)
	w.cdrs, _ = cfg.Vendor.(CDRReader)
	if w.active == nil && w.cdrs == nil {
		return nil, fmt.Errorf("watch %s/%s: the provider offers neither active calls nor CDRs", cfg.Provider, cfg.Account)
	}
	if w.active != nil {
		w.state.Lists = append(w.state.Lists, events.ActiveCalls)
	}
	if w.cdrs != nil {
		w.state.Lists = append(w.state.Lists, events.CDRs)
	}
	w.cfg.Log = cfg.Log.With("account", cfg.Account, "provider", cfg.Provider)
	return w, nil
}

// Run watches the account until ctx is done, and then publishes what it has already seen. It returns an error only
// when the bus is closed for good; whatever is wrong with the account shows in its log, status and gap events.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.restore(ctx, time.Time{}); err != nil {
		return ended(ctx, err)
	}
	polling, stop := context.WithCancel(ctx)
	es := w.errands()
	defer es.wait()
	defer stop()
	for {
		es.start(polling, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-es.alarm.C:
		case r := <-es.back:
			es.returned(r)
		case s := <-w.seen:
			if err := w.take(ctx, s); err != nil {
				return ended(ctx, err)
			}
		}
	}
}

// errands returns the readings of what the vendor offers.
func (w *Worker) errands() *errands {
	es := newErrands()
	if w.active != nil {
		es.add(w.pollActive())
	}
	if w.cdrs != nil {
		w.newest = es.add((&newestPoller{Worker: w, pace: newPace(w.cfg.Settings.PollCDR, w.cfg.Account, string(events.CDRs))}).run)
		w.older = es.add(newCatcher(w).run)
	}
	return es
}

// ended leaves of err what is not merely that ctx ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ErrBusClosed) {
		return nil
	}
	return err
}

// take lets the tracker see s and publishes what it makes of it, and keeps aside what could not be understood.
func (w *Worker) take(ctx context.Context, s sighting) error {
	snap, isSnapshot := s.Observation.(Snapshot)
	if isSnapshot {
		if err := w.reachBack(ctx, &snap); err != nil {
			return err
		}
	}
	err := w.publish(s.within(ctx), w.tracker.Observe(s.Observation))
	if err == nil {
		err = w.keepRejected(ctx, s)
	}
	w.note(s, w.tracker)
	w.doubtJoin(w.tracker.Tally())
	if isSnapshot && w.cdrs != nil { // so they are asked for once per poll, however soon the answer is there
		wish(w.asks, w.tracker.Missing(missingFor), w.newest)
	}
	if _, ok := w.cdrs.(DetailReader); ok {
		wish(w.wants, w.tracker.Wanted(mostWanted), w.older)
	}
	return err
}

// mostWanted is how many details are asked for before it is looked again which are wanted most.
const mostWanted = 20

// doubtAfter is after how many calls without their record it is said that something is wrong with the account's setting.
const doubtAfter = 20

// doubtJoin says aloud that no record is found to be of a call that was seen: the classic failure, which loses nothing
// and doubles everything.
func (w *Worker) doubtJoin(t Tally) {
	if w.doubted || t.Joined > 0 || t.Provisional < doubtAfter {
		return
	}
	w.doubted = true
	w.cfg.Log.Warn("no record was found for any call that was seen: are TIMEZONE and the PBX's clock right? until they are, calls are published twice",
		"calls", t.Provisional, "records of other calls", t.RecordOnly)
}

// missingFor is how long the record of a call that is gone is asked for by itself.
const missingFor = 5 * time.Minute

// publish stores evs. A worker that is told to stop still has stopGrace to do so: what the tracker has made of a call it
// will not make again. If another process published for the account meanwhile, the state is read back from the stream.
func (w *Worker) publish(ctx context.Context, evs []events.Event) error {
	if len(evs) == 0 {
		return nil
	}
	lasting, cancel := outliving(ctx, stopGrace)
	defer cancel()
	lasting, span := w.beginPublishing(lasting, evs)
	err := w.cfg.Bus.Publish(lasting, evs...)
	endPublishing(span, err)
	if errors.Is(err, ErrOvertaken) {
		w.cfg.Log.Warn("another process publishes for this account; starting anew from what is stored", "error", err)
		return w.restore(ctx, w.restored)
	}
	if err != nil {
		return fmt.Errorf("publish for %s: %w", w.cfg.Account, err)
	}
	w.published(evs)
	return nil
}

// outliving returns a context that is done a while after ctx.
func outliving(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return lasting, func() { stop(); cancel() }
}

// restore makes the tracker anew from the stream: from as far back as the look-back needs, or from since.
func (w *Worker) restore(ctx context.Context, since time.Time) error {
	retry := pace{interval: time.Second}
	for {
		asked := time.Now()
		err := w.restoreOnce(ctx, since)
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrBusClosed) {
			return err
		}
		w.cfg.Log.Error("cannot read back what was published; trying again", "error", err)
		sleep(ctx, retry.after(asked, time.Now(), err))
	}
}

func (w *Worker) restoreOnce(ctx context.Context, since time.Time) error {
	now := time.Now()
	first, err := w.cfg.Bus.FirstSeen(ctx, w.cfg.Account, now)
	if err != nil {
		return fmt.Errorf("find out when %s was first seen: %w", w.cfg.Account, err)
	}
	if since.IsZero() {
		since = now.Add(-w.cfg.Settings.Lookback - restoreMargin)
	}
	cfg := TrackerConfig{Account: w.cfg.Account, Provider: w.cfg.Provider, Settings: w.cfg.Settings, FirstSeen: first, Since: now}
	if w.cdrs != nil {
		cfg.RecordKey = w.cdrs.RecordKey
		_, cfg.Details = w.cdrs.(DetailReader)
	}
	tracker := NewTracker(cfg)
	for e, err := range w.cfg.Bus.Events(ctx, w.cfg.Account, since) {
		if err != nil {
			return fmt.Errorf("read back the events of %s: %w", w.cfg.Account, err)
		}
		tracker.Restore(e)
	}
	w.tracker, w.restored = tracker, since
	return nil
}

// reachBack reads the stream from further back when the PBX shows a call that began before what was read: it may have
// been published by a former life, days ago.
func (w *Worker) reachBack(ctx context.Context, s *Snapshot) error {
	oldest := s.At
	for i := range s.Calls {
		if s.Calls[i].Began.From.Before(oldest) {
			oldest = s.Calls[i].Began.From
		}
	}
	if !oldest.Before(w.restored) {
		return nil
	}
	return w.restore(ctx, oldest.Add(-time.Hour))
}

// wish puts what is wanted now in place of an older wish that nobody has read, and has e look at it.
func wish[T any](c chan []T, wanted []T, e *errand) {
	select {
	case <-c:
	default:
	}
	if len(wanted) > 0 {
		c <- wanted
		e.hurry(time.Now())
	}
}
