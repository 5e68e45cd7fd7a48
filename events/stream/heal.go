package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// How often the server is looked at, and at most how long between two tries to start it anew.
const (
	healthEvery   = 2 * time.Second
	longestHealth = time.Minute
)

// Err returns nil while the server serves and its store takes events, otherwise why not.
func (s *Server) Err() error {
	s.mu.Lock()
	n := s.nats
	s.mu.Unlock()
	if n == nil {
		return errStopped
	}
	if err := health(n); err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	return nil
}

// health asks the server how it is. It gives itself a millisecond to find out whether it is ready, and on a busy machine that is
// sometimes over before it has looked (it answers 500, and only then), so it is asked again.
func health(n *server.Server) error {
	var h *server.HealthStatus
	for range 100 {
		if h = n.Healthz(nil); h.StatusCode != http.StatusInternalServerError {
			break
		}
	}
	if h.Error == "" {
		return nil
	}
	return errors.New(h.Error)
}

// watch starts nats-server anew when a write to its store has failed. It would refuse all further writes, without an answer, for as
// long as it ran, also when there is room on the disk again. What waits in Publish goes on by itself.
func (s *Server) watch() {
	wait := healthEvery
	for {
		select {
		case <-s.quit:
			return
		case <-time.After(wait):
		}
		err := s.Err()
		if err == nil {
			wait = healthEvery
			continue
		}
		wait = min(2*wait, longestHealth)
		if err := s.heal(err); err != nil {
			s.config.Log.Error("the store takes no events; see to the space on its disk", "folder", s.config.DataDir, "error", err, "next try", wait)
		}
	}
}

// heal starts nats-server anew if the folder can be written.
func (s *Server) heal(failure error) error {
	if err := probeFolder(s.config.DataDir, roomToHeal); err != nil {
		return errors.Join(failure, err)
	}
	s.config.Log.Warn("starting the embedded server anew: a write to its store had failed", "error", failure)
	s.stop()
	return s.start(context.Background()) // Shutdown waits for it
}

// roomToHeal is what must be writable before it is worth while to start anew.
const roomToHeal = 4 << 20
