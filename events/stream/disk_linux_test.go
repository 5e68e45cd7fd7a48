package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/events/stream/natstest"
)

func TestReadOnlyFolder(t *testing.T) {
	dir := mountTmpfs(t, "1m")
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, err := stream.StartServer(testContext(t), stream.ServerConfig{DataDir: dir, Listen: "off"})
	if !errors.Is(err, stream.ErrStore) || !strings.Contains(err.Error(), "read-only") {
		t.Fatalf("StartServer in a read-only folder: %v", err)
	}
}

// mountTmpfs mounts a file system of the size, for as long as the test runs.
func mountTmpfs(t *testing.T, size string) string {
	dir := t.TempDir()
	if err := tryTmpfs(t, dir, size); err != nil {
		t.Skipf("NOT TESTED, because it needs a file system of its own and this user may not mount one: %v", err)
	}
	return dir
}

func tryTmpfs(t *testing.T, dir, size string) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		return err
	}
	t.Cleanup(func() {
		// Detached, because nats-server 2.15 leaves the file of a batch open that it could not begin on a full disk.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return nil
}

// diskToFill is a small file system, or where none may be mounted one that only says that it is full.
func diskToFill(t *testing.T) fullDisk {
	dir := t.TempDir()
	if err := tryTmpfs(t, dir, "64m"); err != nil {
		t.Logf("the disk only says that it is full, because this user may not mount a small one: %v", err)
		return saysFull()
	}
	ballast := filepath.Join(dir, "ballast")
	return fullDisk{
		binary: plainServer, folder: filepath.Join(dir, "store"),
		fill:  func(t *testing.T, _ *natstest.Cluster) { fill(t, ballast) },
		clear: func(t *testing.T, _ *natstest.Cluster) { must(t, os.Remove(ballast)) },
	}
}

// A disk that is full keeps callers waiting, and once there is room again all goes on by itself.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "64m")
	var log logText
	s := startServer(t, stream.ServerConfig{DataDir: filepath.Join(dir, "data"), SyncAlways: true, Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&log, nil))})
	b := openBus(t, connect(t, s))
	remote, err := stream.Dial(testContext(t), stream.RemoteConfig{URL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	evs := calls("acme", 500)
	if err := b.Publish(testContext(t), evs[:300]...); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := b.Publish(ctx, evs...); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Publish on a full disk: %v", err)
	} else {
		t.Log(err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(testContext(t), evs...); err != nil {
		t.Fatalf("Publish once there is room: %v\n%s", err, log.String())
	}
	checkStored(t, b, evs)
	other := openBus(t, remote) // the listener is back at its port
	if err := other.Publish(testContext(t), calls("other", 1)...); err != nil {
		t.Fatal(err)
	}
}

// F-2: the disk is full while a sink works. What is to be remembered is not said to be kept; what is done is known all the same,
// and once there is room again the sink gets the rest, each event once, and in order.
func TestFullDiskUnderTheSink(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "64m")
	s := startServer(t, stream.ServerConfig{DataDir: filepath.Join(dir, "data"), SyncAlways: true})
	b := openBus(t, connect(t, s))
	evs := calls("acme", 100)
	publish(t, b, evs[:200]...)
	l := openBacklog(t, b)
	got := fetch(t, l, 100)
	finish(t, got[:50]...)
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := b.Publish(ctx, evs[200:]...); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Publish on a full disk: %v", err)
	}
	if err := l.SetState(ctx, "circuit", []byte("open")); err == nil {
		t.Error("what cannot be kept is said to be kept")
	}
	for _, m := range got[50:] {
		_ = m.Done(t.Context()) // the server may not hear of it
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	publish(t, b, evs[200:]...)
	if err := l.SetState(testContext(t), "circuit", []byte("open")); err != nil {
		t.Error(err)
	}
	rest := fetch(t, l, 200)
	checkFetched(t, rest, evs[100:])
	finish(t, rest...)
	emptied(t, l)
}

// fill writes a file until the disk is full.
func fill(t *testing.T, name string) {
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<16)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
