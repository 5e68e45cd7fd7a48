package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
)

// remote returns how to connect to the external server.
func (b Bus) remote(name string, log *slog.Logger) stream.RemoteConfig {
	return stream.RemoteConfig{
		URL: strings.Join(b.URL, ","), User: b.User, Password: b.Password, CredsFile: b.Creds,
		TLSCA: b.TLSCA, TLSCert: b.TLSCert, TLSKey: b.TLSKey, Name: name, Log: log,
	}
}

// embedded returns how to run the server in this process.
func (b Bus) embedded(log *slog.Logger) stream.ServerConfig {
	return stream.ServerConfig{
		DataDir: b.DataDir, Listen: string(cmp.Or(b.Listen, "off")), User: b.ListenUser, Password: b.ListenPassword,
		SyncAlways: b.Sync.Always, SyncInterval: b.Sync.Every, Log: log,
	}
}

func (b Bus) streamSettings() stream.Settings {
	return stream.Settings{Replicas: b.Replicas, MaxAge: b.MaxAge}
}

// client returns how to connect to the bus from outside the process that runs callbus: to the external server, or to
// where the embedded one listens.
func (b Bus) client(name string, log *slog.Logger) (stream.RemoteConfig, error) {
	if b.External() {
		return b.remote(name, log), nil
	}
	if b.Listen.Off() {
		return stream.RemoteConfig{}, errors.New("CALLBUS_NATS_LISTEN is off, so nothing can connect to the embedded server: set it to an address like 127.0.0.1:4222 and start callbus again")
	}
	return stream.RemoteConfig{URL: "nats://" + b.Listen.reachable(), User: b.ListenUser, Password: b.ListenPassword, Name: name, Log: log}, nil
}

// reachable returns where a program on this machine connects to.
func (l Listen) reachable() string {
	host, port, _ := net.SplitHostPort(string(l))
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// dialBus connects to a bus that another process runs.
func dialBus(ctx context.Context, b Bus, name string, log *slog.Logger) (*nats.Conn, error) {
	c, err := b.client(name, log)
	if err != nil {
		return nil, err
	}
	nc, err := stream.Dial(ctx, c)
	if errors.Is(err, stream.ErrUnreachable) && !b.External() {
		return nil, fmt.Errorf("nothing answers at %s: start callbus there (callbus run, or callbus demo), or set CALLBUS_NATS_URL to where it runs: %w", b.Listen.reachable(), err)
	}
	return nc, err
}

// openReading opens the bus of another process to read from it. It finds out first what that process chose for the
// streams, because to open them is to set that: with the settings of this environment it could make the stream forget.
func openReading(ctx context.Context, nc *nats.Conn) (*stream.Bus, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("read from the bus: %w", err)
	}
	s, err := js.Stream(ctx, stream.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("the NATS server at %s has no stream %s: no callbus has published there yet; start callbus run with it", nc.ConnectedUrlRedacted(), stream.Name)
	case err != nil:
		return nil, fmt.Errorf("look for the stream %s on the NATS server at %s: %w", stream.Name, nc.ConnectedUrlRedacted(), err)
	}
	c := s.CachedInfo().Config
	return stream.Open(ctx, nc, stream.Settings{Replicas: c.Replicas, MaxAge: c.MaxAge})
}
