package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// fleet is the accounts that this process may watch, and the workers of those that it does. Accounts may be added, changed and
// removed while it runs; which of them it watches is for the roster to say.
type fleet struct {
	bus    *stream.Bus
	meter  *busMeter
	gate   *vendorhttp.Gate
	client *http.Client  // which asks through it
	turns  chan struct{} // see [mostRestores]
	// lookbacks says when each worker begins to read its look-back.
	lookbacks *rate.Limiter
	log       *slog.Logger
	tracer    trace.Tracer // nil for none

	mu      sync.Mutex
	berths  map[string]*berth
	workers sync.WaitGroup
}

// berth is one account's place in the fleet.
type berth struct {
	mu      sync.Mutex // one thing at a time is done about an account
	account Account
	fence   string // of the term in which this process has it, see [ingestBus]

	ship atomic.Pointer[ship] // nil while this process does not watch the account
}

// ship is one account's worker under way.
type ship struct {
	worker *ingest.Worker
	budget *vendorhttp.Budget // nil for none
	stop   context.CancelFunc
	ended  chan struct{}
}

func newFleet(bus *stream.Bus, meter *busMeter, log *slog.Logger) *fleet {
	gate := vendorGate()
	return &fleet{
		bus: bus, meter: meter, gate: gate, client: &http.Client{Transport: gate}, turns: make(chan struct{}, mostRestores), log: log,
		lookbacks: rate.NewLimiter(lookbacksEach, 1), berths: map[string]*berth{},
	}
}

// lookbacksEach is how many look-backs begin each second: one takes about a hundredth of it of a core.
const lookbacksEach = 100

// vendorGate is what all accounts ask their vendors through: their connections are kept apart by host. Of the files that the process may
// open a quarter is for requests and half for idle connections at most: the rest is for what is stored, and delivered.
func vendorGate() *vendorhttp.Gate {
	files := openFiles()
	all := min(mostAsked, files/4)
	perHost := min(mostAskedOfAHost, all/2)
	t := http.DefaultTransport.(*http.Transport).Clone()
	// net/http goes on to connect when a request has given up: it must not do so for long.
	t.DialContext = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext
	t.MaxIdleConns = files / 2           // where there are more hosts than that, hardly a connection is used twice
	t.MaxIdleConnsPerHost = perHost      // else each request to a host of many accounts would leave a port in TIME_WAIT
	t.IdleConnTimeout = 20 * time.Second // what is polled less often connects each time: ten thousand idle connections cost more
	return vendorhttp.NewGate(t, all, perHost)
}

// connectTimeout is that of a request to a vendor, by default.
const connectTimeout = 10 * time.Second

// How many requests to vendors are under way at once, at most. Each needs about 60 kB and, over HTTP/1.1, a file.
const (
	mostAsked        = 8192
	mostAskedOfAHost = 1024
	manyFiles        = 1 << 20 // as good as any number
)

// budgeted returns a client whose requests all draw on the budget of a, if it has one.
func budgeted(client *http.Client, a Account) (*http.Client, *vendorhttp.Budget) {
	r := a.Settings.Rate
	if r.Requests == 0 {
		return client, nil
	}
	budget := vendorhttp.NewBudget(client.Transport, r.Requests, r.Per, a.Settings.Polls(a.Vendor.ListsActive()))
	return &http.Client{Transport: budget}, budget
}

// know says that a is an account that this process may watch. If it watches it already, it goes on with these settings.
func (f *fleet) know(ctx context.Context, a Account) error {
	b := f.berth(a.Name, true)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.account = a
	if b.ship.Load() == nil {
		return nil
	}
	return f.sail(ctx, b)
}

// forget undoes know.
func (f *fleet) forget(name string) {
	f.stop(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.berths, name)
}

func (f *fleet) berth(name string, make bool) *berth {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.berths[name] == nil && make {
		f.berths[name] = &berth{}
	}
	return f.berths[name]
}

