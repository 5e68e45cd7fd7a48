package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
)

const runLong = `Watches the accounts of CALLBUS_ACCOUNTS and CALLBUS_ACCOUNTS_DIR, and publishes what happens on them, until it is
stopped by Ctrl-C or SIGTERM.

Without CALLBUS_NATS_URL the events are kept by a NATS server inside this process, in the folder of
CALLBUS_DATA_DIR, and subscribers connect to CALLBUS_NATS_LISTEN (127.0.0.1:4222).`

const runExamples = `  callbus run
  callbus run --env-file /etc/callbus/callbus.env
  CALLBUS_LOG_LEVEL=debug callbus run --env-file callbus.env`

func newRunCmd(w *world) *cobra.Command {
	env := environment{world: w}
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Watch the accounts and publish their events",
		Long:    runLong,
		Example: runExamples,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.config()
			if err != nil {
				return err
			}
			return runRun(cmd.Context(), cfg, newLogger(w, cfg.Log))
		},
	}
	env.addFlag(cmd)
	return cmd
}

// dirEvery is how often the accounts folder is looked at.
const dirEvery = 2 * time.Second

// runRun returns nil when ctx ended it.
func runRun(ctx context.Context, cfg Config, log *slog.Logger) error {
	e, err := startEngine(ctx, cfg, log)
	if err != nil {
		return stoppedOr(ctx, err)
	}
	log.Info("callbus runs", "version", buildVersion(), "nats", e.bus.url(), "http", e.http.Addr(), "accounts", len(cfg.Accounts))
	err = e.wait(ctx)
	log.Info("callbus has stopped")
	return err
}
