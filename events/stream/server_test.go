package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
)

func TestStartServerErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	pass := secret.New("s3cret-word")
	for name, c := range map[string]struct {
		config stream.ServerConfig
		want   error
		says   string
	}{
		"address taken":                {stream.ServerConfig{Listen: taken.Addr().String()}, stream.ErrAddressInUse, "choose another address"},
		"not an address":               {stream.ServerConfig{Listen: "4222"}, stream.ErrAddress, "host:port"},
		"not a port":                   {stream.ServerConfig{Listen: "127.0.0.1:99999"}, stream.ErrAddress, "65535"},
		"not of this machine":          {stream.ServerConfig{Listen: "203.0.113.7:4222", User: "u", Password: pass}, stream.ErrAddress, "of this machine"},
		"all addresses, anybody":       {stream.ServerConfig{Listen: "0.0.0.0:0"}, stream.ErrNeedCredentials, "set a user and a password"},
		"all addresses, short":         {stream.ServerConfig{Listen: ":0"}, stream.ErrNeedCredentials, "set a user and a password"},
		"a name, anybody":              {stream.ServerConfig{Listen: "example.com:0"}, stream.ErrNeedCredentials, "set a user and a password"},
		"user without password":        {stream.ServerConfig{Listen: "127.0.0.1:0", User: "u"}, stream.ErrNeedCredentials, "both or neither"},
		"password without user":        {stream.ServerConfig{Listen: "off", Password: pass}, stream.ErrNeedCredentials, "both or neither"},
		"a file is where the folder":   {stream.ServerConfig{Listen: "off", DataDir: file}, stream.ErrStore, "choose another"},
		"a file is above the folder":   {stream.ServerConfig{Listen: "off", DataDir: filepath.Join(file, "data")}, stream.ErrStore, "choose another"},
		"a file is where the store is": {stream.ServerConfig{Listen: "off", DataDir: dirWithFile(t, "jetstream")}, stream.ErrStore, "choose another"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.config.DataDir == "" {
				c.config.DataDir = t.TempDir()
			}
			s, err := stream.StartServer(testContext(t), c.config)
			if err == nil {
				s.Shutdown()
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), pass.Reveal()) {
				t.Fatalf("StartServer: %v\nwant %q, saying %q", err, c.want, c.says)
			}
			if c.config.DataDir != file && !strings.HasPrefix(c.config.DataDir, file) && !strings.Contains(name, "store") {
				startServer(t, stream.ServerConfig{DataDir: c.config.DataDir}) // what failed has left nothing behind
			}
		})
	}
}

func dirWithFile(t *testing.T, name string) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDamagedStore(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, stream.ServerConfig{DataDir: dir})
	b := openBus(t, connect(t, s))
	if err := b.Publish(testContext(t), calls("acme", 3)...); err != nil {
		t.Fatal(err)
	}
	b.Close()
	s.Shutdown()
	if err := os.WriteFile(filepath.Join(dir, "jetstream", "$G", "streams", "CALLBUS", "meta.inf"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := stream.StartServer(testContext(t), stream.ServerConfig{DataDir: dir, Listen: "off"})
	if !errors.Is(err, stream.ErrStore) || !strings.Contains(err.Error(), "damaged") {
		t.Fatalf("StartServer on a damaged store: %v", err)
	}
}

func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, stream.ServerConfig{DataDir: dir})
	second := func() error {
		s, err := stream.StartServer(testContext(t), stream.ServerConfig{DataDir: dir, Listen: "off"})
		if err == nil {
			s.Shutdown()
		}
		return err
	}
	if err := second(); !errors.Is(err, stream.ErrFolderInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("a second server in this process: %v", err)
	}
	if out := child(t, "lock", dir); !strings.Contains(out, stream.ErrFolderInUse.Error()) {
		t.Fatalf("a second server in another process: %s", out)
	}
	s.Shutdown()
	s.Shutdown()
	if out := child(t, "lock", dir); !strings.Contains(out, "started") {
		t.Fatalf("a server in another process, after Shutdown: %s", out)
	}
	if err := second(); err != nil {
		t.Fatalf("a server after Shutdown: %v", err)
	}
}

