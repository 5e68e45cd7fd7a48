package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
)

// vendor is a PBX whose replies are functions, and which remembers what it was asked. The zero vendor has no calls and
// no records, and answers at once.
type vendor struct {
	active  func(ctx context.Context, n int) (ingest.Snapshot, error)                       // the n-th time, from 0
	records func(ctx context.Context, n int, w ingest.Window) iter.Seq2[ingest.Page, error] // likewise

	began time.Time
	mu    sync.Mutex
	polls []time.Duration // when the active calls were asked for, since began
	asks  []ask
}

type ask struct {
	at     time.Duration
	window ingest.Window
}

var (
	_ ingest.ActiveLister = (*vendor)(nil)
	_ ingest.CDRReader    = (*vendor)(nil)
)

func (v *vendor) ActiveCalls(ctx context.Context) (ingest.Snapshot, error) {
	v.mu.Lock()
	n := len(v.polls)
	v.polls = append(v.polls, time.Since(v.began))
	v.mu.Unlock()
	if v.active == nil {
		return shot(), nil
	}
	return v.active(ctx, n)
}

func (v *vendor) CDRs(ctx context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	v.mu.Lock()
	n := len(v.asks)
	v.asks = append(v.asks, ask{time.Since(v.began), w})
	v.mu.Unlock()
	if v.records == nil {
		return pages(page(w))
	}
	return v.records(ctx, n, w)
}

func (v *vendor) RecordKey(c events.Call) string { return recordKey(c) }

func (v *vendor) Span() time.Duration { return time.Hour }

// polled returns when the active calls were asked for so far.
func (v *vendor) polled() []time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.polls)
}

// asked returns what records were asked for so far.
func (v *vendor) asked() []ask {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.asks)
}

// shot is a snapshot taken now.
func shot(rows ...ingest.ActiveCall) ingest.Snapshot {
	return ingest.Snapshot{Asked: time.Now(), At: time.Now(), Calls: rows}
}

// page is one read now.
func page(w ingest.Window, records ...ingest.CDR) ingest.Page {
	return ingest.Page{Asked: time.Now(), At: time.Now(), Window: w, Records: records}
}

func pages(ps ...ingest.Page) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		for _, p := range ps {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func noPages(err error) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) { yield(ingest.Page{}, err) }
}

// ringsSince is a row of an inbound call of caller that began at a moment.
func ringsSince(channel string, began time.Time) ingest.ActiveCall {
	r := ringing(channel, 0)
	r.Began = ingest.Window{From: began, To: began.Add(time.Second)}
	return r
}

// recordOf is one of a missed call of caller that began and ended at those moments.
func recordOf(id string, began, ended time.Time) ingest.CDR {
	rec := record(id, 0, 0)
	rec.Call.StartedAt, rec.Call.EndedAt = &began, &ended
	rec.Key = recordKey(rec.Call)
	return rec
}

// watcher is a worker under way in a bubble.
type watcher struct {
	*ingest.Worker
	t    *testing.T
	log  *bytes.Buffer
	stop context.CancelFunc
	over chan error
}

func workerSettings() ingest.Settings {
	return ingest.Settings{
		PollActive: 2 * time.Second, PollCDR: 5 * time.Second, Settle: 10 * time.Second,
		Lookback: 24 * time.Hour, First: ingest.Baseline,
	}
}

func newWatcher(t *testing.T, v any, bus ingest.Bus, s ingest.Settings) *watcher {
	t.Helper()
	log := &bytes.Buffer{}
	w, err := ingest.NewWorker(ingest.WorkerConfig{
		Account: "acme", Provider: "telsam", Settings: s, Vendor: v, Bus: bus,
		Log: slog.New(slog.NewJSONHandler(log, nil)), // which writes a line at a time
	})
	if err != nil {
		t.Fatal(err)
	}
	return &watcher{Worker: w, t: t, log: log}
}

func (w *watcher) run() {
	ctx, stop := context.WithCancel(w.t.Context())
	w.stop, w.over = stop, make(chan error, 1)
	go func() { w.over <- w.Run(ctx) }()
}

// watch starts to watch v. It is to be ended.
func watch(t *testing.T, v *vendor, bus ingest.Bus, s ingest.Settings) *watcher {
	t.Helper()
	v.began = time.Now()
	w := newWatcher(t, v, bus, s)
	w.run()
	return w
}

// end stops the worker, which must end without an error, and returns how long that took.
func (w *watcher) end() time.Duration {
	w.t.Helper()
	told := time.Now()
	w.stop()
	if err := <-w.over; err != nil {
		w.t.Errorf("the worker ended: %v", err)
	}
	return time.Since(told)
}

// said returns the messages of the log so far.
func (w *watcher) said() []string {
	var all []string
	for line := range bytes.Lines(w.log.Bytes()) {
		var entry struct {
			Level, Msg string
			List       string
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, strings.TrimSpace(entry.Level+" "+entry.List+" "+entry.Msg))
	}
	return all
}

