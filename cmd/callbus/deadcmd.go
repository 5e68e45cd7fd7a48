package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events/stream"
)

const deadLong = `The dead letters of sinks: events that an endpoint refused while it took others, given up after GIVE_UP_AFTER (permanent
refusals after two tries). (Rows of a vendor that could not be understood are dead letters too, on dead.ingest.>.)

A dead letter is named by its sink and its id, or the sequence of its event. Retried, it is delivered again by its sink and
is no dead letter any more, unless it is refused again.`

const deadExamples = `  callbus dead list
  callbus dead show crm 1234
  callbus dead retry crm --all
  callbus dead drop crm 1234`

func newDeadCmd(w *world) *cobra.Command {
	cmd := &cobra.Command{Use: "dead", Short: "List, show, retry and drop dead letters", Long: deadLong, Example: deadExamples, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return noSubcommand(cmd, "list") }}
	cmd.AddCommand(
		w.onBus("list [SINK]", "List the dead letters, of one sink or of all", upTo(1, "a SINK"), w.deadList),
		w.onBus("show SINK LETTER", "Print a dead letter, its event and why it was given up", exactly("a SINK", "a LETTER"), w.deadShow),
		w.deadEach("retry", "Deliver dead letters again", "given to its sink again", (*stream.Bus).RetryDeadLetter),
		w.deadEach("drop", "Delete dead letters", "dropped", (*stream.Bus).DropDeadLetter),
	)
	return cmd
}

// upTo is for commands that take so many arguments at most.
func upTo(most int, name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= most {
			return nil
		}
		return &usageError{problem: fmt.Sprintf("%s takes %s at most, and was given %d arguments", cmd.CommandPath(), name, len(args)), try: "Try: " + cmd.CommandPath() + " --help"}
	}
}

func (w *world) deadList(ctx context.Context, b *stream.Bus, args []string) error {
	sink := ""
	if len(args) > 0 {
		sink = args[0]
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SINK\tLETTER\tEVENT\tGIVEN UP\tTRIES\tSTATUS\tWHY")
	for d, err := range b.SinkDeadLetters(ctx, sink) {
		var unreadable *stream.UnreadableError
		if errors.As(err, &unreadable) {
			fmt.Fprintf(w.stderr, "a dead letter cannot be read: %v\n", err)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%d\t%s\t%s\n", d.Sink, d.Seq, d.Subject, d.Last.Local().Format(time.DateTime), d.Attempts, statusText(d.Status), d.Reason)
	}
	return t.Flush()
}

func statusText(status int) string {
	if status == 0 {
		return "-"
	}
	return fmt.Sprint(status)
}

func (w *world) deadShow(ctx context.Context, b *stream.Bus, args []string) error {
	d, err := b.SinkDeadLetter(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(map[string]any{
		"sink": d.Sink, "letter": d.Seq, "id": d.ID, "subject": d.Subject, "reason": d.Reason, "status": d.Status, "answer": d.Snippet,
		"attempts": d.Attempts, "first": d.First, "last": d.Last, "event": eventJSON(d.Body),
	})
}

// eventJSON shows the body of a dead letter as it is, or as text where it is no JSON.
func eventJSON(body []byte) any {
	if json.Valid(body) {
		return json.RawMessage(body)
	}
	return string(body)
}

// deadEach makes a command that does something to one dead letter, or to all of a sink.
func (w *world) deadEach(verb, short, done string, do func(*stream.Bus, context.Context, stream.SinkDeadLetter) error) *cobra.Command {
	var all bool
	cmd := w.onBus(verb+" SINK [LETTER]", short, upTo(2, "a SINK and a LETTER"), func(ctx context.Context, b *stream.Bus, args []string) error {
		letters, err := chosen(ctx, b, args, all)
		if err != nil {
			return err
		}
		for _, d := range letters {
			if err := do(b, ctx, d); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w.stdout, "%s: %s %d\n", done, d.Sink, d.Seq); err != nil {
				return err
			}
		}
		return nil
	})
	cmd.Flags().BoolVar(&all, "all", false, "all dead letters of the sink")
	return cmd
}

func chosen(ctx context.Context, b *stream.Bus, args []string, all bool) ([]stream.SinkDeadLetter, error) {
	switch {
	case len(args) == 2 && !all:
		d, err := b.SinkDeadLetter(ctx, args[0], args[1])
		return []stream.SinkDeadLetter{d}, err
	case len(args) == 1 && all:
		var letters []stream.SinkDeadLetter
		for d, err := range b.SinkDeadLetters(ctx, args[0]) {
			if err != nil {
				return nil, err
			}
			letters = append(letters, d)
		}
		return letters, nil
	}
	return nil, &usageError{problem: "name a SINK and a LETTER, or a SINK and --all", try: "Try: callbus dead list"}
}
