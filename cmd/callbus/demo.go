package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
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

// The demo's worlds: busy, and ten times faster than life, so that something is to be seen at once.
const (
	demoScale = 0.1
	demoGrace = 5 * time.Second // what happened later than that before the end may not be told yet
	demoAhead = time.Minute     // the worlds are this old when the demo begins, so calls are going on already
)

// demoRates are how many calls a minute begin at each vendor, besides those that follow from others.
var demoRates = map[string]float64{"telsam": 40, "verimor": 12, "bulutfon": 12, "while1": 12}

// demoSettings are in place of the vendor's defaults, so that less is waited for. Verimor allows six requests a minute.
var demoSettings = map[string]map[string]string{
	"telsam":   {"POLL_ACTIVE": "500ms", "POLL_CDR": "1s", "SETTLE": "5s"},
	"verimor":  {"POLL_CDR": "12s"},
	"bulutfon": {"POLL_CDR": "1s"},
	"while1":   {"POLL_CDR": "1s", "SETTLE": "4s"},
}

// demoReminders are the callbacks of a world ten times as fast as life, in which 40 s are to show each of their events.
var demoReminders = map[string]string{"GRACE": "2s", "AFTER": "6s,15s", "MAX_AGE": "30s"}

// demoCallers are the people outside, at each vendor: so few that those who were missed are soon in a call again, whoever rings.
const demoCallers = 20

// demoMix has more missed calls than DefaultMix, and more of them returned, and sooner: few watch for long.
func demoMix() pbxsim.Mix {
	m := pbxsim.DefaultMix()
	m.Answered, m.Returned, m.Prompt = 0.55, 0.8, 0.7
	return m
}

// demoWaits is how much longer than at the others it takes until everything is known at a vendor.
var demoWaits = map[string]time.Duration{"verimor": 20 * time.Second, "while1": 10 * time.Second}

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
	d := &demo{world: w, log: log, began: time.Now(), seed: seedOr(o.Seed)}
	if d.pbx, err = serveSimulated("127.0.0.1:0", d.worldOf, pbxsim.Manner{}, log); err != nil {
		return err
	}
	if d.hook, err = newReceiver(); err != nil {
		return err
	}
	return d.run(ctx, folder)
}

// worldOf gives each vendor a world of its own, or every call would be told four times.
func (d *demo) worldOf(vendor string) *pbxsim.World {
	nth := uint64(slices.Index(pbxsim.Vendors(), vendor))
	return pbxsim.NewWorld(pbxsim.Config{Seed: d.seed + nth, Start: d.began.Add(-demoAhead), Rate: demoRates[vendor], Scale: demoScale, Callers: demoCallers, Mix: demoMix()})
}

// demo is callbus with everything around it that it needs.
type demo struct {
	world *world
	log   *slog.Logger
	pbx   *simulated
	hook  *receiver
	seed  uint64
	began time.Time
	ended time.Time
	seen  []events.Event
}

func (d *demo) run(ctx context.Context, folder string) error {
	alive, stop := context.WithCancel(context.WithoutCancel(ctx)) // what was published is delivered before all of it ends
	defer stop()
	served, received := make(chan error, 1), make(chan error, 1)
	go func() { served <- d.pbx.Run(alive) }()
	go func() { received <- d.hook.Run(alive) }()
	cfg, err := d.config(folder)
	if err != nil {
		return err
	}
	e, err := startEngine(alive, cfg, d.log)
	if err != nil {
		return err
	}
	err = d.welcome(e)
	if err == nil {
		err = d.print(ctx, e.bus)
	}
	<-ctx.Done()
	d.ended = time.Now()
	err = errors.Join(err, d.settle(alive, e))
	stop()
	if err = errors.Join(err, e.wait(alive), <-served, <-received); err != nil {
		return err
	}
	return d.farewell()
}

// demoPatience is how long the webhook's last deliveries may take: the receiver fails now and then, and what it failed is
// tried again after two seconds.
const demoPatience = 6 * time.Second