// wait lets d pass, and then what is under way come to rest.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// bubble is a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// typesOf returns the type of each of evs.
func typesOf(evs []events.Event) []events.Type {
	var all []events.Type
	for _, e := range evs {
		all = append(all, e.Type)
	}
	return all
}

// troubledBus is a bus with something in the way.
type troubledBus struct {
	ingesttest.Bus
	publish    func(ctx context.Context, evs []events.Event) error // what stands in the way of Publish; nil is nothing
	restore    func(n int) error                                   // of the n-th reading, from 0
	readings   int
	quarantine int // rows, however often
	since      []time.Time
}

func (b *troubledBus) Publish(ctx context.Context, evs ...events.Event) error {
	if b.publish != nil {
		if err := b.publish(ctx, evs); err != nil {
			return err
		}
	}
	return b.Bus.Publish(ctx, evs...)
}

func (b *troubledBus) Events(ctx context.Context, account string, since time.Time) iter.Seq2[events.Event, error] {
	n := b.readings
	b.readings++
	b.since = append(b.since, since)
	if b.restore != nil {
		if err := b.restore(n); err != nil {
			return func(yield func(events.Event, error) bool) { yield(events.Event{}, err) }
		}
	}
	return b.Bus.Events(ctx, account, since)
}

func (b *troubledBus) Quarantine(ctx context.Context, account, provider string, row ingest.Rejected, at time.Time) error {
	b.quarantine++
	return b.Bus.Quarantine(ctx, account, provider, row, at)
}

func seconds(ds []time.Duration) []float64 {
	var all []float64
	for _, d := range ds {
		all = append(all, d.Seconds())
	}
	return all
}

func TestTheListsAreReadAtOnceAndThenInTheirTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &vendor{active: func(_ context.Context, n int) (ingest.Snapshot, error) {
			took := 300 * time.Millisecond
			if n == 2 {
				took = 3 * time.Second // the next is due before this one is here
			}
			asked := time.Now()
			time.Sleep(took)
			return ingest.Snapshot{Asked: asked, At: time.Now()}, nil
		}}
		s := workerSettings()
		s.Lookback = time.Hour // one chunk
		w := watch(t, v, &ingesttest.Bus{}, s)
		wait(11 * time.Second)
		w.end()
		if got, want := seconds(v.polled()), []float64{0, 2, 4, 7, 9, 11}; !slices.Equal(got, want) {
			t.Errorf("the active calls were asked for at %v s, want %v", got, want)
		}
		var at []float64
		for _, a := range v.asked() {
			at = append(at, a.at.Seconds())
		}
		if want := []float64{0, 0, 5, 10}; !slices.Equal(at, want) { // the first time also the look-back
			t.Errorf("records were asked for at %v s, want %v", at, want)
		}
	})
}

func TestAWorkerNeedsAList(t *testing.T) {
	_, err := ingest.NewWorker(ingest.WorkerConfig{Account: "acme", Provider: "none", Vendor: struct{}{}, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "none/acme") {
		t.Errorf("a vendor without lists: %v, want an error that names provider and account", err)
	}
}

func TestOneListIsEnough(t *testing.T) {
	for name, part := range map[string]func(*vendor) any{
		"active calls alone": func(v *vendor) any { return struct{ ingest.ActiveLister }{v} },
		"records alone":      func(v *vendor) any { return struct{ ingest.CDRReader }{v} },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				began := time.Now()
				v := &vendor{began: began}
				v.active = func(_ context.Context, n int) (ingest.Snapshot, error) {
					if n < 3 {
						return shot(ringsSince("SIP/1", began)), nil
					}
					return shot(), nil
				}
				v.records = func(_ context.Context, n int, w ingest.Window) iter.Seq2[ingest.Page, error] {
					if n < 30 {
						return pages(page(w))
					}
					return pages(page(w, recordOf("1", began, began.Add(5*time.Second))))
				}
				bus := &ingesttest.Bus{}
				w := newWatcher(t, part(v), bus, workerSettings())
				w.run()
				wait(time.Minute)
				w.end()
				if got := typesOf(bus.Stored()); !slices.Equal(got[:2], []events.Type{events.CallStarted, events.CallEnded}) {
					t.Errorf("stored %v, want started and ended", got)
				}
			})
		})
	}
}

