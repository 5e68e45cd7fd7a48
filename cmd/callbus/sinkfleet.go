package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
)

// sinkFleet is the sinks of this process, each with its pump. One that is slow or dead delays no other.
type sinkFleet struct {
	log    *slog.Logger
	tracer trace.Tracer // nil for none

	mu    sync.Mutex
	known map[string]SinkConfig
	ships map[string]*sinkShip
	pumps sync.WaitGroup
}

// sinkShip is one sink under way.
type sinkShip struct {
	config  SinkConfig
	sink    sinks.Sink
	backlog *stream.Backlog
	pump    *sinks.Pump
	leave   context.CancelFunc
	arrived chan struct{}        // closed when it has come to rest
	took    prometheus.Histogram // an attempt to deliver
	failed  atomic.Bool          // it has come to rest although it should not
}

func newSinkFleet(log *slog.Logger) *sinkFleet {
	return &sinkFleet{log: log, known: map[string]SinkConfig{}, ships: map[string]*sinkShip{}}
}

// know says that this process may deliver for c.
func (f *sinkFleet) know(c SinkConfig) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known[c.Name] = c
}

// take delivers for a sink that is known, until ctx is done or it is stopped.
func (f *sinkFleet) take(ctx context.Context, bus *stream.Bus, name string) error {
	f.mu.Lock()
	c := f.known[name]
	f.mu.Unlock()
	if err := f.start(ctx, bus, c); err != nil {
		return fmt.Errorf("start sink %s: %w", name, err)
	}
	return nil
}

// start opens the sink and lets its pump deliver until ctx is done, and then until what is under way has come to rest.
func (f *sinkFleet) start(ctx context.Context, bus *stream.Bus, c SinkConfig) error {
	s := &sinkShip{config: c, arrived: make(chan struct{}), took: attemptDuration(c.Name)}
	var err error
	if s.sink, err = c.Config.Open(ctx, sinkPlace{c.Name, bus, f.log}); err != nil {
		return err
	}
	if s.backlog, err = bus.Backlog(ctx, c.backlog(f.log)); err != nil {
		return errors.Join(err, s.sink.Close())
	}
	s.pump = sinks.NewPump(sinks.PumpConfig{
		Name: c.Name, Sink: s.sink, Backlog: s.backlog, Lanes: c.Concurrency, GiveUpAfter: c.Config.GiveUpAfter(), Log: f.log, Tracer: f.tracer,
		Attempted: func(took time.Duration) { s.took.Observe(took.Seconds()) },
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ships[c.Name] = s
	ctx, s.leave = context.WithCancel(ctx)
	f.pumps.Go(func() { f.sail(ctx, s) })
	return nil
}

// stop ends one sink, and returns when it has come to rest.
func (f *sinkFleet) stop(name string) {
	f.mu.Lock()
	s := f.ships[name]
	delete(f.ships, name)
	f.mu.Unlock()
	if s != nil {
		s.leave()
		<-s.arrived
	}
}

func (f *sinkFleet) sail(ctx context.Context, s *sinkShip) {
	defer close(s.arrived)
	defer s.leave()
	if err := s.pump.Run(ctx); err != nil && ctx.Err() == nil {
		s.failed.Store(true)
		f.log.Error("the sink has stopped; its backlog stays in the stream", "sink", s.config.Name, "error", err)
	}
	s.backlog.Close()
	if err := s.sink.Close(); err != nil {
		f.log.Warn("the sink could not be closed well", "sink", s.config.Name, "error", err)
	}
}

// backlog says which events the sink gets.
func (c SinkConfig) backlog(log *slog.Logger) stream.BacklogConfig {
	return stream.BacklogConfig{
		Sink: c.Name, Types: c.Types, Accounts: c.Accounts, Start: stream.Start{All: c.Start.All, From: c.Start.From}, Log: log,
	}
}

// wait returns when every pump has come to rest.
func (f *sinkFleet) wait() { f.pumps.Wait() }

// reporters returns the sinks, by name.
func (f *sinkFleet) reporters() []sinkReporter {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]sinkReporter, 0, len(f.ships))
	for _, s := range f.ships {
		keeper, _ := s.sink.(callbackKeeper)
		all = append(all, sinkReporter{s.pump.Status(), s.took, keeper})
	}
	return all
}

// ready returns nil unless a sink has stopped. An endpoint that is down is no reason: its backlog waits, and the sink's circuit
// tells of it.
func (f *sinkFleet) ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []error
	for _, name := range slices.Sorted(maps.Keys(f.ships)) {
		if f.ships[name].failed.Load() {
			all = append(all, fmt.Errorf("the sink %s has stopped, and the log says why; start callbus again", name))
		}
	}
	return errors.Join(all...)
}
