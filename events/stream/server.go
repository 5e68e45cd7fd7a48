package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events/secret"
)

// A ServerConfig says how the embedded nats-server runs.
type ServerConfig struct {
	DataDir      string        // made if it is not there; one process at a time
	Listen       string        // host:port for subscribers, port 0 for any that is free; "off": in-process only
	User         string        // asked of every client, if set
	Password     secret.Text   // set if and only if User is
	SyncAlways   bool          // an acknowledged event is on disk
	SyncInterval time.Duration // otherwise it is within this time; 0: the server's default, 2 minutes
	Log          *slog.Logger  // nil: nothing is logged
}

// A Server is a nats-server with JetStream in this process. If its store fails because the disk is full, it starts anew by itself
// once there is room.
type Server struct {
	config ServerConfig
	host   string
	port   int // the one it got, after the first start
	folder *flock.Flock
	once   sync.Once
	quit   chan struct{} // closed by Shutdown
	health sync.WaitGroup

	mu    sync.Mutex
	nats  *server.Server // nil while it starts anew
	conns []*nats.Conn
}

// Limits of the embedded server.
const (
	maxPayload = 4 << 20   // an event with the vendor's raw record is a few kB; a dead letter is as large as the vendor made it
	maxMemory  = 256 << 20 // of JetStream in memory: nothing of ours but readers' places is kept there
)

// StartServer starts the embedded server and waits until it serves, or ctx is done. What can go wrong with the folder and the
// address is found out beforehand, because nats-server itself only logs it.
func StartServer(ctx context.Context, c ServerConfig) (*Server, error) {
	s, err := startServer(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("start the embedded server: %w", err)
	}
	return s, nil
}

func startServer(ctx context.Context, c ServerConfig) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	host, port, err := listenAddress(c)
	if err != nil {
		return nil, err
	}
	folder, err := takeFolder(c.DataDir)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, host: host, port: port, folder: folder, quit: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	if a, ok := s.nats.Addr().(*net.TCPAddr); ok {
		s.port = a.Port
	}
	s.health.Go(s.watch)
	return s, nil
}

// start starts nats-server in the folder that is taken.
func (s *Server) start(ctx context.Context) error {
	if err := probeAddress(s.config.Listen, s.host, s.port); err != nil {
		return err
	}
	if err := finishStreams(s.config.DataDir, s.config.Log); err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	n, err := server.NewServer(s.options())
	if err != nil {
		return err
	}
	log := newServerLog(s.config)
	n.SetLoggerV2(log, false, false, false)
	if err = startNATS(ctx, n); err == nil {
		err = checkStarted(s.config, n, log)
	}
	if err != nil {
		n.Shutdown()
		n.WaitForShutdown()
		return err
	}
	s.mu.Lock()
	s.nats = n
	s.mu.Unlock()
	return nil
}

// startNATS returns when all is started, or the log says why not. Start may be in the middle of recovering a large store when
// ctx is done; it is waited for.
func startNATS(ctx context.Context, n *server.Server) error {
	started := make(chan struct{})
	go func() {
		n.Start()
		close(started)
	}()
	select {
	case <-started:
		return nil
	case <-ctx.Done():
		<-started
		return context.Cause(ctx)
	}
}

// checkStarted finds out whether Start got through: it returns no error. A stream that could not be recovered is no reason for
// nats-server not to start, but the bus would then begin with an empty one.
func checkStarted(c ServerConfig, n *server.Server, log *serverLog) error {
	if fatal := log.fatal(); fatal != "" {
		return startError(c, fatal)
	}
	if !n.ReadyForConnections(10 * time.Second) {
		return fmt.Errorf("%w: the server did not become ready", ErrStore)
	}
	if err := health(n); err != nil {
		return fmt.Errorf("%w: the store in %s is damaged; put back a copy of it, or move it away and begin with an empty one: %w", ErrStore, c.DataDir, err)
	}
	return nil
}

func startError(c ServerConfig, fatal string) error {
	if isListenFailure(fatal) {
		return fmt.Errorf("%w: %s was taken while the server started; stop what listens there, or choose another address: %s", ErrAddressInUse, c.Listen, fatal)
	}
	return fmt.Errorf("%w: the folder %s cannot be opened as a JetStream store; see that it can be read and written, or choose another: %s", ErrStore, c.DataDir, fatal)
}

func (s *Server) options() *server.Options {
	c := s.config
	return &server.Options{
		ServerName:             "callbus",
		Host:                   s.host,
		Port:                   s.port,
		DontListen:             c.Listen == "off",
		Username:               c.User,
		Password:               c.Password.Reveal(),
		JetStream:              true,
		StoreDir:               c.DataDir,
		SyncAlways:             c.SyncAlways,
		SyncInterval:           c.SyncInterval,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      0, // three quarters of what the disk has free, as the server finds it
		MaxPayload:             maxPayload,
		NoSigs:                 true, // signals are the program's
		DisableJetStreamBanner: true,
	}
}