func TestPollsThatFailAreTriedAgainSoonAndThenLessOften(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broken := errors.New("no route to host")
		mended := time.Now().Add(10 * time.Minute)
		v := &vendor{active: func(context.Context, int) (ingest.Snapshot, error) {
			if time.Now().Before(mended) {
				return ingest.Snapshot{}, broken
			}
			return shot(), nil
		}}
		w := watch(t, v, &ingesttest.Bus{}, workerSettings())
		wait(12 * time.Minute)
		w.end()
		polls, failed := v.polled(), 0
		for i, at := range polls[:len(polls)-1] {
			pause := polls[i+1] - at
			if at >= 10*time.Minute {
				if pause != 2*time.Second {
					t.Errorf("after all is well again, the pause is %v, want 2s", pause)
				}
				continue
			}
			failed++
			want := min(500*time.Millisecond<<i, 30*time.Second)
			if pause < want*4/5 || pause > want*6/5 {
				t.Errorf("after %d failures the pause is %v, want %v, give or take a fifth", i+1, pause, want)
			}
		}
		if failed < 20 {
			t.Errorf("%d attempts in ten minutes, want at least 20", failed)
		}
	})
}

func TestRefusedCredentialsAreTriedSlowly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &vendor{active: func(context.Context, int) (ingest.Snapshot, error) {
			return ingest.Snapshot{}, fmt.Errorf("ask: %w", ingest.ErrCredentials)
		}}
		w := watch(t, v, &ingesttest.Bus{}, workerSettings())
		wait(10 * time.Minute)
		w.end()
		polls := v.polled()
		if polls[2] > 3*time.Second {
			t.Errorf("the first three attempts were at %v, want them soon: a refusal may pass", polls[:3])
		}
		for i := 3; i < len(polls); i++ {
			if pause := polls[i] - polls[i-1]; pause < 48*time.Second || pause > 72*time.Second {
				t.Errorf("after %d refusals the pause is %v, want about a minute", i, pause)
			}
		}
		if said := w.said(); !slices.Equal(said, []string{"ERROR active_calls the vendor refuses the credentials; trying again slowly"}) {
			t.Errorf("the log says %q, want the refusal, once", said)
		}
	})
}

func TestAVendorThatAsksToWaitIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &vendor{active: func(_ context.Context, n int) (ingest.Snapshot, error) {
			if n == 1 || n == 2 {
				return ingest.Snapshot{}, fmt.Errorf("ask: %w", &ingest.RateLimitError{After: time.Duration(n) * 17 * time.Second})
			}
			return shot(), nil
		}}
		w := watch(t, v, &ingesttest.Bus{}, workerSettings())
		wait(time.Minute)
		w.end()
		if got, want := seconds(v.polled()[:5]), []float64{0, 2, 19, 53, 55}; !slices.Equal(got, want) {
			t.Errorf("the active calls were asked for at %v s, want %v", got, want)
		}
	})
}

func TestASlowReplyDoesNotHoldUpTheOtherList(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &vendor{records: func(ctx context.Context, _ int, w ingest.Window) iter.Seq2[ingest.Page, error] {
			select {
			case <-time.After(time.Minute):
				return pages(page(w))
			case <-ctx.Done():
				return noPages(ctx.Err())
			}
		}}
		w := watch(t, v, &ingesttest.Bus{}, workerSettings())
		wait(50 * time.Second)
		if n := len(v.polled()); n != 26 {
			t.Errorf("the active calls were asked for %d times in 50 s, want 26", n)
		}
		if took := w.end(); took != 0 {
			t.Errorf("it took %v to end", took)
		}
	})
}

func TestTheRecordOfACallThatIsGoneIsAskedForAtEverySnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		began := time.Now()
		listed := began.Add(21 * time.Second)
		v := &vendor{
			active: func(_ context.Context, n int) (ingest.Snapshot, error) {
				if n < 3 {
					return shot(ringsSince("SIP/1", began)), nil
				}
				return shot(), nil
			},
			records: func(_ context.Context, _ int, w ingest.Window) iter.Seq2[ingest.Page, error] {
				if time.Now().Before(listed) || !w.Contains(began) {
					return pages(page(w))
				}
				return pages(page(w, recordOf("1", began, began.Add(5*time.Second))))
			},
		}
		bus, s := &ingesttest.Bus{}, workerSettings()
		s.PollCDR, s.Lookback, s.Settle = time.Hour, time.Hour, time.Minute
		w := watch(t, v, bus, s)
		wait(time.Minute)
		w.end()
		var at []float64
		for _, a := range v.asked()[2:] { // the newest, and the look-back
			at = append(at, a.at.Seconds())
			if !a.window.Contains(began) || a.window.To.Sub(a.window.From) > time.Minute {
				t.Errorf("asked for %v, want a little more than %v", a.window, began)
			}
		}
		// Gone at 6 s; the answer is at once, and the next question is the next snapshot's.
		if want := []float64{6, 8, 10, 12, 14, 16, 18, 20, 22}; !slices.Equal(at, want) {
			t.Errorf("the record was asked for at %v s, want %v", at, want)
		}
		if got, want := typesOf(bus.Stored()), []events.Type{events.CallStarted, events.CallEnded, events.CallMissed}; !slices.Equal(got, want) {
			t.Errorf("stored %v, want %v", got, want)
		}
	})
}

