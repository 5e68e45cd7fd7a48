package main

import (
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// newLogger returns the log of a command. It goes to standard error: standard output is for results.
func newLogger(w *world, s LogSettings) *slog.Logger {
	return slog.New(newLogHandler(w.stderr, s, isTerminal(w.stderr), w.has("NO_COLOR")))
}

func newLogHandler(out io.Writer, s LogSettings, terminal, noColour bool) slog.Handler {
	format := s.Format
	if format == logAuto || format == "" {
		format = logJSON
		if terminal {
			format = logTint
		}
	}
	options := &slog.HandlerOptions{Level: s.Level.Level}
	switch format {
	case logTint:
		return tint.NewTextHandler(out, &tint.Options{Level: s.Level.Level, TimeFormat: time.TimeOnly, NoColor: noColour})
	case logText:
		return slog.NewTextHandler(out, options)
	}
	return slog.NewJSONHandler(out, options)
}
