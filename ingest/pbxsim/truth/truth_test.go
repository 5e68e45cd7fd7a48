package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestNothingIsLostOrDoubledWhateverIsKilled runs the second scenario in short: at least 20 times the program is killed
// without warning, at a random moment, and what is in its stream at the end is held against the truth.
func TestNothingIsLostOrDoubledWhateverIsKilled(t *testing.T) {
	folder := t.TempDir()
	binary := filepath.Join(folder, "callbus")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/callbus/callbus/cmd/callbus").CombinedOutput(); err != nil {
		t.Fatalf("build callbus: %v\n%s", err, out)
	}
	s := Rough(5, 40*time.Second, 20)
	s.Calm = 65 * time.Second
	s.Vendors = watched(s.Calm)
	s.Manner.Records.LateLag.Max = 20 * time.Second
	// Callers that cannot be told apart within seconds are for the tests in virtual time, which see the same every time.
	s.Mix.Redial, s.Mix.Withheld = 0, 0
	s.Binary, s.Folder = binary, filepath.Join(folder, s.Dir)
	result, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", result)
	if !result.Perfect() {
		t.Errorf("not the truth; callbus said at the end:\n%s", lastLines(t, filepath.Join(s.Folder, "callbus.log"), 60))
	}
	if result.Kills < 20 {
		t.Errorf("killed %d times, want at least 20", result.Kills)
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