// child runs this test binary as another process, in the role, to its end.
func child(t *testing.T, role, dir string) string {
	cmd := exec.CommandContext(testContext(t), os.Args[0])
	cmd.Env = append(os.Environ(), "STREAM_TEST_ROLE="+role, "STREAM_TEST_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out)
	}
	return string(out)
}

func tryLock(dir string) string {
	s, err := stream.StartServer(context.Background(), stream.ServerConfig{DataDir: dir, Listen: "off"})
	if err != nil {
		return err.Error()
	}
	s.Shutdown()
	return "started"
}

func TestServerAsksForCredentials(t *testing.T) {
	var log logText
	pass := secret.New("s3cret-word")
	s := startServer(t, stream.ServerConfig{
		Listen: "127.0.0.1:0", User: "callbus", Password: pass,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	openBus(t, connect(t, s))
	if _, err := nats.Connect(s.URL()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect without credentials: %v", err)
	}
	if _, err := stream.Dial(testContext(t), stream.RemoteConfig{URL: s.URL(), User: "callbus", Password: secret.New("wrong")}); !errors.Is(err, stream.ErrCredentials) {
		t.Errorf("connect with a wrong password: %v", err)
	}
	nc, err := stream.Dial(testContext(t), stream.RemoteConfig{URL: s.URL(), User: "callbus", Password: pass})
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	s.Shutdown()
	if strings.Contains(log.String(), pass.Reveal()) || strings.Contains(log.String(), "level=WARN msg=\"Plaintext") {
		t.Errorf("the log shows the password, or a warning about our own choice:\n%s", log.String())
	}
	if !strings.Contains(log.String(), "component=nats-server") {
		t.Errorf("the log has nothing of the server:\n%s", log.String())
	}
}

func TestServerURL(t *testing.T) {
	if u := startServer(t, stream.ServerConfig{Listen: "off"}).URL(); u != "" {
		t.Errorf("URL of a server that does not listen: %q", u)
	}
	s := startServer(t, stream.ServerConfig{Listen: "localhost:0"})
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatalf("connect to %s: %v", s.URL(), err)
	}
	nc.Close()
}

func TestShutdownEndsConnections(t *testing.T) {
	s := startServer(t, stream.ServerConfig{})
	nc := connect(t, s)
	b := openBus(t, nc)
	s.Shutdown()
	if !nc.IsClosed() {
		t.Error("the in-process connection goes on after Shutdown")
	}
	if err := b.Publish(testContext(t), calls("acme", 1)...); !errors.Is(err, stream.ErrClosed) {
		t.Errorf("Publish after Shutdown: %v", err)
	}
	if err := s.Err(); err == nil {
		t.Error("Err after Shutdown: nil")
	}
}

func TestStartServerGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("changed my mind")
	cancel(cause)
	dir := t.TempDir()
	s, err := stream.StartServer(ctx, stream.ServerConfig{DataDir: dir, Listen: "off"})
	if err == nil {
		s.Shutdown() // it was quicker
	} else if !errors.Is(err, cause) {
		t.Errorf("StartServer with a context that is done: %v", err)
	}
	startServer(t, stream.ServerConfig{DataDir: dir})
}

// A folder that was copied while nothing ran is a backup. What was published since is published again, by whoever still knows of
// it, and stored once; the sink gets that again, and nothing of what came before.
func TestRestoredFromABackup(t *testing.T) {
	t.Parallel()
	dir, backup := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	evs := calls("acme", 20)
	work := func(published, delivered []events.Event) {
		t.Helper()
		s := startServer(t, stream.ServerConfig{DataDir: dir, SyncAlways: true})
		defer s.Shutdown()
		b := openBus(t, connect(t, s))
		defer b.Close()
		l := openBacklog(t, b)
		defer l.Close()
		publish(t, b, published...)
		got := fetch(t, l, len(delivered))
		checkFetched(t, got, delivered)
		finish(t, got...)
		emptied(t, l)
		checkStored(t, b, published)
	}
	work(evs[:30], evs[:30])
	must(t, os.CopyFS(backup, os.DirFS(dir)))
	work(evs, evs[30:])
	must(t, os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(backup)))
	work(evs, evs[30:])
}
