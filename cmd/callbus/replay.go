package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events/stream"
)

const replayLong = `Delivers events again from the stream, to one sink only. The sink keeps its own place, and delivers what is new beside it.
webhook-id is the same as before, so a receiver that keeps ids takes each event once.

It returns when the sink has them to deliver; callbus sinks list shows how many are left.`

const replayExamples = `  callbus replay crm --since 2h
  callbus replay crm --since 2026-03-01T09:00:00Z --until 2026-03-01T10:00:00Z --type call.missed`

func newReplayCmd(w *world) *cobra.Command {
	var since, until string
	var types []string
	cmd := w.onBus("replay SINK --since TIME", "Deliver events again, to one sink", exactly("a SINK"), func(ctx context.Context, b *stream.Bus, args []string) error {
		r := stream.ReplayRequest{Sink: args[0], Types: types}
		if since == "" {
			return &usageError{problem: "--since is missing: from when events are to be delivered again", try: "Try: --since 1h"}
		}
		var err error
		if r.Since, err = momentOf("--since", since, time.Now()); err != nil {
			return err
		}
		if until != "" {
			if r.Until, err = momentOf("--until", until, time.Now()); err != nil {
				return err
			}
		}
		if _, err := typesOf(types); err != nil {
			return err
		}
		return w.replay(ctx, b, r)
	})
	cmd.Long, cmd.Example = replayLong, replayExamples
	cmd.Flags().StringVar(&since, "since", "", "`TIME` since when: a duration like 1h, a date, or a time like 2026-03-01T09:00:00Z")
	cmd.Flags().StringVar(&until, "until", "", "`TIME` until when; now, if not given")
	cmd.Flags().StringSliceVar(&types, "type", nil, "only events of these `TYPES`, of those that the sink takes")
	return cmd
}

func (w *world) replay(ctx context.Context, b *stream.Bus, r stream.ReplayRequest) error {
	if err := mustExist(ctx, b, r.Sink); err != nil {
		return err
	}
	done, err := b.Replay(ctx, r)
	if err != nil {
		return fmt.Errorf("%w; %d events were given to the sink before that", err, done.Copied)
	}
	text := fmt.Sprintf("%d events are delivered again to %s", done.Copied, r.Sink)
	if done.Ahead {
		text += "; it has not yet come to those after them, and delivers them anyway"
	}
	_, err = fmt.Fprintln(w.stdout, text)
	return err
}
