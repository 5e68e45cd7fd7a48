package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/callbus/callbus/events/stream"
)

// engine is callbus at work: the bus, the workers that publish to it, and the HTTP server that tells how they are. It is
// what callbus run and callbus demo have in common.
type engine struct {
	began  time.Time
	log    *slog.Logger
	bus    *openedBus
	roster *stream.Roster // nil when this process neither watches nor delivers
	fleet  *fleet
	sinks  *sinkFleet
	http   *httpServer
	group  *errgroup.Group
}

// startEngine takes the addresses and the folder first, so that what cannot work is known before anything is asked of a
// vendor. It goes on until ctx is done; wait must be called.
func startEngine(ctx context.Context, cfg Config, log *slog.Logger) (*engine, error) {
	e := &engine{began: time.Now(), log: log}
	metrics := prometheus.NewRegistry()
	listen := cfg.HTTPListen
	if !cfg.Roles.HTTP {
		listen = "off"
	}
	var err error
	if e.http, err = listenHTTP(listen, e.ready, metrics, log); err != nil {
		return nil, err
	}
	if e.bus, err = openBus(ctx, cfg.Bus, log); err != nil {
		return nil, errors.Join(err, e.http.close())
	}
	e.fleet, e.sinks = newFleet(e.bus.Bus, log), newSinkFleet(log)
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), fleetCollector{e.fleet}, sinkCollector{e.sinks})
	var running context.Context
	e.group, running = errgroup.WithContext(ctx)
	e.group.Go(func() error { return e.http.Run(running) })
	if err = e.joinRoster(running, cfg); err != nil || e.roster == nil {
		return e, err
	}
	e.group.Go(func() error { return e.roster.Run(running) })
	if cfg.Roles.Sinks {
		e.deliver(running, cfg)
	}
	if cfg.Roles.Ingest {
		e.watch(running, cfg)
	}
	return e, nil
}

// wait returns when ctx is done and everything has come to rest: nothing new is asked, what was seen is published, and
// only then is the bus closed.
func (e *engine) wait(ctx context.Context) error {
	err := e.group.Wait()
	e.fleet.wait()
	e.sinks.wait()
	e.bus.close()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (e *engine) ready() error {
	if e.fleet == nil {
		return errors.New("callbus is starting")
	}
	return errors.Join(e.bus.ready(), e.fleet.ready())
}
