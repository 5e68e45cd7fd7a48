package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
	"github.com/callbus/callbus/ingest/telsam"
)

const demoLong = `Starts simulated PBXs, the event bus and callbus itself on this machine, without any settings, and prints each event
as it arrives. Where a usual port is taken it takes a free one and says so.

It stops by Ctrl-C, or by itself after --for, and then holds the events against what really happened on the PBXs. Its
data is thrown away.`

const demoExamples = `  callbus demo
  callbus demo --for 30s
  callbus demo --seed 7        the same calls on every run`

// demoOptions are the flags of callbus demo.
type demoOptions struct {
	For  time.Duration // 0: until stopped
	Seed uint64        // 0: a new one on every run
}

func newDemoCmd(w *world) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "See it work: simulated PBXs, no settings needed",
		Long:    demoLong,
		Example: demoExamples,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), w, o, newLogger(w, LogSettings{Level: Level{slog.LevelWarn}}))
		},
	}
	cmd.Flags().DurationVar(&o.For, "for", 0, "stop by itself after `DURATION`, like 30s")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 0, "repeat the run that had this `NUMBER`")
	return cmd
}

// The demo's world: busy, and twenty times faster than life, so that something is to be seen at once.
const (
	demoRate  = 40
	demoScale = 0.1
	demoGrace = 5 * time.Second // what happened later than that before the end may not be told yet
	demoAhead = time.Minute     // the world is this old when the demo begins, so calls are going on already
)

// runDemo returns nil when ctx or o.For ended it.
func runDemo(ctx context.Context, w *world, o demoOptions, log *slog.Logger) error {
	folder, err := os.MkdirTemp("", "callbus-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo's data: %w", err)
	}
	defer os.RemoveAll(folder)
	if o.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	d := &demo{world: w, log: log, began: time.Now()}
	pbx := pbxsim.Config{Seed: seedOr(o.Seed), Start: d.began.Add(-demoAhead), Rate: demoRate, Scale: demoScale}
	if d.pbx, err = serveSimulated("127.0.0.1:0", pbx, pbxsim.TelsamConfig{}, log); err != nil {
		return err
	}
	return d.run(ctx, folder)
}

// demo is callbus with everything around it that it needs.
type demo struct {
	world *world
	log   *slog.Logger
	pbx   *simulated
	began time.Time
	seen  []events.Event
}

func (d *demo) run(ctx context.Context, folder string) error {
	served := make(chan error, 1)
	go func() { served <- d.pbx.Run(ctx) }()
	e, err := startEngine(ctx, d.config(folder), d.log)
	if err != nil {
		return errors.Join(stoppedOr(ctx, err), d.pbx.server.Close(), <-served)
	}
	err = d.welcome(e)
	if err == nil {
		err = d.print(ctx, e.bus)
	}
	<-ctx.Done()
	err = errors.Join(err, e.wait(ctx), <-served)
	if err != nil {
		return err
	}
	return d.farewell()
}

// config is what callbus run would be given, with free addresses where the usual ones are taken.
func (d *demo) config(folder string) Config {
	account := Account{Name: "telsam", Provider: "telsam", Vendor: vendorNamed("telsam").config()}
	account.Settings = account.Vendor.Defaults()
	account.Settings.PollActive, account.Settings.PollCDR, account.Settings.Settle = 500*time.Millisecond, time.Second, 5*time.Second
	*account.Vendor.Target().(*telsam.Config) = telsam.Config{
		URL: d.pbx.URL(), Username: simulatedUser, Password: secret.New(simulatedPassword),
	}
	return Config{
		Accounts:   []Account{account},
		Roles:      Roles{Ingest: true, HTTP: true},
		HTTPListen: d.free("127.0.0.1:8080", "HTTP"),
		Bus: Bus{
			Listen: d.free("127.0.0.1:4222", "NATS"), DataDir: folder, Sync: Sync{Always: true}, Replicas: 1, MaxAge: 24 * time.Hour,
		},
	}
}

// free returns usual, or another address if that one is taken, and says so.
func (d *demo) free(usual, what string) Listen {
	l, err := net.Listen("tcp", usual)
	if err == nil {
		_ = l.Close() // it is taken again in a moment
		return Listen(usual)
	}
	if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return Listen(usual) // the engine will say what is wrong
	}
	defer l.Close()
	fmt.Fprintf(d.world.stderr, "%s is taken: %s listens on %s\n", usual, what, l.Addr())
	return Listen(l.Addr().String())
}

func (d *demo) welcome(e *engine) error {
	_, err := fmt.Fprintf(d.world.stderr, `A simulated Telsam PBX with calls ten times as fast as in life, and callbus watching it (seed %d).

  events      %s   any NATS client may subscribe: call.missed.>  call.*.telsam.>  source.gap.>
  health      http://%s/readyz   metrics: /metrics   schemas: /schemas/
  the PBX     %s

Stop with Ctrl-C.

`, d.pbx.world.Config().Seed, e.bus.url(), e.http.Addr(), d.pbx.URL())
	return err
}

// print prints each event as it arrives.
func (d *demo) print(ctx context.Context, bus *openedBus) error {
	format := lineFormat{Colour: d.world.colours(d.world.stdout)}
	for e, err := range bus.Follow(ctx, stream.Filter{Since: d.began}) {
		if err != nil {
			return stoppedOr(ctx, err)
		}
		d.seen = append(d.seen, e)
		if _, err := fmt.Fprintln(d.world.stdout, format.Line(e)); err != nil {
			return err
		}
	}
	return nil
}

// farewell holds what was printed against what really happened.
func (d *demo) farewell() error {
	report := score.Of(d.pbx.telsam.Truth(time.Now()), d.seen, score.Options{Since: d.began, Until: time.Now(), Grace: demoGrace})
	_, err := fmt.Fprintf(d.world.stderr, "\nHeld against what happened on the simulated PBX:\n\n%s", report)
	return err
}