func TestTheRecordOfACallThatIsGoneIsNotAskedForWhileRecordsCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		began := time.Now()
		v := &vendor{
			active: func(_ context.Context, n int) (ingest.Snapshot, error) {
				if n < 3 {
					return shot(ringsSince("SIP/1", began)), nil
				}
				return shot(), nil
			},
			records: func(_ context.Context, n int, w ingest.Window) iter.Seq2[ingest.Page, error] {
				if n < 2 {
					return pages(page(w))
				}
				return noPages(&ingest.RateLimitError{After: 40 * time.Second})
			},
		}
		s := workerSettings()
		s.PollCDR, s.Lookback, s.Settle = 30*time.Second, time.Hour, time.Minute
		w := watch(t, v, &ingesttest.Bus{}, s)
		wait(2*time.Minute - time.Second) // then what began lately is read again
		w.end()
		var at []float64
		for _, a := range v.asked()[2:] {
			at = append(at, a.at.Seconds())
		}
		if want := []float64{6, 30, 70, 110}; !slices.Equal(at, want) {
			t.Errorf("records were asked for at %v s, want %v", at, want)
		}
	})
}

// covered tells whether ws together hold all of span.
func covered(span ingest.Window, ws []ingest.Window) bool {
	slices.SortFunc(ws, func(a, b ingest.Window) int { return a.From.Compare(b.From) })
	reached := span.From
	for _, w := range ws {
		if !w.From.After(reached) && w.To.After(reached) {
			reached = w.To
		}
	}
	return !reached.Before(span.To)
}

func TestTheWholeLookBackIsReadAtStartAndEveryQuarterOfAnHour(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &vendor{}
		w := watch(t, v, &ingesttest.Bus{}, workerSettings())
		wait(47 * time.Minute)
		w.end()
		in := func(from, to time.Duration) []ingest.Window {
			var ws []ingest.Window
			for _, a := range v.asked() {
				if a.at >= from && a.at < to {
					ws = append(ws, a.window)
				}
			}
			return ws
		}
		day := func(at time.Duration) ingest.Window {
			return ingest.Window{From: v.began.Add(at - 24*time.Hour), To: v.began.Add(at)}
		}
		if !covered(day(0), in(0, time.Second)) {
			t.Errorf("asked at start for %v, want the whole look-back", in(0, time.Second))
		}
		for _, pass := range []time.Duration{15 * time.Minute, 30 * time.Minute, 45 * time.Minute} {
			if ws := in(pass, pass+2*time.Minute); !covered(day(pass), ws) {
				t.Errorf("asked from %v on for %v, want the whole look-back", pass, ws)
			}
			if ws := in(pass-10*time.Minute, pass-time.Second); covered(day(pass-10*time.Minute), ws) {
				t.Errorf("the whole look-back is read before %v", pass)
			}
		}
		for i, a := range v.asked()[30:] {
			if polls := len(v.asked()[30:]); polls > 47*60/5*2 {
				t.Fatalf("%d questions in 47 minutes, want at most two at every poll", polls)
			}
			if a.window.To.Sub(a.window.From) > time.Hour {
				t.Errorf("question %d is for %v, want at most an hour at a time", i, a.window)
			}
		}
	})
}

func TestALookBackThatIsDelayedHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const delay = 100 * time.Second
		s := workerSettings()
		s.PollCDR = time.Hour
		v := &vendor{began: time.Now()}
		w, err := ingest.NewWorker(ingest.WorkerConfig{
			Account: "acme", Provider: "telsam", Settings: s, Vendor: v, Bus: &ingesttest.Bus{}, Log: slog.New(slog.DiscardHandler), Delay: delay,
		})
		if err != nil {
			t.Fatal(err)
		}
		watched := &watcher{Worker: w, t: t}
		watched.run()
		defer watched.end()
		wait(delay + time.Second)
		asks := v.asked()
		if len(asks) < 2 || asks[0].at != 0 || asks[1].at != delay {
			t.Errorf("records were asked for at %v; want the newest at once, and the look-back after %v", asks, delay)
		}
		if polls := v.polled(); polls[0] != 0 {
			t.Errorf("active calls were asked for at %v", polls)
		}
	})
}

func TestMissingRecordsAreReadWhereAReadingTakesLongerThanThePauses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := workerSettings()
		s.PollCDR, s.Lookback = 5*time.Second, 20*time.Minute
		long := 40 * time.Minute // ago: beyond what is read at every poll, and of the look-back
		began := time.Now()
		v := &vendor{
			active: func(_ context.Context, n int) (ingest.Snapshot, error) {
				if n%4 == 0 { // it shows a call, and then does not
					return shot(ringsSince("SIP/"+fmt.Sprint(n), began.Add(-long))), nil
				}
				return shot(), nil
			},
			records: func(ctx context.Context, _ int, w ingest.Window) iter.Seq2[ingest.Page, error] {
				time.Sleep(6 * time.Second)
				return pages(page(w))
			},
		}
		w := watch(t, v, &ingesttest.Bus{}, s)
		wait(3 * time.Minute)
		w.end()
		missing := 0
		for _, a := range v.asked() {
			if a.window.To.Before(began.Add(-long / 2)) {
				missing++
			}
		}
		if missing < 5 {
			t.Errorf("the records of calls that are gone were asked for %d times in three minutes", missing)
		}
	})
}

