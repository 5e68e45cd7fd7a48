package stream_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

func Example() {
	dir, err := os.MkdirTemp("", "callbus-data-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	server, err := stream.StartServer(ctx, stream.ServerConfig{DataDir: dir, Listen: "127.0.0.1:0", SyncAlways: true})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown()
	nc, err := server.Connect("example")
	if err != nil {
		log.Fatal(err)
	}
	bus, err := stream.Open(ctx, nc, stream.Settings{})
	if err != nil {
		log.Fatal(err)
	}
	defer bus.Close()

	missed := events.Event{
		ID:   events.ID("acme", "651f8a68", events.CallMissed, 1),
		Type: events.CallMissed, Account: "acme", Provider: "telsam", Subject: "651f8a68",
		Time: time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC), Data: events.Call{CallID: "651f8a68", Account: "acme", Provider: "telsam"},
	}
	for range 2 { // the second time it is there already, which is success
		if err := bus.Publish(ctx, missed); err != nil {
			log.Fatal(err)
		}
	}
	for e, err := range bus.Events(ctx, stream.Filter{Account: "acme"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(stream.Subject(e), e.Time.Format(time.RFC3339))
	}
	// Output: call.missed.acme.651f8a68 2026-07-01T09:00:00Z
}
