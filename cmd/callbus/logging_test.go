package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

func logged(s LogSettings, terminal, noColour bool) string {
	var b bytes.Buffer
	slog.New(newLogHandler(&b, s, terminal, noColour)).Warn("hello", "n", 1)
	return b.String()
}

func TestTheLogFitsItsReader(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name               string
		format             LogFormat
		terminal, noColour bool
		json, colour       bool
	}{
		{"auto on a terminal", logAuto, true, false, false, true},
		{"auto on a terminal without colours", logAuto, true, true, false, false},
		{"auto elsewhere", logAuto, false, false, true, false},
		{"nothing said, elsewhere", "", false, false, true, false},
		{"json on a terminal", logJSON, true, false, true, false},
		{"text on a terminal", logText, true, false, false, false},
		{"tint elsewhere", logTint, false, false, false, true},
		{"tint elsewhere without colours", logTint, false, true, false, false},
	} {
		line := logged(LogSettings{Format: tc.format}, tc.terminal, tc.noColour)
		if got := json.Valid([]byte(line)); got != tc.json {
			t.Errorf("%s: JSON %t, want %t: %q", tc.name, got, tc.json, line)
		}
		if got := strings.Contains(line, "\x1b["); got != tc.colour {
			t.Errorf("%s: colour %t, want %t: %q", tc.name, got, tc.colour, line)
		}
	}
}

func TestTheLevelIsKept(t *testing.T) {
	t.Parallel()
	for _, format := range []LogFormat{logJSON, logText, logTint} {
		if line := logged(LogSettings{Format: format, Level: Level{slog.LevelError}}, false, true); line != "" {
			t.Errorf("%s: a warning is logged at level error: %q", format, line)
		}
		if line := logged(LogSettings{Format: format, Level: Level{slog.LevelDebug}}, false, true); line == "" {
			t.Errorf("%s: a warning is not logged at level debug", format)
		}
	}
}
