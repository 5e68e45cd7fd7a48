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

It prints the URL and the credentials, and the settings with which callbus watches it.`

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
	cfg := pbxsim.TelsamConfig{Faults: pbxsim.MixedFaults(o.Faults), Records: pbxsim.Records{LateRate: o.Late}}
	s, err := serveSimulated(o.Listen, world, cfg, log)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, `telsam   %[1]s   user %[2]s, password %[3]s   seed %[4]d

  curl '%[1]s/?username=%[2]s&password=%[3]s&action=activecalls'

To watch it with callbus:

  CALLBUS_ACCOUNTS=sim \
  CALLBUS_ACCOUNT_SIM_PROVIDER=telsam CALLBUS_ACCOUNT_SIM_URL=%[1]s \
  CALLBUS_ACCOUNT_SIM_USERNAME=%[2]s CALLBUS_ACCOUNT_SIM_PASSWORD=%[3]s callbus run

Stop with Ctrl-C.
`, s.URL(), simulatedUser, simulatedPassword, world.Seed)
	if err != nil {
		return err
	}
	return s.Run(ctx)
}
