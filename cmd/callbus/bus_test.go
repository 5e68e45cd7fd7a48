package main

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
)

func streamAge(ctx context.Context, nc *nats.Conn) (time.Duration, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	s, err := js.Stream(ctx, stream.Name)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().Config.MaxAge, nil
}

func TestWhereAClientConnects(t *testing.T) {
	t.Parallel()
	for listen, want := range map[Listen]string{
		"127.0.0.1:4222": "127.0.0.1:4222", "localhost:1": "localhost:1", ":4222": "localhost:4222", "0.0.0.0:4222": "localhost:4222",
		"[::]:4222": "localhost:4222", "[::1]:4222": "[::1]:4222", "10.0.0.1:4222": "10.0.0.1:4222",
	} {
		if got := listen.reachable(); got != want {
			t.Errorf("%s is reached at %s, want %s", listen, got, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for listen, want := range map[Listen]bool{
		"127.0.0.1:4222": true, "127.8.8.8:1": true, "localhost:1": true, "[::1]:1": true,
		":4222": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "pbx:1": false, "localhost.example.com:1": false,
	} {
		if got := listen.Loopback(); got != want {
			t.Errorf("%s is loopback: %t, want %t", listen, got, want)
		}
	}
}
