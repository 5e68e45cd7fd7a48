package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
)

// tryBus finds out whether callbus could keep its events, without creating anything.
func tryBus(ctx context.Context, b Bus) tried {
	ctx, cancel := context.WithTimeout(ctx, busTimeout)
	defer cancel()
	if b.External() {
		return tryExternal(ctx, b)
	}
	return tryEmbedded(ctx, b)
}

func tryExternal(ctx context.Context, b Bus) tried {
	t := tried{What: "bus"}
	server, err := tryJetStream(ctx, b)
	t.Found = "external: " + server
	return t.failedIf(err, busHint(err))
}

// tryJetStream connects as a client does, and says what it found.
func tryJetStream(ctx context.Context, b Bus) (string, error) {
	nc, err := dialBus(ctx, b, "callbus check", slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return "", err
	}
	if _, err := js.AccountInfo(ctx); err != nil {
		return "", fmt.Errorf("%w at %s: %w", stream.ErrNoJetStream, nc.ConnectedUrlRedacted(), err)
	}
	return fmt.Sprintf("nats-server %s at %s, with JetStream", nc.ConnectedServerVersion(), nc.ConnectedUrlRedacted()), nil
}

func busHint(err error) string {
	switch {
	case errors.Is(err, stream.ErrCredentials):
		return "see to CALLBUS_NATS_USER and CALLBUS_NATS_PASSWORD, or CALLBUS_NATS_CREDS"
	case errors.Is(err, stream.ErrTLS):
		return "see to CALLBUS_NATS_TLS_CA, CALLBUS_NATS_TLS_CERT and CALLBUS_NATS_TLS_KEY"
	case errors.Is(err, stream.ErrNoJetStream):
		return "switch JetStream on for this account of the server"
	}
	return "see to CALLBUS_NATS_URL, and that the server runs"
}

// tryEmbedded looks at the folder and the address that the embedded server needs. A callbus that has both already is
// fine too: then it is asked whether it works.
func tryEmbedded(ctx context.Context, b Bus) tried {
	t := tried{What: "bus"}
	busy, err := folderBusy(b.DataDir)
	switch {
	case err != nil:
		return t.failedIf(err, "see to the folder's permissions, or set CALLBUS_DATA_DIR to another")
	case busy:
		return tryRunning(ctx, b)
	}
	t.Found = fmt.Sprintf("embedded: %s can be written, ", b.DataDir)
	if b.Listen.Off() {
		t.Found += "in this process only"
		return t
	}
	t.Found += fmt.Sprintf("%s is free", b.Listen)
	l, err := net.Listen("tcp", string(b.Listen))
	if err != nil {
		return t.failedIf(listenError("CALLBUS_NATS_LISTEN", string(b.Listen), err), "choose another address, or off")
	}
	return t.failedIf(l.Close(), "")
}

func tryRunning(ctx context.Context, b Bus) tried {
	t := tried{What: "bus"}
	if b.Listen.Off() {
		t.Found = fmt.Sprintf("embedded: a callbus runs on %s", b.DataDir)
		return t
	}
	server, err := tryJetStream(ctx, b)
	t.Found = fmt.Sprintf("embedded: a callbus runs on %s: %s", b.DataDir, server)
	return t.failedIf(err, fmt.Sprintf("another process uses %s and cannot be reached at %s: stop it, or set CALLBUS_DATA_DIR to another folder", b.DataDir, b.Listen))
}

// folderBusy tells whether another process has the folder, and fails when it cannot be written. A folder that is not
// there yet is fine, if it can be made: what is there of the way to it is tried in its place.
func folderBusy(dir string) (bool, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, writable(existingParent(dir))
	case err != nil:
		return false, fmt.Errorf("look at the data folder: %w", err)
	case !info.IsDir():
		return false, fmt.Errorf("%s is a file, not a folder", dir)
	}
	if err := writable(dir); err != nil {
		return false, err
	}
	return locked(filepath.Join(dir, "callbus.lock"))
}

// existingParent returns the innermost folder on the way to dir that is there.
func existingParent(dir string) string {
	for {
		dir = filepath.Dir(dir)
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
	}
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".callbus-check-*")
	if err != nil {
		return fmt.Errorf("the folder %s cannot be written: %w", dir, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// locked tells whether another process holds the lock, if there is one.
func locked(path string) (bool, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	lock := flock.New(path)
	free, err := lock.TryRLock()
	if err != nil {
		return false, fmt.Errorf("try the lock of the data folder: %w", err)
	}
	return !free, lock.Close()
}
