package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/callbus/callbus/ingest/pbxsim"
)

// simulated is a simulated PBX that is served over HTTP.
type simulated struct {
	world    *pbxsim.World
	telsam   *pbxsim.Telsam
	listener net.Listener
	server   *http.Server
}

// simulatedUser and simulatedPassword are what the simulated PBXs ask for, as everybody may know.
const (
	simulatedUser     = "demo"
	simulatedPassword = "demo"
)

// serveSimulated takes the address; Run serves.
func serveSimulated(addr string, world pbxsim.Config, cfg pbxsim.TelsamConfig, log *slog.Logger) (*simulated, error) {
	if err := errors.Join(world.Validate(), cfg.Validate()); err != nil {
		return nil, &usageError{problem: err.Error(), try: "Try: callbus pbxsim --help"}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, listenError("--listen", addr, err)
	}
	cfg.Username, cfg.Password = simulatedUser, simulatedPassword
	s := &simulated{world: pbxsim.NewWorld(world), listener: l}
	s.telsam = pbxsim.NewTelsam(s.world, cfg, time.Now)
	s.server = &http.Server{
		Handler: s.telsam, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// URL is the base URL of the simulated Telsam.
func (s *simulated) URL() string { return "http://" + s.listener.Addr().String() }

// Run serves until ctx is done.
func (s *simulated) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.server.Close() }) // its callers are gone too
	defer stop()
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the simulated PBX: %w", err)
	}
	return nil
}

// seedOr returns seed, or a new one when it is 0. It is small enough to be typed again.
func seedOr(seed uint64) uint64 {
	if seed != 0 {
		return seed
	}
	return 1 + rand.Uint64N(999_999)
}
