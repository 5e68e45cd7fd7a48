package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/callbus/callbus/events/stream"
)

// engine is callbus at work: the bus, the workers that publish to it, and the HTTP server that tells how they are. It is
// what callbus run and callbus demo have in common.
type engine struct {
	began       time.Time
	log         *slog.Logger
	bus         *openedBus
	roster      *stream.Roster // nil when this process neither watches nor delivers
	fleet       *fleet
	sinks       *sinkFleet
	http        *httpServer
	health      *health
	meters      *meters
	traces      *traces // nil for none
	group       *errgroup.Group
	ending      <-chan struct{} // closed when all of it is to come to rest
	stopServing func() error    // HTTP
}

// startEngine takes the addresses and the folder first, so that what cannot work is known before anything is asked of a
// vendor. It goes on until ctx is done; wait must be called.
func startEngine(ctx context.Context, cfg Config, log *slog.Logger) (*engine, error) {
	e := &engine{began: time.Now(), log: log, health: &health{log: log}}
	e.meters = newMeters(e.health)
	listen := cfg.HTTPListen
	if !cfg.Roles.HTTP {
		listen = "off"
	}
	var err error
	if e.http, err = listenHTTP(listen, e.health, e.meters, log); err != nil {
		return nil, err
	}
	e.group, ctx = errgroup.WithContext(ctx)
	e.ending = ctx.Done()
	e.serve(ctx)
	if e.bus, err = openBus(ctx, cfg.Bus, log); err != nil {
		return nil, errors.Join(err, e.stopServing())
	}
	if e.traces, err = startTraces(ctx, cfg.Traces, log); err != nil {
		e.bus.close()
		return nil, errors.Join(err, e.stopServing())
	}
	published := newBusMeter()
	e.fleet, e.sinks = newFleet(e.bus.Bus, published, log), newSinkFleet(log)
	e.fleet.tracer, e.sinks.tracer = e.traces.tracer("github.com/callbus/callbus/ingest"), e.traces.tracer("github.com/callbus/callbus/sinks")
	e.meters.show(published, e.fleet, e.sinks)
	err = e.share(ctx, cfg)
	e.group.Go(func() error { e.health.watch(ctx, e.bus.ready, func() error { return e.works(published) }); return nil })
	return e, err
}

// serve lets probes see how callbus starts and comes to rest: it serves for longer than ctx.
func (e *engine) serve(ctx context.Context) {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- e.http.Run(serving) }()
	e.group.Go(func() error {
		select {
		case err := <-served:
			served <- nil // it is told here
			return err
		case <-ctx.Done():
			return nil
		}
	})
	e.stopServing = func() error { stop(); return <-served }
}

// works returns nil while this process does what its roles are, as far as it can see by itself.
func (e *engine) works(published *busMeter) error {
	return errors.Join(stored(published.oldest(time.Now())), e.fleet.ready(), e.sinks.ready())
}

// wait returns when ctx is done and everything has come to rest: nothing new is asked, what was seen is published, and
// only then is the bus closed.
func (e *engine) wait(ctx context.Context) error {
	<-e.ending
	err := e.group.Wait()
	e.fleet.wait()
	e.sinks.wait()
	err = errors.Join(err, e.stopServing())
	e.bus.close()
	e.traces.close()
	if ctx.Err() != nil {
		return nil
	}
	return err
}