// take lets a worker watch an account in term t, until ctx is done.
func (f *fleet) take(ctx context.Context, name string, t stream.Term) error {
	b := f.berth(name, false)
	if b == nil {
		return nil // it was removed just now
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fence = stream.Subject(lapsed(b.account, t.ID, time.Now()))
	if err := f.endTerms(ctx, b.account, t); err != nil {
		return err
	}
	return f.sail(ctx, b)
}

// endTerms sees to it that processes which had the account and vanished publish nothing more that only they know: what they had seen
// of active calls.
func (f *fleet) endTerms(ctx context.Context, a Account, t stream.Term) error {
	if !a.Vendor.ListsActive() {
		return nil
	}
	for _, term := range t.Lapsed {
		from := t.LastSeen
		if from.IsZero() {
			from = time.Now()
		}
		if err := f.bus.Publish(ctx, lapsed(a, term, from)); err != nil {
			return fmt.Errorf("end the term of the process that watched %s before: %w", a.Name, err)
		}
	}
	return nil
}

func lapsed(a Account, term string, from time.Time) events.Event {
	return ingest.Lapsed(a.Name, a.Provider, term, from, time.Now())
}

// sail starts the worker of b, in place of the one that there was.
func (f *fleet) sail(ctx context.Context, b *berth) error {
	b.stop()
	a := b.account
	client, budget := budgeted(f.client, a)
	vendor, err := a.Open(client)
	if err != nil {
		return err
	}
	w, err := ingest.NewWorker(ingest.WorkerConfig{
		Account: a.Name, Provider: a.Provider, Settings: a.Settings, Vendor: vendor,
		Bus: meteredBus{ingestBus{f.bus, b.fence, f.turns}, f.meter}, Log: f.log, Tracer: f.tracer, Delay: f.lookbacks.Reserve().Delay(),
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	s := &ship{worker: w, budget: budget, stop: stop, ended: make(chan struct{})}
	b.ship.Store(s)
	f.workers.Go(func() {
		defer close(s.ended)
		f.run(ctx, a.Name, w)
	})
	return nil
}

// stop ends the worker, if there is one, and waits until it has published what it saw.
func (b *berth) stop() {
	if s := b.ship.Swap(nil); s != nil {
		s.stop()
		<-s.ended
	}
}

// runAgain is how long after a worker gave up it is started anew.
const runAgain = 10 * time.Second

// run runs w until ctx is done. What one account's worker cannot get over must not end the others, or the process.
func (f *fleet) run(ctx context.Context, name string, w *ingest.Worker) {
	for ctx.Err() == nil {
		err := w.Run(ctx)
		if err == nil || errors.Is(err, ingest.ErrBusClosed) {
			return
		}
		f.log.Error("the account's worker gave up; it starts anew", "account", name, "in", runAgain, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(runAgain):
		}
	}
}

// stop ends the worker of an account, if there is one, and waits until it has published what it saw.
func (f *fleet) stop(name string) {
	if b := f.berth(name, false); b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.stop()
	}
}

// wait returns when every worker has ended.
func (f *fleet) wait() { f.workers.Wait() }

// status returns how the workers are doing, by account name.
func (f *fleet) status() []ingest.Status {
	return slices.SortedFunc(f.each(), func(a, b ingest.Status) int { return strings.Compare(a.Account, b.Account) })
}

// each returns how the workers are doing, in no order. No account comes or goes meanwhile.
func (f *fleet) each() iter.Seq[ingest.Status] {
	return func(yield func(ingest.Status) bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, b := range f.berths {
			if s := b.ship.Load(); s != nil && !yield(s.worker.Status()) {
				return
			}
		}
	}
}

// ready returns nil while at least one account can be read, or there is none.
func (f *fleet) ready() error { return readable(f.each()) }

// remaining returns what is left now of the budgets of requests, of the accounts that have one.
func (f *fleet) remaining() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]int{}
	for name, b := range f.berths {
		if s := b.ship.Load(); s != nil && s.budget != nil {
			all[name] = s.budget.Remaining()
		}
	}
	return all
}
