// Command callbus watches cloud telephone exchanges that have no event bus of their own, and publishes what happens on
// them as CloudEvents on NATS JetStream.
//
// One file holds one command; root.go lists them. config.go reads the settings, which are environment variables, and
// wire.go is the only file that knows the vendors. Results go to standard output, everything else to standard error.
// The exit code is 0 when what was asked is done, 1 when it failed on the way, 2 when the usage or the settings are wrong.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones of the accounts, also where the system has none
)

func main() {
	log.SetOutput(io.Discard) // net/http writes there what a server sends unasked, which may be anything, a secret as well
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
