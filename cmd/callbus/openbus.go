package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events/stream"
)

// openedBus is the bus of this process, and what it runs on.
type openedBus struct {
	*stream.Bus
	nc     *nats.Conn
	server *stream.Server // nil when the server is somebody else's
}

// openBus starts the embedded server, or connects to the external one, and sets up the streams.
func openBus(ctx context.Context, b Bus, log *slog.Logger) (*openedBus, error) {
	o := &openedBus{}
	var err error
	if b.External() {
		o.nc, err = stream.Dial(ctx, b.remote("callbus", log))
	} else if o.server, err = stream.StartServer(ctx, b.embedded(log)); err == nil {
		o.nc, err = o.server.Connect("callbus")
	}
	if err == nil {
		o.Bus, err = stream.Open(ctx, o.nc, b.streamSettings())
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// close undoes openBus, in reverse order. It is for a bus whose publishers have ended.
func (o *openedBus) close() {
	if o.Bus != nil {
		o.Bus.Close()
	}
	if o.nc != nil {
		o.nc.Close()
	}
	if o.server != nil {
		o.server.Shutdown()
	}
}

// url is where subscribers connect, "" when they cannot.
func (o *openedBus) url() string {
	if o.server != nil {
		return o.server.URL()
	}
	return o.nc.ConnectedUrlRedacted()
}

// ready returns nil while events can be stored, as far as the server tells before ctx is done.
func (o *openedBus) ready(ctx context.Context) error {
	if o.server != nil {
		if err := o.server.Err(); err != nil {
			return fmt.Errorf("the embedded server: %w", err)
		}
	}
	return o.Health(ctx)
}