// detailVendor is a vendor who tells more of a call, but fails to.
type detailVendor struct {
	vendor
	details atomic.Int64 // asked for
}

func (v *detailVendor) Detail(context.Context, events.Call) (ingest.Detail, error) {
	v.details.Add(1)
	return ingest.Detail{}, errors.New("no route to host")
}

func TestAVendorThatAsksToWaitWithTheLookBackIsWaitedForWhateverElseFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := workerSettings()
		s.PollCDR, s.CallFlow = time.Hour, ingest.AllFlow
		v := &detailVendor{vendor: vendor{
			began: time.Now(),
			records: func(_ context.Context, _ int, w ingest.Window) iter.Seq2[ingest.Page, error] {
				if now := time.Now(); w.To.After(now) { // the newest
					time.Sleep(10 * time.Second)
					return pages(page(w, recordOf("r1", now.Add(time.Second), now.Add(5*time.Second)), recordOf("r2", now.Add(2*time.Second), now.Add(7*time.Second))))
				}
				time.Sleep(20 * time.Second) // meanwhile their details are wanted
				return noPages(&ingest.RateLimitError{After: 5 * time.Minute})
			},
		}}
		w := newWatcher(t, v, &ingesttest.Bus{}, s)
		w.run()
		wait(4 * time.Minute)
		w.end()
		if asks := v.asked(); len(asks) != 2 || v.details.Load() == 0 {
			t.Errorf("records were asked for at %v, and details %d times; want the newest and the look-back once, and details", asks, v.details.Load())
		}
	})
}

// What rests must not cost a stack for each list.
func TestAWorkerThatRestsHasOneGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers = 100
		before := runtime.NumGoroutine()
		for range workers {
			defer watch(t, &vendor{}, &ingesttest.Bus{}, workerSettings()).end()
		}
		wait(time.Second)
		if n := runtime.NumGoroutine() - before; n > workers+workers/10 { // some of other tests may come meanwhile
			t.Errorf("%d workers at rest have %d goroutines", workers, n)
		}
	})
}

func TestAfterAnOutageTheNewestRecordsReachBackBeforeIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broken, mended := 10*time.Minute, 3*time.Hour
		v := &vendor{}
		v.records = func(_ context.Context, _ int, w ingest.Window) iter.Seq2[ingest.Page, error] {
			if at := time.Since(v.began); at > broken && at < mended {
				return noPages(errors.New("no route to host"))
			}
			return pages(page(w))
		}
		w := watch(t, v, &ingesttest.Bus{}, workerSettings())
		wait(mended + 2*time.Minute)
		w.end()
		after := slices.IndexFunc(v.asked(), func(a ask) bool { return a.at >= mended })
		first, next := v.asked()[after].window, v.asked()[len(v.asked())-1].window
		if got := v.began.Add(broken).Sub(first.From); got < 15*time.Minute {
			t.Errorf("after the outage the newest records are asked for from %v before it, want 15 minutes", got)
		}
		if next.To.Sub(next.From) > time.Hour {
			t.Errorf("two minutes after the outage the newest records are those of %v", next.To.Sub(next.From))
		}
	})
}

func TestARowThatCannotBeUnderstoodIsPutAsideOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bad := func(n int) []ingest.Rejected {
			return []ingest.Rejected{{Row: fmt.Appendf(nil, `{"duration":%d}`, n), Reason: "src: missing"}}
		}
		v := &vendor{
			active: func(_ context.Context, n int) (ingest.Snapshot, error) {
				s := shot()
				s.Rejected = bad(n) // its duration runs
				return s, nil
			},
			records: func(_ context.Context, n int, w ingest.Window) iter.Seq2[ingest.Page, error] {
				p := page(w)
				p.Rejected = append(bad(-1), bad(-2)...)
				return pages(p)
			},
		}
		bus := &troubledBus{}
		w := watch(t, v, bus, workerSettings())
		wait(9*time.Minute + 30*time.Second)
		w.end()
		if bus.quarantine != 12 || w.Status().Quarantined != 12 || len(bus.Rejected()) != 12 {
			t.Errorf("put aside %d rows, %d different ones, and counted %d; want the two records, and a call for each of ten minutes",
				bus.quarantine, len(bus.Rejected()), w.Status().Quarantined)
		}
		said := slices.DeleteFunc(w.said(), func(s string) bool { return !strings.Contains(s, "put aside") })
		if len(said) != 12 {
			t.Errorf("the log says so %d times, want 12", len(said))
		}
	})
}

