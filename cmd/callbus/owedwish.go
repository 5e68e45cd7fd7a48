package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events/stream"
)

func newCallbacksDoneCmd(w *world) *cobra.Command {
	return w.onBus("done ID [ID...]", "Mark callbacks as done", atLeastOne("ID"), func(ctx context.Context, b *stream.Bus, ids []string) error {
		return w.wish(ctx, b, ids, func(owed) error { return nil }, func(d *stream.Diary, o owed) (string, error) {
			return "done", markCallbackDone(ctx, d, o.Callback, time.Now())
		})
	})
}

func newCallbacksSnoozeCmd(w *world) *cobra.Command {
	var length time.Duration
	var until string
	cmd := w.onBus("snooze ID [ID...] --for DURATION", "Be reminded of callbacks later", atLeastOne("ID"), func(ctx context.Context, b *stream.Bus, ids []string) error {
		now := time.Now()
		at, err := snoozeUntil(length, until, now)
		if err != nil {
			return err
		}
		t := owedTable{now: now, zone: time.Local}
		return w.wish(ctx, b, ids, func(o owed) error { return t.maySnooze(o, at) }, func(d *stream.Diary, o owed) (string, error) {
			return "no reminder before " + t.clock(t.reminded(o, at)), putOffCallback(ctx, d, o.Callback, at, now)
		})
	})
	cmd.Flags().DurationVar(&length, "for", 0, "put off for `DURATION`, like 2h")
	cmd.Flags().StringVar(&until, "until", "", "put off until `TIME`, like 2026-11-23T09:00:00+03:00, or 2026-11-23T09:00 on this machine's clock")
	return cmd
}

const trySnooze = "Try: --for 2h, or --until 2026-11-23T09:00:00+03:00"

// snoozeUntil reads the flags, of which there has to be one.
func snoozeUntil(length time.Duration, until string, now time.Time) (time.Time, error) {
	switch {
	case length != 0 && until != "":
		return time.Time{}, &usageError{problem: "--for and --until are both given", try: "Give one of them"}
	case length < 0:
		return time.Time{}, &usageError{problem: "--for: " + length.String() + " is in the past", try: trySnooze}
	case length > 0:
		return now.Add(length), nil
	case until == "":
		return time.Time{}, &usageError{problem: "it is not said for how long", try: trySnooze}
	}
	at, err := time.Parse(time.RFC3339, until)
	if err != nil {
		at, err = time.ParseInLocation("2006-01-02T15:04", until, time.Local)
	}
	if err != nil {
		return time.Time{}, &usageError{problem: fmt.Sprintf("--until: %s is no time", quote(until)), try: trySnooze}
	}
	if !at.After(now) {
		return time.Time{}, &usageError{problem: fmt.Sprintf("--until: %s is in the past", quote(until)), try: trySnooze}
	}
	return at, nil
}

// reminded returns when somebody is reminded of what was put off until then, at the soonest: not before business opens.
func (t owedTable) reminded(o owed, until time.Time) time.Time {
	if o.rules == nil {
		return until
	}
	if opens := o.rules.Hours.NextOpen(until); !opens.IsZero() {
		return opens
	}
	return until
}

// maySnooze refuses what would mean that nobody is ever reminded.
func (t owedTable) maySnooze(o owed, until time.Time) error {
	expires := o.expires()
	if again := t.reminded(o, until); expires.IsZero() || again.Before(expires) {
		return nil
	} else if again.After(until) {
		return fmt.Errorf("%s cannot be put off until %s: business opens again at %s, and it expires before, at %s (MAX_AGE is %s); put it off for less, or mark it as done",
			clean(o.CallbackID, idShown), t.clock(until), t.clock(again), t.clock(expires), span(o.rules.MaxAge))
	}
	return fmt.Errorf("%s cannot be put off until %s: it expires before, at %s (MAX_AGE is %s), and nobody would be reminded; put it off for less, or mark it as done",
		clean(o.CallbackID, idShown), t.clock(until), t.clock(expires), span(o.rules.MaxAge))
}

// wish does to each callback what a person wishes. All of them have to be there and to allow it before anything is done to one.
func (w *world) wish(ctx context.Context, b *stream.Bus, ids []string, may func(owed) error, do func(*stream.Diary, owed) (string, error)) error {
	all, err := openCallbacksOf(ctx, b, "")
	if err != nil {
		return err
	}
	short := shortIDs(all)
	chosen, err := chooseOwed(all, short, ids)
	for _, o := range chosen {
		err = errors.Join(err, may(o))
	}
	if err != nil {
		return err
	}
	for _, o := range chosen {
		said, err := wishOne(ctx, b, o, do)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w.stdout, "%s: %s\n", said, who(short[o.CallbackID], o.Callback)); err != nil {
			return err
		}
	}
	return nil
}

func wishOne(ctx context.Context, b *stream.Bus, o owed, do func(*stream.Diary, owed) (string, error)) (said string, err error) {
	d, err := b.DiaryBeside(ctx, o.sink)
	if err != nil {
		return "", err
	}
	defer d.Close()
	return do(d, o)
}

// chooseOwed returns the callbacks that are named, each once. Its error has every name that is wrong.
func chooseOwed(all []owed, short map[string]string, ids []string) (chosen []owed, err error) {
	for _, id := range ids {
		var found []owed
		for _, o := range all {
			if id != "" && strings.HasPrefix(o.CallbackID, strings.ToLower(id)) {
				found = append(found, o)
			}
		}
		switch {
		case len(found) == 0:
			err = errors.Join(err, noSuchCallback(id, all))
		case len(found) > 1:
			err = errors.Join(err, ambiguous(id, found, short))
		case !slices.ContainsFunc(chosen, func(o owed) bool { return o.CallbackID == found[0].CallbackID }):
			chosen = append(chosen, found[0])
		}
	}
	return chosen, err
}

func noSuchCallback(id string, all []owed) error {
	if len(all) == 0 {
		return fmt.Errorf("no callback %s is open: nobody waits to be called back", quote(id))
	}
	return fmt.Errorf("no callback that begins with %s is open; it may be done by now\nTry: callbus callbacks list", quote(id))
}

// mostShown of the callbacks that a name may mean.
const mostShown = 10

func ambiguous(id string, found []owed, short map[string]string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d callbacks begin with %s; give more of the id:", len(found), quote(id))
	for _, o := range found[:min(len(found), mostShown)] {
		b.WriteString("\n  " + who(short[o.CallbackID], o.Callback))
	}
	if more := len(found) - mostShown; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return errors.New(b.String())
}
