package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

const tailLong = `Follows the events of a callbus that runs, one line each, until Ctrl-C:

  time  type  account  direction  from -> to  queue and who answered  outcome  talk/total seconds  call id
  time  type  account  ↩  who is to be called back  queue  how often missed, since when, and what became of it  callback id

It connects to CALLBUS_NATS_URL, or else to the embedded server of a callbus on this machine, at CALLBUS_NATS_LISTEN
(127.0.0.1:4222), with CALLBUS_NATS_LISTEN_USER and CALLBUS_NATS_LISTEN_PASSWORD where it asks for them.`

const tailExamples = `  callbus tail
  callbus tail --type call.missed --account acme
  callbus tail --type 'call.*' --since 1h
  callbus tail --json | jq .data.external_number`

// tailOptions are the flags of callbus tail.
type tailOptions struct {
	types   []string
	account string
	since   string
	json    bool
}

func newTailCmd(w *world) *cobra.Command {
	env := environment{world: w}
	var o tailOptions
	cmd := &cobra.Command{
		Use:     "tail",
		Short:   "Follow the events, one line each",
		Long:    tailLong,
		Example: tailExamples,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := o.filter(time.Now())
			if err != nil {
				return err
			}
			b, err := env.bus()
			if err != nil {
				return err
			}
			return follow(cmd.Context(), b, filter, newLogger(w, LogSettings{}), o.printer(w))
		},
	}
	cmd.Flags().StringSliceVar(&o.types, "type", nil, "only events of these `TYPES`, separated by commas; a * at the end stands for anything")
	cmd.Flags().StringVar(&o.account, "account", "", "only events of this `ACCOUNT`")
	cmd.Flags().StringVar(&o.since, "since", "", "begin in the past: a duration like 1h, or a `TIME` like 2026-03-01T09:00:00Z")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one CloudEvent as JSON a line")
	env.addFlag(cmd)
	_ = cmd.RegisterFlagCompletionFunc("type", completeTypes) // fails only for a flag that is not there
	return cmd
}

func (o tailOptions) filter(now time.Time) (stream.Filter, error) {
	types, err := typesOf(o.types)
	if err != nil {
		return stream.Filter{}, err
	}
	if o.account != "" && !nameForm.MatchString(o.account) {
		return stream.Filter{}, &usageError{problem: fmt.Sprintf("--account: %s is not the name of an account", quote(o.account)), try: "Accounts are named with a-z, 0-9 and -"}
	}
	since, err := sinceOf(o.since, now)
	return stream.Filter{Account: o.account, Types: types, Since: since}, err
}

// typesOf returns the types that some pattern matches. Each pattern has to match one: a slip would wait for ever.
func typesOf(patterns []string) ([]events.Type, error) {
	var matched []events.Type
	for _, pattern := range patterns {
		before := len(matched)
		for _, t := range events.Types() {
			if matches(strings.TrimSpace(pattern), t) {
				matched = append(matched, t)
			}
		}
		if len(matched) == before {
			return nil, unknownType(pattern)
		}
	}
	slices.Sort(matched)
	return slices.Compact(matched), nil
}

func matches(pattern string, t events.Type) bool {
	if beginning, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(string(t), beginning)
	}
	return pattern == string(t)
}

func unknownType(pattern string) error {
	names := typeNames()
	try := "There are: " + strings.Join(names, ", ")
	if near := nearest(pattern, names); near != "" {
		try = "Did you mean: --type " + near + "?"
	}
	return &usageError{problem: fmt.Sprintf("--type: no event is of type %s", quote(pattern)), try: try}
}

func typeNames() []string {
	var names []string
	for _, t := range events.Types() {
		names = append(names, string(t))
	}
	return names
}

// completeTypes completes the last of several types.
func completeTypes(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	done := typed[:strings.LastIndex(typed, ",")+1]
	var all []string
	for _, name := range append(typeNames(), "call.*", "callback.*", "source.*") {
		all = append(all, done+name)
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func sinceOf(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Time{}, &usageError{
		problem: fmt.Sprintf("--since: %s is neither a duration nor a time", quote(s)),
		try:     "Try: --since 1h, or --since 2026-03-01T09:00:00Z",
	}
}

// printer returns what writes one event.
func (o tailOptions) printer(w *world) func(events.Event) error {
	if o.json {
		return func(e events.Event) error { return printJSON(w.stdout, e) }
	}
	format := lineFormat{Colour: w.colours(w.stdout), Date: o.since != ""}
	return func(e events.Event) error {
		_, err := fmt.Fprintln(w.stdout, format.Line(e))
		return err
	}
}

func printJSON(out io.Writer, e events.Event) error {
	b, err := e.AppendJSON(nil)
	if err != nil {
		return err
	}
	_, err = out.Write(append(b, '\n'))
	return err
}

// follow prints events until ctx is done, which is no error. One that cannot be read is said, and passed over.
func follow(ctx context.Context, b Bus, f stream.Filter, log *slog.Logger, print func(events.Event) error) error {
	return withBus(ctx, b, "callbus tail", log, func(ctx context.Context, bus *stream.Bus) error {
		for e, err := range bus.Follow(ctx, f) {
			var unreadable *stream.UnreadableError
			switch {
			case errors.As(err, &unreadable):
				log.Warn("an event cannot be read", "error", err)
				continue
			case err != nil:
				return err
			}
			if err := print(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// withBus does something on the bus of a callbus that runs, or on an external one. That the user stopped it is no error.
func withBus(ctx context.Context, b Bus, name string, log *slog.Logger, do func(context.Context, *stream.Bus) error) error {
	nc, err := dialBus(ctx, b, name, log)
	if err != nil {
		return stoppedOr(ctx, err)
	}
	defer nc.Close()
	bus, err := openReading(ctx, nc)
	if err != nil {
		return stoppedOr(ctx, err)
	}
	defer bus.Close()
	return stoppedOr(ctx, do(ctx, bus))
}

// stoppedOr returns nil when the user stopped the command, whatever that broke.
func stoppedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
