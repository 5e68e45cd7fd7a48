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

// simulated is simulated PBXs that are served over HTTP, each below a path that is its vendor's name.
type simulated struct {
	pbxs     []pbxsim.Shown
	listener net.Listener
	server   *http.Server
}

// simulatedSecret is what the simulated PBXs ask for, as everybody may know.
const simulatedSecret = "demo"

// serveSimulated takes the address; Run serves. worldOf returns the world that a vendor shows.
func serveSimulated(addr string, worldOf func(vendor string) *pbxsim.World, m pbxsim.Manner, log *slog.Logger) (*simulated, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, listenError("--listen", addr, err)
	}
	m.Secret = simulatedSecret
	s := &simulated{listener: l}
	for _, vendor := range pbxsim.Vendors() {
		s.pbxs = append(s.pbxs, pbxsim.Show(vendor, worldOf(vendor), m, time.Now))
	}
	s.server = &http.Server{
		Handler: pbxsim.Handler(s.pbxs), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// usable returns what is wrong with a world and the manner in which it is to be shown, as a usage error.
func usable(world pbxsim.Config, m pbxsim.Manner) error {
	if err := errors.Join(world.Validate(), m.Records.Validate(), m.Faults.Validate()); err != nil {
		return &usageError{problem: err.Error(), try: "Try: callbus pbxsim --help"}
	}
	return nil
}

// URL is the base URL of a vendor's simulated API.
func (s *simulated) URL(vendor string) string {
	return "http://" + s.listener.Addr().String() + "/" + vendor
}

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
