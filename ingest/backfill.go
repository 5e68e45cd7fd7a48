package ingest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/callbus/callbus/events"
)

// BackfillConfig says which past to read, and where to.
type BackfillConfig struct {
	Account  string
	Provider string
	Settings Settings
	Vendor   CDRReader
	Bus      Bus
	Window   Window
	Log      *slog.Logger
	// Page, if set, is called after every page that was read.
	Page func(BackfillTally)
	// Done, if set, is called once everything that began before a moment is stored: reading may go on from there.
	Done func(until time.Time) error
}

// BackfillTally counts what a backfill did.
type BackfillTally struct {
	Until    time.Time // every call that began before it is dealt with
	Pages    int
	Records  int // read
	Calls    int // published, or completed
	Known    int // published before
	Left     int // ended so lately that they are the worker's
	Rejected int // rows that could not be understood
}

const (
	// backfillBatch is about how many events are published at once: the bus takes a thousand in one go.
	backfillBatch = 900
	// backfillFlying is how many of these may be under way.
	backfillFlying = 4
	// backfillTries is how often in a row a part may fail to be read.
	backfillTries = 10
	// always is longer than any look-back.
	always = 100 * 365 * 24 * time.Hour
)

// Backfill reads the records of the past and publishes the calls in them, marked as backfill. What was published before
// is left as it is, so it is safe to repeat, and to go on where it was cut off. Calls that ended since the account was
// first seen, and within the look-back, are the worker's to publish: they are left out.
//
// It reads with the requests that polls leave over. A part that cannot be read is tried again; the error is returned
// when that does not help, or when the credentials are refused.
func Backfill(ctx context.Context, cfg BackfillConfig) (BackfillTally, error) {
	b := &backfill{cfg: cfg, seed: maphash.MakeSeed(), known: map[uint64]struct{}{}, loose: map[string][]events.Event{}}
	b.tally.Until = cfg.Window.From
	if err := b.prepare(ctx); err != nil {
		return b.tally, err
	}
	for part := range b.parts() {
		if err := b.part(ctx, part); err != nil {
			return b.tally, err
		}
		b.tally.Until = part.To
		if cfg.Done != nil {
			if err := cfg.Done(part.To); err != nil {
				return b.tally, err
			}
		}
	}
	return b.tally, nil
}

type backfill struct {
	cfg   BackfillConfig
	tally BackfillTally
	edge  time.Time // calls that ended after it are the worker's
	seed  maphash.Seed
	known map[uint64]struct{}       // records whose call is published to its end
	loose map[string][]events.Event // by call id: calls that were published without a record
}

// prepare reads what was published of the account, as much of it as is needed to publish nothing twice.
func (b *backfill) prepare(ctx context.Context) error {
	now := time.Now()
	first, err := b.cfg.Bus.FirstSeen(ctx, b.cfg.Account, now)
	if err != nil {
		return fmt.Errorf("find out when %s was first seen: %w", b.cfg.Account, err)
	}
	b.edge = now.Add(-b.cfg.Settings.Lookback)
	if first.After(b.edge) {
		b.edge = first
	}
	for e, err := range b.cfg.Bus.Events(ctx, b.cfg.Account, time.Time{}) {
		if err != nil {
			return fmt.Errorf("read back the events of %s: %w", b.cfg.Account, err)
		}
		b.note(e)
	}
	return nil
}

func (b *backfill) note(e events.Event) {
	f, ok := e.Call()
	if !ok {
		return
	}
	if !slices.Contains(f.Evidence, events.FromCDR) {
		b.loose[f.CallID] = append(b.loose[f.CallID], e)
		return
	}
	delete(b.loose, f.CallID)
	if key := b.cfg.Vendor.RecordKey(f); key != "" && toTheEnd(e.Type, f) {
		b.known[b.hash(key)] = struct{}{}
	}
}

// toTheEnd tells whether an event is the last that its call needs: what was cut off before it is published again, and the
// bus keeps what it has.
func toTheEnd(typ events.Type, f events.Call) bool {
	missed := f.Missed != nil && *f.Missed
	return typ == events.CallMissed || typ == events.CallAmended || typ == events.CallEnded && !missed
}

func (b *backfill) hash(key string) uint64 { return maphash.String(b.seed, key) }

// parts cuts the window, the oldest first, so that the events are stored in about the order of what they tell.
func (b *backfill) parts() func(func(Window) bool) {
	step, w := b.cfg.Vendor.Span(), b.cfg.Window
	return func(yield func(Window) bool) {
		if step == 0 { // it cannot be asked for a part of the past
			yield(w)
			return
		}
		for from := w.From; from.Before(w.To); from = from.Add(step) {
			if to := from.Add(step); to.Before(w.To) {
				if !yield(Window{from, to}) {
					return
				}
				continue
			}
			yield(Window{from, w.To})
			return
		}
	}
}