// settle stops the watching and the reminders, takes in what was published until then, and waits until the receiver has it.
func (d *demo) settle(ctx context.Context, e *engine) error {
	for _, vendor := range pbxsim.Vendors() {
		e.fleet.stop(vendor)
	}
	e.sinks.stop("reminders")
	d.seen = nil
	for event, err := range e.bus.Events(ctx, stream.Filter{Since: d.began}) {
		if err != nil {
			return err
		}
		d.seen = append(d.seen, event)
	}
	for deadline := time.Now().Add(demoPatience); d.hook.delivered() < len(d.seen) && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

// config is what callbus run would be given, with free addresses where the usual ones are taken.
func (d *demo) config(folder string) (Config, error) {
	vars := map[string]string{
		"CALLBUS_ACCOUNTS":       strings.Join(pbxsim.Vendors(), ","),
		"CALLBUS_HTTP_LISTEN":    string(d.free("127.0.0.1:8080", "HTTP")),
		"CALLBUS_NATS_LISTEN":    string(d.free("127.0.0.1:4222", "NATS")),
		"CALLBUS_DATA_DIR":       folder,
		"CALLBUS_STREAM_MAX_AGE": "24h",

		"CALLBUS_SINKS":                     "receiver,reminders",
		"CALLBUS_SINK_RECEIVER_KIND":        "webhook",
		"CALLBUS_SINK_RECEIVER_TYPES":       "*",
		"CALLBUS_SINK_RECEIVER_URL":         d.hook.URL(),
		"CALLBUS_SINK_RECEIVER_SECRET":      demoSecret,
		"CALLBUS_SINK_RECEIVER_ALLOW_CIDRS": "127.0.0.1/32",
		"CALLBUS_SINK_RECEIVER_START":       "all",

		"CALLBUS_SINK_REMINDERS_KIND":  "callbacks",
		"CALLBUS_SINK_REMINDERS_START": "all",
	}
	for setting, value := range demoReminders {
		vars[sinkPrefix("reminders")+setting] = value
	}
	for _, p := range d.pbx.pbxs {
		maps.Copy(p.Settings, demoSettings[p.Vendor])
		maps.Copy(vars, variablesOf(p.Variables(p.Vendor, d.pbx.URL(p.Vendor))))
	}
	maps.Copy(vars, d.world.otel())
	return loadConfig(vars, vendors())
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
	_, err := fmt.Fprintf(d.world.stderr, `Simulated PBXs of four vendors (%s) with calls ten times as fast as in life, and callbus watching them
(seed %d). Telsam shows its active calls; the others tell of a call once it is over. Verimor allows six requests a minute.

  events      %s   any NATS client may subscribe: call.missed.>  call.*.telsam.>  callback.due.>
  callbacks   %s   who waits for a call back: reminders after %s, given up after %s
  health      http://%s/readyz   metrics: /metrics   schemas: /schemas/
  the PBXs    http://%s/
  webhooks    %s   a receiver that checks signatures and fails now and then

Stop with Ctrl-C.

`, strings.Join(pbxsim.Vendors(), ", "), d.seed, e.bus.url(), listCommand(e.bus.url()), demoReminders["AFTER"], demoReminders["MAX_AGE"], e.http.Addr(), d.pbx.listener.Addr(), d.hook.URL())
	return err
}

// listCommand is how to see who waits, from another terminal.
func listCommand(url string) string {
	if url == "nats://127.0.0.1:4222" {
		return "callbus callbacks list"
	}
	return "CALLBUS_NATS_URL=" + url + " callbus callbacks list"
}

// print prints each event as it arrives.
func (d *demo) print(ctx context.Context, bus *openedBus) error {
	format := lineFormat{Colour: d.world.colours(d.world.stdout)}
	for e, err := range bus.Follow(ctx, stream.Filter{Since: d.began}) {
		if err != nil {
			return stoppedOr(ctx, err)
		}
		if _, err := fmt.Fprintln(d.world.stdout, format.Line(e)); err != nil {
			return err
		}
	}
	return nil
}

// farewell holds what was published against what really happened.
func (d *demo) farewell() error {
	now := d.ended
	if _, err := fmt.Fprint(d.world.stderr, "\nHeld against what happened on the simulated PBXs:\n"); err != nil {
		return err
	}
	for _, p := range d.pbx.pbxs {
		report := score.Of(p.Truth(now), d.of(p.Vendor), score.Options{
			Since: d.began, Until: now, Grace: demoGrace + demoWaits[p.Vendor], RecordsOnly: p.RecordsOnly,
		})
		if _, err := fmt.Fprintf(d.world.stderr, "\n%s\n%s", p.Vendor, report); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(d.world.stderr, "\n%s\n\n%s\n", returnsOf(d.seen), d.hook.summary(len(d.seen)))
	return err
}

// of returns what was published of an account.
func (d *demo) of(account string) []events.Event {
	return slices.DeleteFunc(slices.Clone(d.seen), func(e events.Event) bool { return e.Account != account })
}
