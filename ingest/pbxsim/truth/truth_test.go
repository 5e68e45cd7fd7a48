package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestNothingIsLostOrDoubledWhateverIsKilled runs the second scenario in short: at least 20 times the program is killed
// without warning, at a random moment, and what is in its stream at the end is held against the truth.
func TestNothingIsLostOrDoubledWhateverIsKilled(t *testing.T) {
	t.Parallel()
	s := Rough(5, 25*time.Second, 20)
	s.Calm = 50 * time.Second
	s.Vendors = watched(s.Calm)
	s.Manner.Records.LateLag.Max = 20 * time.Second
	// Callers that cannot be told apart within seconds are for the tests in virtual time, which see the same every time.
	s.Mix.Redial, s.Mix.Withheld = 0, 0
	s.Binary, s.Folder = binary, t.TempDir()
	result, err := s.Run(t.Context())
	check(t, s, result, err, "callbus")
	if result.Kills < 20 {
		t.Errorf("killed %d times, want at least 20", result.Kills)
	}
}

// TestNothingIsLostOrDoubledWhenProcessesAndServersDie runs the third scenario in short: a process that watches is frozen, one of any
// kind is killed and comes back, and so is a server; what another one took over is done once.
func TestNothingIsLostOrDoubledWhenProcessesAndServersDie(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left to make test-long: two minutes of a cluster and four processes; make truth does it for longer")
	}
	s := Spread(1, 35*time.Second, 4)
	s.Calm = 40 * time.Second
	s.Vendors = watched(s.Calm)
	s.Vendors[0].Rate = 120
	s.Binary, s.Folder = binary, t.TempDir()
	result, err := runSpread(t.Context(), s, 4)
	check(t, s, result, err, "watch-1", "watch-2", "deliver-1", "deliver-2")
}

// binary is callbus.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "callbus-truth-")
	if err == nil {
		binary = filepath.Join(folder, "callbus")
		var out []byte
		if out, err = build(context.Background(), binary).CombinedOutput(); err != nil {
			err = fmt.Errorf("build callbus: %w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder) // it is in the system's folder for what is temporary
	os.Exit(code)
}

func check(t *testing.T, s Scenario, result Result, err error, logs ...string) {
	t.Helper()
	if err == nil {
		t.Logf("\n%s", result)
		if result.Perfect() {
			return
		}
		err = errors.New("not the truth")
	}
	t.Error(err)
	for _, name := range logs {
		t.Logf("%s said at the end:\n%s", name, lastLines(t, filepath.Join(s.Folder, name+".log"), 60))
	}
}

func lastLines(t *testing.T, file string, n int) []byte {
	t.Helper()
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(log, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], nil)
}
