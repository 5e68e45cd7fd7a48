package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// fleet is the workers of this process, one for each account. Accounts may be added, changed and removed while it runs.
type fleet struct {
	bus    ingest.Bus
	client *http.Client
	log    *slog.Logger
	tracer trace.Tracer // nil for none

	mu      sync.Mutex
	ships   map[string]*ship
	workers sync.WaitGroup
}

// ship is one account's worker under way.
type ship struct {
	worker *ingest.Worker
	stop   context.CancelFunc
	ended  chan struct{}
}

func newFleet(bus ingest.Bus, log *slog.Logger) *fleet {
	return &fleet{bus: bus, client: &http.Client{Transport: vendorTransport()}, log: log, ships: map[string]*ship{}}
}

// vendorTransport is shared by all accounts: their connections are kept apart by host.
func vendorTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0 // one or two for each account, however many there are
	t.MaxIdleConnsPerHost = 4
	return t
}

// budgeted returns a client whose requests all draw on the budget of a, if it has one.
func budgeted(client *http.Client, a Account) *http.Client {
	r := a.Settings.Rate
	if r.Requests == 0 {
		return client
	}
	return &http.Client{Transport: vendorhttp.NewBudget(client.Transport, r.Requests, r.Per, a.Settings.Polls(a.Vendor.ListsActive()))}
}

// start lets a worker watch a, in place of the one that did so before, until ctx is done.
func (f *fleet) start(ctx context.Context, a Account) error {
	f.stop(a.Name)
	vendor, err := a.Open(budgeted(f.client, a))
	if err != nil {
		return err
	}
	w, err := ingest.NewWorker(ingest.WorkerConfig{
		Account: a.Name, Provider: a.Provider, Settings: a.Settings, Vendor: vendor, Bus: f.bus, Log: f.log, Tracer: f.tracer,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	s := &ship{worker: w, stop: stop, ended: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ships[a.Name] = s
	f.workers.Go(func() {
		defer close(s.ended)
		f.sail(ctx, a.Name, w)
	})
	return nil
}

// sailAgain is how long after a worker gave up it is started anew.
const sailAgain = 10 * time.Second

// sail runs w until ctx is done. What one account's worker cannot get over must not end the others, or the process.
func (f *fleet) sail(ctx context.Context, name string, w *ingest.Worker) {
	for ctx.Err() == nil {
		err := w.Run(ctx)
		if err == nil || errors.Is(err, ingest.ErrBusClosed) {
			return
		}
		f.log.Error("the account's worker gave up; it starts anew", "account", name, "in", sailAgain, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(sailAgain):
		}
	}
}

// stop ends the worker of an account, if there is one, and waits until it has published what it saw.
func (f *fleet) stop(name string) {
	f.mu.Lock()
	s := f.ships[name]
	delete(f.ships, name)
	f.mu.Unlock()
	if s != nil {
		s.stop()
		<-s.ended
	}
}

// wait returns when every worker has ended.
func (f *fleet) wait() { f.workers.Wait() }

// status returns how the workers are doing, by account name.
func (f *fleet) status() []ingest.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]ingest.Status, 0, len(f.ships))
	for _, s := range f.ships {
		all = append(all, s.worker.Status())
	}
	slices.SortFunc(all, func(a, b ingest.Status) int { return strings.Compare(a.Account, b.Account) })
	return all
}

// ready returns nil while at least one account can be read, or there is none.
func (f *fleet) ready() error {
	all := f.status()
	for _, s := range all {
		if len(s.Failing) == 0 {
			return nil
		}
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("no account can be read: %d of %d fail", len(all), len(all))
}

// follow starts and stops workers as the accounts folder changes, until ctx is done.
func (f *fleet) follow(ctx context.Context, d *accountsDir) {
	d.watch(ctx, func(c accountChange) { f.apply(ctx, c) })
}

func (f *fleet) apply(ctx context.Context, c accountChange) {
	log := f.log.With("account", c.Name)
	switch c.Kind {
	case accountFaulty:
		log.Error("the accounts folder: a file is wrong; what ran before by that name goes on", "error", c.Err)
	case accountRemoved:
		f.stop(c.Name)
		log.Info("the accounts folder: account removed")
	default:
		if err := f.start(ctx, c.Account); err != nil {
			log.Error("the accounts folder: the account cannot be watched", "error", err)
			return
		}
		log.Info("the accounts folder: account " + string(c.Kind))
	}
}
