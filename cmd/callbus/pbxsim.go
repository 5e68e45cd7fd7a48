package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/ingest/pbxsim"
)

const pbxsimLong = `Serves the simulated PBXs alone, each through its vendor's own API, for people who build on callbus or on those APIs. Every vendor shows the same world of calls: answered, missed, busy, queues, redials, short and long ones.

It prints the settings with which callbus watches each of them, credentials and all.`

const pbxsimExamples = `  callbus pbxsim
  callbus pbxsim --listen 127.0.0.1:9000 --seed 7
  callbus pbxsim --rate 60 --scale 0.1                 many short calls
  callbus pbxsim --faults 0.2 --late 0.1               every fifth request fails, every tenth record is late`

// pbxsimOptions are the flags of callbus pbxsim.
type pbxsimOptions struct {
	Listen string
	Seed   uint64 // 0: a new one on every run
	Rate   float64
	Scale  float64
	Faults float64
	Late   float64
}

func newPbxsimCmd(w *world) *cobra.Command {
	var o pbxsimOptions
	cmd := &cobra.Command{
		Use:     "pbxsim",
		Short:   "Serve the simulated PBXs alone",
		Long:    pbxsimLong,
		Example: pbxsimExamples,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPbxsim(cmd.Context(), o, newLogger(w, LogSettings{}), w.stdout)
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8090", "`ADDRESS` to serve on")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 0, "repeat the calls that had this `NUMBER`")
	cmd.Flags().Float64Var(&o.Rate, "rate", 10, "fresh calls a `MINUTE`")
	cmd.Flags().Float64Var(&o.Scale, "scale", 1, "how long calls last: 1 as in life, 0.1 ten times shorter")
	cmd.Flags().Float64Var(&o.Faults, "faults", 0, "`SHARE` of requests that go wrong, 0 to 1")
	cmd.Flags().Float64Var(&o.Late, "late", 0, "`SHARE` of records that come up to a minute late, 0 to 1")
	return cmd
}

// pbxsimKeep is how long the world remembers calls that are over: longer than any look-back.
const pbxsimKeep = 32 * 24 * time.Hour

// runPbxsim returns nil when ctx ended it.
func runPbxsim(ctx context.Context, o pbxsimOptions, log *slog.Logger, stdout io.Writer) error {
	if o.Faults < 0 || o.Faults > 1 {
		return &usageError{problem: fmt.Sprintf("--faults: %v is not a share of 0 to 1", o.Faults), try: "Try: callbus pbxsim --faults 0.2"}
	}
	world := pbxsim.Config{Seed: seedOr(o.Seed), Start: time.Now().Add(-time.Hour), Rate: o.Rate, Scale: o.Scale, Keep: pbxsimKeep}
	manner := pbxsim.Manner{Faults: pbxsim.MixedFaults(o.Faults), Records: pbxsim.Records{LateRate: o.Late}}
	if err := usable(world, manner); err != nil {
		return err
	}
	// A world of its own for each, though the same calls: a call that is hung up at one vendor goes on at the others.
	s, err := serveSimulated(o.Listen, func(string) *pbxsim.World { return pbxsim.NewWorld(world) }, manner, log)
	if err != nil {
		return err
	}
	if err := s.describe(stdout, world.Seed); err != nil {
		return err
	}
	return s.Run(ctx)
}

// describe prints where each PBX is, and the settings with which callbus watches it.
func (s *simulated) describe(out io.Writer, seed uint64) error {
	text := fmt.Sprintf("Simulated PBXs with the same calls, seed %d. To watch one with callbus:\n", seed)
	for _, p := range s.pbxs {
		text += "\n  CALLBUS_ACCOUNTS=sim"
		for _, variable := range p.Variables("sim", s.URL(p.Vendor)) {
			text += " \\\n  " + variable
		}
		text += " callbus run\n"
	}
	text += fmt.Sprintf("\nThe active calls of the first:\n\n  curl '%s/?username=%s&password=%s&action=activecalls'\n\nStop with Ctrl-C.\n",
		s.URL("telsam"), simulatedSecret, simulatedSecret)
	_, err := io.WriteString(out, text)
	return err
}