// oneCall is a vendor with a call that rings, is answered after 4 s and is gone after 8 s, and its record.
func oneCall(began time.Time) *vendor {
	return &vendor{
		active: func(context.Context, int) (ingest.Snapshot, error) {
			row := ringsSince("SIP/1", began)
			row.Talking = time.Since(began) >= 4*time.Second
			if time.Since(began) >= 8*time.Second {
				return shot(), nil
			}
			return shot(row), nil
		},
		records: func(_ context.Context, _ int, w ingest.Window) iter.Seq2[ingest.Page, error] {
			rec := recordOf("1", began, began.Add(7*time.Second))
			answered(&rec.Call)
			if time.Since(began) < 9*time.Second || !w.Contains(began) {
				return pages(page(w))
			}
			return pages(page(w, rec))
		},
	}
}

var oneCallTold = []events.Type{events.CallStarted, events.CallAnswered, events.CallEnded}

func TestABusThatIsAwayIsWaitedForAndNothingIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		back := time.Now().Add(time.Hour)
		bus := &troubledBus{publish: func(ctx context.Context, _ []events.Event) error {
			select {
			case <-time.After(time.Until(back)):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		v := oneCall(time.Now())
		w := watch(t, v, bus, workerSettings())
		wait(59 * time.Minute)
		if n := len(bus.Stored()); n > 0 {
			t.Errorf("%d events are stored while the bus is away", n)
		}
		wait(2 * time.Minute)
		w.end()
		got := typesOf(bus.Stored())
		// Nobody saw the call talk: the pollers wait with what they saw for the bus. Its record tells.
		if !slices.Equal(got, oneCallTold) {
			t.Errorf("stored %v, want %v", got, oneCallTold)
		}
		f, _ := bus.Stored()[2].Call()
		if f.State != events.Final || f.VendorIDs["channel"] != "SIP/1" || f.VendorIDs["id"] != "1" {
			t.Errorf("the call ended as %+v, want its record joined", f)
		}
	})
}

func TestABusThatFailsEndsTheWorkerAndAnotherRunCompletesIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		failing := errors.New("no response from stream")
		began := time.Now()
		bus := &troubledBus{publish: func(_ context.Context, evs []events.Event) error {
			if evs[0].Type == events.CallAnswered && time.Since(began) < 5*time.Second {
				return failing
			}
			return nil
		}}
		w := watch(t, oneCall(began), bus, workerSettings())
		if err := <-w.over; !errors.Is(err, failing) || !strings.Contains(err.Error(), "acme") {
			t.Errorf("the worker ended with %v, want %v of acme", err, failing)
		}
		wait(2 * time.Second)
		w.run() // as the fleet does
		wait(time.Minute)
		w.end()
		if got := typesOf(bus.Stored()); !slices.Equal(got, oneCallTold) {
			t.Errorf("stored %v, want %v", got, oneCallTold)
		}
	})
}

func TestABusThatIsClosedEndsTheWorker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bus := &ingesttest.Bus{}
		bus.CutAfter(1)
		w := watch(t, oneCall(time.Now()), bus, workerSettings())
		if err := <-w.over; !errors.Is(err, ingest.ErrBusClosed) {
			t.Errorf("the worker ended with %v, want %v", err, ingest.ErrBusClosed)
		}
		restoring := &troubledBus{restore: func(int) error { return ingest.ErrBusClosed }}
		w = watch(t, &vendor{}, restoring, workerSettings())
		if err := <-w.over; !errors.Is(err, ingest.ErrBusClosed) {
			t.Errorf("the worker ended with %v, want %v", err, ingest.ErrBusClosed)
		}
	})
}

// TestAWorkerThatIsOvertakenReadsBackAndGoesOn: another process published for the account meanwhile.
func TestAWorkerThatIsOvertakenReadsBackAndGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bus := &troubledBus{}
		overtaken := false
		bus.publish = func(ctx context.Context, evs []events.Event) error {
			if overtaken || evs[0].Type != events.CallAnswered {
				return nil
			}
			overtaken = true
			// The other one told of the same answer a moment before, and stored it.
			if err := bus.Bus.Publish(ctx, evs...); err != nil {
				return err
			}
			return fmt.Errorf("call.answered: %w", ingest.ErrOvertaken)
		}
		w := watch(t, oneCall(time.Now()), bus, workerSettings())
		wait(time.Minute)
		w.end()
		if got := typesOf(bus.Stored()); !slices.Equal(got, oneCallTold) {
			t.Errorf("stored %v, want %v", got, oneCallTold)
		}
		if bus.readings != 2 {
			t.Errorf("the stream was read %d times, want at start and when overtaken", bus.readings)
		}
		if said := w.said(); !slices.Contains(said, "WARN  another process publishes for this account; starting anew from what is stored") {
			t.Errorf("the log says %q, want that another process publishes", said)
		}
	})
}

func TestAStreamThatCannotBeReadBackIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bus := &troubledBus{restore: func(n int) error {
			if n < 4 {
				return errors.New("no quorum")
			}
			return nil
		}}
		v := &vendor{}
		w := watch(t, v, bus, workerSettings())
		wait(10 * time.Second)
		if bus.readings != 5 || len(v.polled()) == 0 {
			t.Errorf("%d readings and %d polls, want five readings, and polls then", bus.readings, len(v.polled()))
		}
		if first := v.polled()[0]; first < time.Second {
			t.Errorf("the first poll was after %v, want none before the stream was read", first)
		}
		w.end()
	})
}

func TestAWorkerEndsWhileTheStreamCannotBeReadBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := watch(t, &vendor{}, &troubledBus{restore: func(int) error { return errors.New("no quorum") }}, workerSettings())
		wait(time.Minute)
		if took := w.end(); took != 0 {
			t.Errorf("it took %v to end", took)
		}
	})
}

func TestAWorkerEndsSoonInTheMiddleOfAReply(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v := &vendor{
			active: func(ctx context.Context, _ int) (ingest.Snapshot, error) {
				<-ctx.Done()
				return ingest.Snapshot{}, ctx.Err()
			},
			records: func(ctx context.Context, _ int, _ ingest.Window) iter.Seq2[ingest.Page, error] {
				<-ctx.Done()
				return noPages(ctx.Err())
			},
		}
		bus := &ingesttest.Bus{}
		w := watch(t, v, bus, workerSettings())
		wait(time.Second)
		if took := w.end(); took != 0 {
			t.Errorf("it took %v to end", took)
		}
		if s := w.Status(); len(s.Failing) > 0 || len(s.Failures) > 0 || w.log.Len() > 0 {
			t.Errorf("to be told to stop counts as a failure: %+v, %q", s, w.said())
		}
	})
}

func TestAWorkerThatIsToldToStopPublishesWhatItSaw(t *testing.T) {
	for name, tc := range map[string]struct {
		takes  time.Duration // to publish
		ends   time.Duration // the worker
		stored int
	}{
		"a bus that is slow": {3 * time.Second, 3 * time.Second, 1},
		"a bus that is away": {time.Hour, 5 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				bus := &troubledBus{publish: func(ctx context.Context, _ []events.Event) error {
					select {
					case <-time.After(tc.takes):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}}
				w := watch(t, oneCall(time.Now()), bus, workerSettings())
				synctest.Wait() // the first poll shows a call
				if took := w.end(); took != tc.ends {
					t.Errorf("it took %v to end, want %v", took, tc.ends)
				}
				if n := len(bus.Stored()); n != tc.stored {
					t.Errorf("%d events are stored, want %d", n, tc.stored)
				}
			})
		})
	}
}

func TestAWorkerThatEndedCanRunAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		began := time.Now()
		bus, v := &ingesttest.Bus{}, oneCall(began)
		w := watch(t, v, bus, workerSettings())
		wait(5 * time.Second)
		w.end()
		w.run()
		wait(time.Minute)
		w.end()
		if got := typesOf(bus.Stored()); !slices.Equal(got, oneCallTold) {
			t.Errorf("stored %v, want %v", got, oneCallTold)
		}
	})
}

func TestAPersonIsToldOnceThatAListCannotBeReadAndOnceThatItCanAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		// Two failures, then well; then three, then well; then ten, then well.
		plan := "xxo" + "xxxo" + "xxxxxxxxxxo"
		v := &vendor{active: func(_ context.Context, n int) (ingest.Snapshot, error) {
			if n < len(plan) && plan[n] == 'x' {
				return ingest.Snapshot{}, errors.New("no route to host")
			}
			return shot(), nil
		}}
		w := watch(t, v, &ingesttest.Bus{}, workerSettings())
		wait(10 * time.Minute)
		w.end()
		want := []string{
			"WARN active_calls cannot be read; trying again", "INFO active_calls can be read again",
			"WARN active_calls cannot be read; trying again", "INFO active_calls can be read again",
		}
		if got := w.said(); !slices.Equal(got, want) {
			t.Errorf("the log says %q, want %q", got, want)
		}
		for _, want := range []string{`"account":"acme"`, `"provider":"telsam"`, "no route to host"} {
			if !strings.Contains(w.log.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, w.log)
			}
		}
		s := w.Status()
		if len(s.Failing) > 0 {
			t.Errorf("all is well again, but these are said to fail: %v", s.Failing)
		}
		failed := s.Failures[ingest.PollFailure{List: events.ActiveCalls, Reason: events.GapUnreachable}]
		if n := strings.Count(plan, "x"); failed != n || s.Polls[events.ActiveCalls] != len(v.polled()) {
			t.Errorf("%d failures of %d polls are counted, want %d of %d", failed, s.Polls[events.ActiveCalls], n, len(v.polled()))
		}
	})
}

