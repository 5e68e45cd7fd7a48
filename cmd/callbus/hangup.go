package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/ingest"
)

const hangupLong = `Ends a call that is active, where the vendor can. CALL is the id of a call that callbus published, or the vendor's own
id of it: a channel (telsam, while1), or a call_uuid (verimor). It asks first, unless --yes is given.

The vendor is told once, and never again by itself: a second try might end another call.`

const hangupExamples = `  callbus hangup acme kshbeye3gn5rl2tcq4gxpbuplq
  callbus hangup acme SIP/trunk-0000001b --yes`

func newHangupCmd(w *world) *cobra.Command {
	env := environment{world: w}
	var yes bool
	cmd := &cobra.Command{
		Use:     "hangup ACCOUNT CALL",
		Short:   "End a call that is active",
		Long:    hangupLong,
		Example: hangupExamples,
		Args:    exactly("an ACCOUNT", "a CALL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(args[1]) == "" {
				return &usageError{problem: "no call is named: an empty one might mean all of them to the vendor", try: "Try: callbus hangup --help"}
			}
			c, err := env.config()
			if err != nil {
				return err
			}
			a, err := accountNamed(c, args[0])
			if err != nil {
				return err
			}
			return hangUp(cmd.Context(), w, c, a, args[1], yes)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	env.addFlag(cmd)
	return cmd
}

// errNotConfirmed ends callbus hangup when the user has second thoughts.
var errNotConfirmed = errors.New("not confirmed: nothing was hung up")

func hangUp(ctx context.Context, w *world, c Config, a Account, call string, yes bool) error {
	transport, letGo := alone()
	defer letGo()
	transport.DisableKeepAlives = true // net/http asks again over a new connection when an old one turns out to be closed
	vendor, err := a.Open(&http.Client{Transport: transport})
	if err != nil {
		return err
	}
	hanger, ok := vendor.(ingest.Hanger)
	if !ok {
		return fmt.Errorf("%s cannot be told to end a call: its API has nothing for it", a.Provider)
	}
	id, what, err := whichCall(ctx, c.Bus, a, hanger, call, newLogger(w, c.Log))
	if err != nil {
		return err
	}
	if !yes && !confirmed(w, what) {
		return errNotConfirmed
	}
	switch err := hanger.Hangup(ctx, id); {
	case errors.Is(err, ingest.ErrNoSuchCall):
		return fmt.Errorf("%s is not active, or no longer: %w", what, err)
	case err != nil:
		return fmt.Errorf("hang up %s: %w; it is not tried again: see whether the call goes on before you do", what, err)
	}
	_, err = fmt.Fprintf(w.stdout, "hung up: %s\n", what)
	return err
}

// whichCall returns the vendor's id of a call, and what it is called for a person. What callbus did not publish, or cannot
// look up because no bus answers, is taken for the vendor's own id.
func whichCall(ctx context.Context, b Bus, a Account, hanger ingest.Hanger, call string, log *slog.Logger) (id, what string, err error) {
	c, found := published(ctx, b, a.Name, call, log)
	switch {
	case !found:
		return call, "the call " + quote(call) + " of " + a.Name, nil
	case c.EndedAt != nil:
		return "", "", fmt.Errorf("the call %s of %s is over since %s", call, a.Name, c.EndedAt.Format(time.RFC3339))
	}
	if id = hanger.HangupID(c); id == "" {
		return "", "", fmt.Errorf("the vendor's id of call %s is not known: give it instead, as the PBX shows it", call)
	}
	what = fmt.Sprintf("the call of %s from %s to %s, since %s", a.Name, party(c.From), party(c.To), c.StartedAt.Format(time.RFC3339))
	return id, what, nil
}

// lookupTimeout is how long the bus may take to tell of a call.
const lookupTimeout = 5 * time.Second

// published returns what was last published of a call.
func published(ctx context.Context, b Bus, account, call string, log *slog.Logger) (c events.Call, found bool) {
	if strings.Trim(call, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return c, false // no id of ours
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	nc, err := dialBus(ctx, b, "callbus hangup", log)
	if err != nil {
		return c, false
	}
	defer nc.Close()
	bus, err := openReading(ctx, nc)
	if err != nil {
		return c, false
	}
	defer bus.Close()
	for e, err := range bus.Events(ctx, stream.Filter{Account: account, Call: call}) {
		if err != nil {
			continue
		}
		if f, ok := e.Call(); ok {
			c, found = f, true
		}
	}
	return c, found
}

func confirmed(w *world, what string) bool {
	fmt.Fprintf(w.stderr, "Hang up %s? [y/N] ", what)
	answer, _ := bufio.NewReader(w.stdin).ReadString('\n') // the end of the input is no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