// URL returns where subscribers connect; "" if the server does not listen.
func (s *Server) URL() string {
	if s.config.Listen == "off" {
		return ""
	}
	return "nats://" + net.JoinHostPort(s.host, strconv.Itoa(s.port))
}

// Connect connects to the server within the process. The connection ends with the server, if it is not closed before.
func (s *Server) Connect(name string) (*nats.Conn, error) {
	options := append(connectionOptions(name, s.config.Log), nats.InProcessServer(&inProcess{s: s}))
	if s.config.User != "" {
		options = append(options, nats.UserInfo(s.config.User, s.config.Password.Reveal()))
	}
	nc, err := nats.Connect("", options...)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded server: %w", err)
	}
	s.mu.Lock()
	s.conns = append(s.conns, nc)
	s.mu.Unlock()
	return nc, nil
}

// Shutdown stops the server, waits until it has written all, and leaves the folder to others. It may be called more than once.
func (s *Server) Shutdown() { s.once.Do(s.shutdown) }

func (s *Server) shutdown() {
	close(s.quit)
	s.health.Wait()
	s.mu.Lock()
	for _, nc := range s.conns {
		nc.Close() // or it would try for ever to come back
	}
	s.mu.Unlock()
	s.stop()
	if err := s.folder.Close(); err != nil {
		s.config.Log.Error("the data folder stays locked until the process ends", "folder", s.config.DataDir, "error", err)
	}
}

// stop stops nats-server and waits until it has written all.
func (s *Server) stop() {
	s.mu.Lock()
	n := s.nats
	s.nats = nil
	s.mu.Unlock()
	if n != nil {
		n.Shutdown()
		n.WaitForShutdown()
	}
}

// inProcess connects to the nats-server that runs now, which is another one after a failure of the store.
type inProcess struct {
	s    *Server
	last *loop
}

var errStopped = errors.New("the embedded server is not running")

// InProcessConn makes inProcess a nats.InProcessConnProvider.
func (p *inProcess) InProcessConn() (net.Conn, error) {
	p.s.mu.Lock()
	n := p.s.nats
	p.s.mu.Unlock()
	if n == nil {
		return nil, errStopped
	}
	pipe, err := n.InProcessConn()
	if err != nil {
		return nil, err
	}
	if p.last != nil {
		go p.last.Close() // nats.go does not where the server did not greet it; and waits for nothing here
	}
	p.last = newLoop(pipe)
	return p.last, nil
}

// listenAddress returns where to listen, and refuses what would let anybody in.
func listenAddress(c ServerConfig) (host string, port int, err error) {
	if (c.User == "") == c.Password.Set() {
		return "", 0, fmt.Errorf("%w: a user and a password, both or neither", ErrNeedCredentials)
	}
	if c.Listen == "off" {
		return "127.0.0.1", 0, nil
	}
	host, text, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %q is not host:port or off: %w", ErrAddress, c.Listen, err)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %q: the port is not a number from 0 to 65535", ErrAddress, c.Listen)
	}
	if c.User == "" && !isLoopback(host) {
		return "", 0, fmt.Errorf("%w: %s can be reached from other machines: set a user and a password, or listen on 127.0.0.1", ErrNeedCredentials, c.Listen)
	}
	if n == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(n), nil
}

// isLoopback tells whether only this machine can reach host. Names other than localhost may come to mean something else.
func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// probeAddress listens for a moment where the server is going to.
func probeAddress(listen, host string, port int) error {
	if listen == "off" {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(max(port, 0))))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: another program listens on %s: stop it, or choose another address: %w", ErrAddressInUse, listen, err)
	case err != nil:
		return fmt.Errorf("%w: %s: choose an address of this machine and a port that this user may use: %w", ErrAddress, listen, err)
	}
	return l.Close()
}

// lockName is the file in the data folder that says a process is at work there. It stays when the process has gone; the lock does not.
const lockName = "callbus.lock"

// takeFolder makes the folder, sees that it can be written, and locks it against other processes, because nats-server does not.
func takeFolder(dir string) (*flock.Flock, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: no data folder is given", ErrStore)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: cannot make the folder %s; choose another, or see to its parent's permissions: %w", ErrStore, dir, err)
	}
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	taken, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("%w: cannot write in the folder %s; see to its permissions, or choose another: %w", ErrStore, dir, err)
	}
	if !taken {
		return nil, fmt.Errorf("%w: another process uses %s; stop it, or give this one a folder of its own", ErrFolderInUse, dir)
	}
	if err := probeFolder(dir, 64<<10); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: cannot write in the folder %s; see to its permissions and to the space on its disk, or choose another: %w", ErrStore, dir, err), lock.Close())
	}
	return lock, nil
}

// probeFolder writes a file of n bytes in dir and takes it away again.
func probeFolder(dir string, n int) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	_, werr := f.Write(make([]byte, n))
	return errors.Join(werr, f.Sync(), f.Close(), os.Remove(f.Name()))
}
