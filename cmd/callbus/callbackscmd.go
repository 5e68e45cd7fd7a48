package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

const callbacksLong = `Who was missed and waits to be called back, as the sinks of kind callbacks keep it; and what a person wishes of that.

A callback is named by its id, or as much of its beginning as no other has: the list shows enough of it. What is done is
published as callback.completed (manual) by its sink. What is snoozed is reminded of at that time, or when business opens
after it. Times are those of this machine.`

const callbacksExamples = `  callbus callbacks list
  callbus callbacks list --account acme --json | jq .external_number
  callbus callbacks done mgss5xsc
  callbus callbacks snooze mgss5xsc --for 2h`

func newCallbacksCmd(w *world) *cobra.Command {
	cmd := &cobra.Command{Use: "callbacks", Short: "Show who is owed a call back, mark one as done, put one off", Long: callbacksLong, Example: callbacksExamples, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return noSubcommand(cmd, "list") }}
	cmd.AddCommand(newCallbacksListCmd(w), newCallbacksDoneCmd(w), newCallbacksSnoozeCmd(w))
	return cmd
}

// owedFilter are the flags of callbus callbacks list.
type owedFilter struct {
	account, sink string
	json          bool
}

func newCallbacksListCmd(w *world) *cobra.Command {
	var f owedFilter
	cmd := w.onBus("list", "Show who waits to be called back", noArgs, func(ctx context.Context, b *stream.Bus, _ []string) error {
		return w.listCallbacks(ctx, b, f)
	})
	cmd.Flags().StringVar(&f.account, "account", "", "only callers of this `ACCOUNT`")
	cmd.Flags().StringVar(&f.sink, "sink", "", "only what this `SINK` keeps")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line: the data of a callback event")
	return cmd
}

func (w *world) listCallbacks(ctx context.Context, b *stream.Bus, f owedFilter) error {
	if f.account != "" && !nameForm.MatchString(f.account) {
		return &usageError{problem: fmt.Sprintf("--account: %s is not the name of an account", quote(f.account)), try: "Accounts are named with a-z, 0-9 and -"}
	}
	all, err := openCallbacksOf(ctx, b, f.sink)
	if err != nil {
		return err
	}
	short := shortIDs(all)
	all = slices.DeleteFunc(all, func(o owed) bool { return f.account != "" && o.Account != f.account })
	switch {
	case f.json:
		return printOwedJSON(w.stdout, all)
	case len(all) == 0:
		return f.nobody(w.stdout)
	}
	return owedTable{now: time.Now(), zone: time.Local, short: short}.print(w.stdout, all)
}

// nobody says that the list is empty, and of what.
func (f owedFilter) nobody(out io.Writer) error {
	of := ""
	if f.account != "" {
		of += " at account " + f.account
	}
	if f.sink != "" {
		of += " of sink " + f.sink
	}
	_, err := fmt.Fprintf(out, "nobody waits to be called back%s\n", of)
	return err
}

func printOwedJSON(out io.Writer, all []owed) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, o := range all {
		if err := enc.Encode(o.Callback); err != nil {
			return err
		}
	}
	return nil
}

// atLeastOne is for commands that take any number of arguments but none.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return nil
		}
		return &usageError{problem: fmt.Sprintf("%s takes one %s or more, and was given none", cmd.CommandPath(), name), try: "Try: callbus callbacks list"}
	}
}

// who names a callback for a person who has just done something about it.
func who(id string, c events.Callback) string {
	return fmt.Sprintf("%s, %s, missed %s", id, clean(c.ExternalNumber, columnMost), times(c.Count))
}
