package stream_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/callbus/callbus/events/stream"
)

// A process can be killed at any instant while it makes a stream, or changes one; what nats-server then leaves in its folder is
// made here by hand.
func TestAProcessKilledWhileAStreamIsMadeOrChangedStartsAgain(t *testing.T) {
	for name, c := range map[string]struct {
		full  bool // events were stored
		leave func(t *testing.T, folder string)
	}{
		"before its settings":                           {false, removes("meta.inf", "meta.sum")},
		"before its settings, in the middle of a write": {false, writes("meta.inf", "")},
		"before the checksum of its settings":           {false, removes("meta.sum")},
		"with events, before the checksum":              {true, removes("meta.sum")},
		"with events, between settings and checksum":    {true, writes("meta.sum", "0123456789abcdef")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := startServer(t, stream.ServerConfig{DataDir: dir})
			b := openBus(t, connect(t, s))
			evs := calls("acme", 3)
			if c.full {
				if err := b.Publish(testContext(t), evs...); err != nil {
					t.Fatal(err)
				}
			}
			b.Close()
			s.Shutdown()
			c.leave(t, filepath.Join(dir, "jetstream", "$G", "streams", "CALLBUS"))
			b = openBus(t, connect(t, startServer(t, stream.ServerConfig{DataDir: dir})))
			if err := b.Publish(testContext(t), evs...); err != nil {
				t.Fatal(err)
			}
			checkStored(t, b, evs)
		})
	}
}

func removes(files ...string) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		for _, f := range files {
			if err := os.Remove(filepath.Join(folder, f)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func writes(file, content string) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
