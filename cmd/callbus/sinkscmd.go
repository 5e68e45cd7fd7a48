package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
)

const sinksLong = `Shows and switches the sinks that a callbus delivers to, or has delivered to: how far each has come, its backlog, the
age of the oldest event in it, whether it sends (its circuit), and why not.

A sink that is paused keeps its place, and its backlog stays in the stream. It is enabled again by callbus sinks enable,
which also tries an endpoint at once that is being left alone. A process that runs heeds it within 15 s.`

const sinksExamples = `  callbus sinks list
  callbus sinks pause crm --why "they move to a new server tonight"
  callbus sinks enable crm`

func newSinksCmd(w *world) *cobra.Command {
	cmd := &cobra.Command{Use: "sinks", Short: "Show, pause and enable the sinks", Long: sinksLong, Example: sinksExamples, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return noSubcommand(cmd, "list") }}
	var why string
	pause := w.onBus("pause SINK", "Stop sending to a sink; its backlog waits", exactly("a SINK"), func(ctx context.Context, b *stream.Bus, args []string) error {
		return w.switched(ctx, b, args[0], "paused", func(k sinks.Keeper) error { return sinks.SetPaused(ctx, k, why) })
	})
	pause.Flags().StringVar(&why, "why", "", "`REASON` that is shown with it")
	enable := w.onBus("enable SINK", "Send again, or try an endpoint at once", exactly("a SINK"), func(ctx context.Context, b *stream.Bus, args []string) error {
		return w.switched(ctx, b, args[0], "enabled", func(k sinks.Keeper) error { return sinks.SetEnabled(ctx, k) })
	})
	remove := w.onBus("remove SINK", "Forget a sink that is not run any more: its place, and what it keeps", exactly("a SINK"), func(ctx context.Context, b *stream.Bus, args []string) error {
		if err := b.RemoveSink(ctx, args[0]); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w.stdout, "forgotten: %s\n", args[0])
		return err
	})
	cmd.AddCommand(w.onBus("list", "Show each sink", noArgs, func(ctx context.Context, b *stream.Bus, _ []string) error {
		all, err := b.Sinks(ctx)
		if err != nil {
			return err
		}
		return printSinks(w.stdout, all, time.Now())
	}), pause, enable, remove)
	return cmd
}

// noSubcommand says what is missing.
func noSubcommand(cmd *cobra.Command, example string) error {
	cmd.SetOut(cmd.ErrOrStderr())
	if err := cmd.Help(); err != nil {
		return err
	}
	return &usageError{problem: "nothing to do is given", try: "Try: " + cmd.CommandPath() + " " + example}
}

// onBus makes a command that does something on the bus of a callbus that runs, or on an external one.
func (w *world) onBus(use, short string, args cobra.PositionalArgs, do func(context.Context, *stream.Bus, []string) error) *cobra.Command {
	env := environment{world: w}
	cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		b, err := env.bus()
		if err != nil {
			return err
		}
		return withBus(cmd.Context(), b, "callbus "+cmd.Name(), newLogger(w, LogSettings{}), func(ctx context.Context, bus *stream.Bus) error {
			return do(ctx, bus, args)
		})
	}}
	env.addFlag(cmd)
	return cmd
}

// switched pauses or enables a sink that there is, and says so.
func (w *world) switched(ctx context.Context, b *stream.Bus, sink, how string, do func(sinks.Keeper) error) error {
	if err := mustExist(ctx, b, sink); err != nil {
		return err
	}
	if err := do(sinkKeeper{b, sink}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w.stdout, "%s: %s\n", how, sink)
	return err
}

func mustExist(ctx context.Context, b *stream.Bus, sink string) error {
	all, err := b.Sinks(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, s := range all {
		if names[i] = s.Name; s.Name == sink {
			return nil
		}
	}
	try := "There is none: a sink is known once callbus run has started with it"
	if near := nearest(sink, names); near != "" {
		try = "Did you mean: " + near + "?"
	} else if len(names) > 0 {
		try = "There are: " + fmt.Sprint(names)
	}
	return errors.New("there is no sink " + quote(sink) + "\n" + try)
}

// sinkKeeper keeps what is to be remembered of one sink.
type sinkKeeper struct {
	bus  *stream.Bus
	sink string
}

func (k sinkKeeper) SetState(ctx context.Context, key string, value []byte) error {
	return k.bus.SetSinkState(ctx, k.sink, key, value)
}

func printSinks(out io.Writer, all []stream.SinkInfo, now time.Time) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SINK\tCIRCUIT\tPOSITION\tBACKLOG\tOLDEST\tWHY")
	for _, s := range all {
		oldest := "-"
		if !s.Oldest.IsZero() {
			oldest = now.Sub(s.Oldest).Round(time.Second).String()
		}
		state, why := circuitOf(s.State, now)
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\n", s.Name, state, s.Position, s.Backlog+s.Copies, oldest, why)
	}
	return t.Flush()
}

// circuitOf reads what a pump keeps of its circuit.
func circuitOf(state map[string][]byte, now time.Time) (circuit, why string) {
	var c struct {
		State  sinks.CircuitState `json:"state"`
		Until  time.Time          `json:"until"`
		Reason string             `json:"reason"`
	}
	text := state[sinks.CircuitKey]
	if len(text) == 0 {
		return string(sinks.Closed), ""
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return "unknown", "what is kept of it cannot be read"
	}
	if c.State == sinks.Open && c.Until.After(now) {
		return string(c.State), fmt.Sprintf("%s; next try in %s", c.Reason, c.Until.Sub(now).Round(time.Second))
	}
	if c.State == sinks.Closed {
		return string(c.State), ""
	}
	return string(c.State), c.Reason
}