func TestTheStatus(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refused := fmt.Errorf("ask: %w", ingest.ErrCredentials)
		v := oneCall(time.Now())
		v.records = func(_ context.Context, n int, w ingest.Window) iter.Seq2[ingest.Page, error] { return noPages(refused) }
		w := watch(t, v, &ingesttest.Bus{}, workerSettings())
		if s := w.Status(); s.Account != "acme" || s.Provider != "telsam" || len(s.Lists) != 2 {
			t.Errorf("before the first poll: %+v", s)
		}
		wait(5 * time.Second)
		s := w.Status()
		if s.Live != 1 || s.Polls[events.ActiveCalls] != 3 || !s.Read[events.ActiveCalls].Equal(v.began.Add(4*time.Second)) {
			t.Errorf("%+v: want a call going on, after three polls, the last at 4 s", s)
		}
		if !errors.Is(s.Failing[events.CDRs], refused) || !s.Read[events.CDRs].IsZero() || len(s.Failing) != 1 {
			t.Errorf("failing: %v, want the records, refused", s.Failing)
		}
		if s.Failures[ingest.PollFailure{List: events.CDRs, Reason: events.GapRefused}] == 0 || len(s.Failures) != 1 {
			t.Errorf("failures: %v, want those of the records, refused", s.Failures)
		}
		if !maps.Equal(s.Events, map[events.Type]int{events.CallStarted: 1, events.CallAnswered: 1}) || s.GapOpen[events.CDRs] {
			t.Errorf("published %v, gaps %v: want a call that was answered, and none", s.Events, s.GapOpen)
		}
		maps.DeleteFunc(s.Failing, func(events.List, error) bool { return true })
		if len(w.Status().Failing) != 1 {
			t.Error("what is done to a status is done to the worker's own")
		}
		wait(25 * time.Second)
		if s = w.Status(); s.Live != 0 || s.Tally.Provisional != 1 {
			t.Errorf("%+v: want one call that ended without its record", s)
		}
		wait(time.Minute)
		if s = w.Status(); s.Events[events.CallEnded] != 1 || s.Events[events.GapOpened] != 1 || !s.GapOpen[events.CDRs] || s.GapOpen[events.ActiveCalls] {
			t.Errorf("published %v, gaps %v: want an ended call, and a gap in the records", s.Events, s.GapOpen)
		}
		w.end()
	})
}

// TestARecordThatNeverFitsIsSaidAloud: the classic failure. A wrong time zone loses nothing and doubles everything.
func TestARecordThatNeverFitsIsSaidAloud(t *testing.T) {
	for name, tc := range map[string]struct {
		off  time.Duration
		said int
	}{
		"an hour off": {-time.Hour, 1},
		"right":       {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				epoch := time.Now()
				const every = 30 * time.Second
				v := &vendor{
					active: func(context.Context, int) (ingest.Snapshot, error) {
						if ran := time.Since(epoch); ran%every < 10*time.Second {
							return shot(ringsSince(fmt.Sprint("SIP/", ran/every), epoch.Add(ran.Truncate(every)))), nil
						}
						return shot(), nil
					},
					records: func(_ context.Context, _ int, w ingest.Window) iter.Seq2[ingest.Page, error] {
						p := page(w)
						for began := epoch; began.Add(10 * time.Second).Before(time.Now()); began = began.Add(every) {
							rec := recordOf(fmt.Sprint(began.Sub(epoch)), began.Add(tc.off), began.Add(tc.off+10*time.Second))
							if w.Contains(*rec.Call.StartedAt) {
								p.Records = append(p.Records, rec)
							}
						}
						return pages(p)
					},
				}
				w := watch(t, v, &ingesttest.Bus{}, workerSettings())
				wait(25 * every)
				w.end()
				said := slices.DeleteFunc(w.said(), func(s string) bool { return !strings.Contains(s, "are TIMEZONE and the PBX's clock right?") })
				if len(said) != tc.said {
					t.Errorf("after %+v the log says so %d times, want %d", w.Status().Tally, len(said), tc.said)
				}
			})
		})
	}
}

// TestACallLongerThanWhatIsReadBackIsNotStartedAgain: it was published days ago, by a former life.
func TestACallLongerThanWhatIsReadBackIsNotStartedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		began := time.Now()
		v := &vendor{active: func(context.Context, int) (ingest.Snapshot, error) {
			return shot(ringsSince("SIP/1", began)), nil
		}}
		bus := &troubledBus{}
		first := watch(t, v, bus, workerSettings())
		wait(time.Minute)
		first.end()
		wait(4 * 24 * time.Hour)
		second := watch(t, v, bus, workerSettings())
		wait(time.Minute)
		second.end()
		if got := typesOf(bus.Stored()); !slices.Equal(got, []events.Type{events.CallStarted}) {
			t.Errorf("stored %v, want started, once", got)
		}
		if n := len(bus.since); n != 3 {
			t.Errorf("the stream was read %d times, want once by the first life, and twice by the second", n)
		}
		if got := second.Status().Live; got != 1 {
			t.Errorf("%d calls are going on, want 1", got)
		}
	})
}
