package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest"
)

const backfillLong = `Reads the call records of the past and publishes the calls in them. The events are marked as backfill, and expire at
once: nobody is alerted by them, and no reminder follows.

What was published before stays as it is, so it is safe to repeat. Interrupted, the same command goes on where it was;
--again begins at the beginning. Calls that ended after the account was first seen, and within its LOOKBACK, are left
to callbus run, which publishes them anyway.

It publishes to a callbus that runs (at CALLBUS_NATS_LISTEN), or to CALLBUS_NATS_URL; when nothing answers there, to
the store in CALLBUS_DATA_DIR itself. It keeps to the account's RATE: of what the vendor allows it takes what the polls
of callbus run leave over.`

const backfillExamples = `  callbus backfill acme --from 2026-03-01
  callbus backfill acme --from 720h
  callbus backfill acme --from 2026-03-01T00:00:00+03:00 --to 2026-04-01T00:00:00+03:00`

// backfillOptions are the flags of callbus backfill.
type backfillOptions struct {
	from, to string
	again    bool
}

func newBackfillCmd(w *world) *cobra.Command {
	env := environment{world: w}
	var o backfillOptions
	cmd := &cobra.Command{
		Use:     "backfill ACCOUNT --from TIME [--to TIME]",
		Short:   "Publish the calls of the past, marked as such",
		Long:    backfillLong,
		Example: backfillExamples,
		Args:    exactly("an ACCOUNT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			window, err := o.window(time.Now())
			if err != nil {
				return err
			}
			c, err := env.config()
			if err != nil {
				return err
			}
			a, err := accountNamed(c, args[0])
			if err != nil {
				return err
			}
			b := backfilling{world: w, config: c, account: a, window: window, again: o.again, log: newLogger(w, c.Log)}
			return stoppedOr(cmd.Context(), b.run(cmd.Context()))
		},
	}
	cmd.Flags().StringVar(&o.from, "from", "", "`TIME` from when: a date like 2026-03-01 (midnight here), a time like 2026-03-01T09:00:00Z, or a duration ago like 720h")
	cmd.Flags().StringVar(&o.to, "to", "", "`TIME` until when; now, if not given")
	cmd.Flags().BoolVar(&o.again, "again", false, "begin at the beginning, also when the last run was interrupted")
	env.addFlag(cmd)
	return cmd
}

func (o backfillOptions) window(now time.Time) (ingest.Window, error) {
	if o.from == "" {
		return ingest.Window{}, &usageError{problem: "--from is missing: from when calls are to be published", try: "Try: --from 2026-03-01"}
	}
	from, err := momentOf("--from", o.from, now)
	if err != nil {
		return ingest.Window{}, err
	}
	to := now
	if o.to != "" {
		if to, err = momentOf("--to", o.to, now); err != nil {
			return ingest.Window{}, err
		}
	}
	if to.After(now) {
		to = now
	}
	if !from.Before(to) {
		return ingest.Window{}, &usageError{
			problem: fmt.Sprintf("there is no time between --from %s and --to %s", from.Format(time.RFC3339), to.Format(time.RFC3339)), try: "Try: --from 2026-03-01 --to 2026-04-01",
		}
	}
	return ingest.Window{From: from.UTC(), To: to.UTC()}, nil
}

// momentOf reads a time as people write one.
func momentOf(flag, s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return t, nil
	}
	return time.Time{}, &usageError{
		problem: fmt.Sprintf("%s: %s is neither a date, nor a time, nor a duration", flag, quote(s)),
		try:     "Try: " + flag + " 2026-03-01, " + flag + " 2026-03-01T09:00:00Z, or " + flag + " 720h",
	}
}

// backfilling is callbus backfill at work.
type backfilling struct {
	world   *world
	config  Config
	account Account
	window  ingest.Window
	again   bool
	log     *slog.Logger
}

func (b backfilling) run(ctx context.Context) error {
	transport, letGo := alone()
	defer letGo()
	client, _ := budgeted(&http.Client{Transport: transport}, b.account)
	vendor, err := b.account.Open(client)
	if err != nil {
		return err
	}
	reader, ok := vendor.(ingest.CDRReader)
	if !ok {
		return fmt.Errorf("%s keeps no call records: there is nothing to backfill", b.account.Provider)
	}
	bus, err := openOrStartBus(ctx, b.config.Bus, b.log)
	if err != nil {
		return err
	}
	defer bus.close()
	return b.read(ctx, reader, bus.Bus)
}

