package stream_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/schemas"
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

	example, err := schemas.Example(events.CallMissed)
	if err != nil {
		log.Fatal(err)
	}
	missed, err := events.Parse(example)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 { // the second time it is there already, which is success
		if err := bus.Publish(ctx, missed); err != nil {
			log.Fatal(err)
		}
	}
	for e, err := range bus.Events(ctx, stream.Filter{Account: missed.Account}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(stream.Subject(e), e.Time.Format(time.RFC3339))
	}
	// Output: call.missed.acme.651f8a68-782e-11e7-a6b6-5bedc26e2ab3 2024-05-06T08:00:41Z
}
