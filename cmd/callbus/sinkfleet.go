package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
)

// sinkFleet is the sinks of this process, each with its pump. One that is slow or dead delays no other.
type sinkFleet struct {
	log    *slog.Logger
	tracer trace.Tracer // nil for none

	mu    sync.Mutex
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
	arrived chan struct{} // closed when it has come to rest
}

func newSinkFleet(log *slog.Logger) *sinkFleet {
	return &sinkFleet{log: log, ships: map[string]*sinkShip{}}
}

// start opens the sink and lets its pump deliver until ctx is done, and then until what is under way has come to rest.
func (f *sinkFleet) start(ctx context.Context, bus *stream.Bus, c SinkConfig) error {
	s := &sinkShip{config: c, arrived: make(chan struct{})}
	var err error
	if s.sink, err = c.Config.Open(ctx, sinkPlace{c.Name, bus, f.log}); err != nil {
		return err
	}
	if s.backlog, err = bus.Backlog(ctx, c.backlog(f.log)); err != nil {
		return errors.Join(err, s.sink.Close())
	}
	s.pump = sinks.NewPump(sinks.PumpConfig{
		Name: c.Name, Sink: s.sink, Backlog: s.backlog, Lanes: c.Concurrency, GiveUpAfter: c.Config.GiveUpAfter(), Log: f.log, Tracer: f.tracer,
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

// status returns how the sinks are doing, by name.
func (f *sinkFleet) status() []sinks.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]sinks.Status, 0, len(f.ships))
	for _, s := range f.ships {
		all = append(all, s.pump.Status())
	}
	slices.SortFunc(all, func(a, b sinks.Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// ignored returns, by the name of the sink, which missed calls oblige nobody to call back.
func (f *sinkFleet) ignored() map[string]map[callbacksIgnored]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]map[callbacksIgnored]uint64{}
	for name, s := range f.ships {
		if keeps, ok := s.sink.(interface {
			Ignored() map[callbacksIgnored]uint64
		}); ok {
			all[name] = keeps.Ignored()
		}
	}
	return all
}

// deliver starts every sink of the settings.
func (e *engine) deliver(ctx context.Context, cfg Config) error {
	for _, c := range cfg.Sinks {
		if err := e.sinks.start(ctx, e.bus.Bus, c); err != nil {
			return fmt.Errorf("start sink %s: %w", c.Name, err)
		}
	}
	return nil
}