func (b backfilling) read(ctx context.Context, reader ingest.CDRReader, bus *stream.Bus) error {
	place := bookmark{bus: bus, account: b.account.Name, from: b.window.From}
	window, err := b.resume(ctx, place)
	if err != nil {
		return err
	}
	p := &progress{out: b.world.stderr, live: b.world.colours(b.world.stderr), window: window}
	tally, err := ingest.Backfill(ctx, ingest.BackfillConfig{
		Account: b.account.Name, Provider: b.account.Provider, Settings: b.account.Settings,
		Vendor: reader, Bus: ingestBus{Bus: bus}, Window: window, Log: b.log,
		Page: p.page,
		Done: func(until time.Time) error { return place.put(ctx, until) },
	})
	p.end()
	if err != nil {
		return fmt.Errorf("%w\nWhat was read so far is stored. The same command goes on from %s", err, tally.Until.Format(time.RFC3339))
	}
	if _, err := fmt.Fprintln(b.world.stdout, summary(tally)); err != nil {
		return err
	}
	return place.put(ctx, time.Time{})
}

// resume returns what is left of the window after an interrupted run.
func (b backfilling) resume(ctx context.Context, place bookmark) (ingest.Window, error) {
	until, err := place.get(ctx)
	if err != nil || b.again || !until.After(b.window.From) || !until.Before(b.window.To) {
		return b.window, err
	}
	fmt.Fprintf(b.world.stderr, "Going on where the last run was interrupted, at %s; --again begins at the beginning.\n", until.Format(time.RFC3339))
	return ingest.Window{From: until, To: b.window.To}, nil
}

// bookmark is how far a backfill has come that begins at a moment. It is kept on the bus.
type bookmark struct {
	bus     *stream.Bus
	account string
	from    time.Time
}

func (b bookmark) name() string { return fmt.Sprintf("backfill.%s.%d", b.account, b.from.Unix()) }

func (b bookmark) get(ctx context.Context) (time.Time, error) {
	text, err := b.bus.Remembered(ctx, b.name())
	if err != nil || text == "" {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("read how far the last backfill came: %w; --again begins at the beginning", err)
	}
	return t, nil
}

func (b bookmark) put(ctx context.Context, until time.Time) error {
	if until.IsZero() {
		return b.bus.Remember(ctx, b.name(), "")
	}
	return b.bus.Remember(ctx, b.name(), until.UTC().Format(time.RFC3339Nano))
}

// progress tells a person how far it is: on a terminal on one line, elsewhere now and then.
type progress struct {
	out    io.Writer
	live   bool
	window ingest.Window
	told   time.Time
}

func (p *progress) page(t ingest.BackfillTally) {
	every := 10 * time.Second
	if p.live {
		every = 200 * time.Millisecond
	}
	if time.Since(p.told) < every {
		return
	}
	p.told = time.Now()
	share := float64(t.Until.Sub(p.window.From)) / float64(p.window.To.Sub(p.window.From))
	line := fmt.Sprintf("%3.0f %%  to %s  %s", 100*share, t.Until.Format(time.RFC3339), summary(t))
	if p.live {
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.out, line)
}

func (p *progress) end() {
	if p.live && !p.told.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func summary(t ingest.BackfillTally) string {
	parts := []string{fmt.Sprintf("%d records read, %d calls published", t.Records, t.Calls)}
	for _, more := range []struct {
		n    int
		text string
	}{
		{t.Known, "%d known already"}, {t.Left, "%d left to callbus run"}, {t.Rejected, "%d rows that cannot be understood (see the dead letters)"},
	} {
		if more.n > 0 {
			parts = append(parts, fmt.Sprintf(more.text, more.n))
		}
	}
	return strings.Join(parts, ", ")
}

// openOrStartBus opens the bus of a callbus that runs, or an external one; when none runs, it starts the embedded server.
func openOrStartBus(ctx context.Context, b Bus, log *slog.Logger) (*openedBus, error) {
	if !b.External() && b.Listen.Off() {
		return openBus(ctx, b, log)
	}
	nc, err := dialBus(ctx, b, "callbus backfill", log)
	if errors.Is(err, stream.ErrUnreachable) && !b.External() {
		return openBus(ctx, b, log)
	}
	if err != nil {
		return nil, err
	}
	o := &openedBus{nc: nc}
	if o.Bus, err = openReading(ctx, nc); err != nil && b.External() {
		o.Bus, err = stream.Open(ctx, nc, b.streamSettings())
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}