// part publishes the calls that began in w. It tries again when they cannot be read.
func (b *backfill) part(ctx context.Context, w Window) error {
	pace := newPace(4*time.Second, b.cfg.Account, "backfill")
	for {
		asked := time.Now()
		err := b.tryPart(ctx, w)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		wait := pace.after(asked, time.Now(), err)
		if errors.Is(err, errNotStored) || errors.Is(err, ErrCredentials) || pace.failures >= backfillTries {
			return fmt.Errorf("backfill %s from %s to %s: %w", b.cfg.Account, w.From.Format(time.RFC3339), w.To.Format(time.RFC3339), err)
		}
		b.cfg.Log.Warn("a part of the past cannot be read; trying again", "from", w.From, "to", w.To, "in", wait.Round(time.Second), "error", err)
		sleep(ctx, wait)
	}
}

// errNotStored is wrapped when the bus would not take what was read. It waits for a bus that is away by itself.
var errNotStored = errors.New("not all of it could be stored")

func (b *backfill) tryPart(ctx context.Context, w Window) error {
	storing, ctx := errgroup.WithContext(InSpare(ctx))
	storing.SetLimit(backfillFlying)
	var evs []events.Event
	store := func() {
		batch := evs
		evs = nil
		if len(batch) > 0 {
			storing.Go(func() error { return b.cfg.Bus.Publish(ctx, batch...) })
		}
	}
	var failed error
	for page, err := range b.cfg.Vendor.CDRs(ctx, w) {
		var told []events.Event
		if err == nil {
			told, err = b.page(ctx, &page)
		}
		if failed = err; err != nil {
			break
		}
		if evs = append(evs, told...); len(evs) >= backfillBatch {
			store()
		}
	}
	store()
	if err := storing.Wait(); err != nil {
		return fmt.Errorf("%w: %w", errNotStored, err)
	}
	return failed
}

// page returns what page tells that was not published before. A tracker of its own decides: nothing is remembered from
// page to page but which records are known.
func (b *backfill) page(ctx context.Context, page *Page) ([]events.Event, error) {
	if err := b.keepRejected(ctx, page); err != nil {
		return nil, err
	}
	read := len(page.Records)
	page.Records = slices.DeleteFunc(page.Records, b.dealtWith)
	t := b.tracker(page)
	evs := t.Observe(*page)
	evs, err := b.decide(ctx, t, page.Records, evs)
	if err != nil {
		return nil, err
	}
	for _, e := range evs {
		b.note(e)
	}
	b.tally.Pages++
	b.tally.Records += read
	b.tally.Calls += len(page.Records)
	if b.cfg.Page != nil {
		b.cfg.Page(b.tally)
	}
	return evs, nil
}

// decide asks for the details of the records that leave open who answered, and shows them to t.
func (b *backfill) decide(ctx context.Context, t *Tracker, recs []CDR, evs []events.Event) ([]events.Event, error) {
	reader, ok := b.cfg.Vendor.(DetailReader)
	if !ok || b.cfg.Settings.CallFlow == NoFlow {
		return evs, nil
	}
	for i := range recs {
		if !recs[i].Undecided {
			continue
		}
		d, err := detailOf(ctx, reader, recs[i])
		if err != nil {
			return nil, err
		}
		evs = append(evs, t.Observe(d)...)
	}
	return evs, nil
}

func (b *backfill) dealtWith(rec CDR) bool {
	if rec.Call.EndedAt.After(b.edge) {
		b.tally.Left++
		return true
	}
	if _, known := b.known[b.hash(rec.Key)]; known {
		b.tally.Known++
		return true
	}
	return false
}

// tracker returns one that knows the calls without a record that page may have the record of.
func (b *backfill) tracker(page *Page) *Tracker {
	s := b.cfg.Settings
	s.Lookback, s.First, s.Settle = always, FromBackfill, 0
	_, details := b.cfg.Vendor.(DetailReader)
	t := NewTracker(TrackerConfig{
		Account: b.cfg.Account, Provider: b.cfg.Provider, Settings: s, FirstSeen: page.At, Since: page.At,
		RecordKey: b.cfg.Vendor.RecordKey, Details: details, Backfill: true,
	})
	span := spanOf(page.Records)
	for _, evs := range b.loose {
		if span.Contains(evs[0].Time) {
			for _, e := range evs {
				t.Restore(e)
			}
		}
	}
	return t
}

// spanOf returns when the calls of recs began, with a little to spare.
func spanOf(recs []CDR) Window {
	var w Window
	for i := range recs {
		began := *recs[i].Call.StartedAt
		if i == 0 || began.Before(w.From) {
			w.From = began
		}
		if i == 0 || began.After(w.To) {
			w.To = began
		}
	}
	return Window{w.From.Add(-time.Minute), w.To.Add(time.Minute)}
}

func (b *backfill) keepRejected(ctx context.Context, page *Page) error {
	for _, row := range page.Rejected {
		if err := b.cfg.Bus.Quarantine(ctx, b.cfg.Account, b.cfg.Provider, row, page.At); err != nil {
			return fmt.Errorf("quarantine a row of %s: %w", b.cfg.Account, err)
		}
		b.tally.Rejected++
	}
	return nil
}
