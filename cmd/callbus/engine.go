package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
)

// engine is callbus at work: the bus, the workers that publish to it, and the HTTP server that tells how they are. It is
// what callbus run and callbus demo have in common.
type engine struct {
	bus    *openedBus
	fleet  *fleet
	sinks  *sinkFleet
	http   *httpServer
	traces *traces // nil for none
	group  *errgroup.Group
}

// startEngine takes the addresses and the folder first, so that what cannot work is known before anything is asked of a
// vendor. It goes on until ctx is done; wait must be called.
func startEngine(ctx context.Context, cfg Config, log *slog.Logger) (*engine, error) {
	e := &engine{}
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
	if e.traces, err = startTraces(ctx, cfg.Traces, log); err != nil {
		e.bus.close()
		return nil, errors.Join(err, e.http.close())
	}
	e.fleet, e.sinks = newFleet(ingestBus{e.bus.Bus}, log), newSinkFleet(log)
	e.fleet.tracer, e.sinks.tracer = e.traces.tracer("github.com/callbus/callbus/ingest"), e.traces.tracer("github.com/callbus/callbus/sinks")
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), fleetCollector{e.fleet}, sinkCollector{e.sinks})
	var running context.Context
	e.group, running = errgroup.WithContext(ctx)
	e.group.Go(func() error { return e.http.Run(running) })
	if cfg.Roles.Sinks {
		err = e.deliver(running, cfg)
	}
	if err == nil && cfg.Roles.Ingest {
		err = e.watch(running, cfg)
	}
	return e, err
}

// watch starts the workers of the settings, and follows the accounts folder.
func (e *engine) watch(ctx context.Context, cfg Config) error {
	for _, a := range cfg.Accounts {
		if err := e.fleet.start(ctx, a); err != nil {
			return fmt.Errorf("watch account %s: %w", a.Name, err)
		}
	}
	if cfg.AccountsDir != "" {
		d := newAccountsDir(cfg.AccountsDir, dirEvery, cfg.accountReader().read)
		e.group.Go(func() error { e.fleet.follow(ctx, d); return nil })
	}
	return nil
}

// wait returns when ctx is done and everything has come to rest: nothing new is asked, what was seen is published, and
// only then is the bus closed.
func (e *engine) wait(ctx context.Context) error {
	err := e.group.Wait()
	e.fleet.wait()
	e.sinks.wait()
	e.bus.close()
	e.traces.close()
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
