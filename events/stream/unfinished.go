package stream

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"
)

// finishStreams finishes what a nats-server that was killed while it made or changed a stream had begun: nats-server 2.15 writes a
// stream's settings and then, to another file, their checksum, and leaves out a stream whose two do not agree.
//
// The checksum is written for settings that can be read. A stream without such settings is taken away if no message was ever
// stored in it, and otherwise left to the person who is then told that the store is damaged.
func finishStreams(dataDir string, log *slog.Logger) error {
	folders, err := filepath.Glob(filepath.Join(dataDir, "jetstream", "*", "streams", "[^.]*"))
	if err != nil {
		return err
	}
	var all error
	for _, folder := range folders {
		did, err := finishStream(folder)
		if err != nil {
			all = errors.Join(all, fmt.Errorf("finish what was begun in %s: %w", folder, err))
		} else if did != "" {
			log.Warn("a process that was killed had not finished making or changing a stream", "stream", filepath.Base(folder), "now", did)
		}
	}
	return all
}

func finishStream(folder string) (did string, err error) {
	settings, err := os.ReadFile(filepath.Join(folder, server.JetStreamMetaFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	name := filepath.Base(folder)
	if !isSettingsOf(settings, name) {
		return removeEmpty(folder)
	}
	sum := filepath.Join(folder, server.JetStreamMetaFileSum)
	want, err := settingsSum(settings, name)
	if err != nil {
		return "", err
	}
	had, err := os.ReadFile(sum)
	if err == nil && bytes.Equal(had, want) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return "its settings are valid", os.WriteFile(sum, want, 0o600)
}

func isSettingsOf(settings []byte, name string) bool {
	var of struct {
		Name string `json:"name"`
	}
	return json.Unmarshal(settings, &of) == nil && of.Name == name
}

// settingsSum is the checksum that nats-server wants beside a stream's settings.
func settingsSum(settings []byte, name string) ([]byte, error) {
	key := sha256.Sum256([]byte(name))
	h, err := highwayhash.New64(key[:])
	if err != nil {
		return nil, err
	}
	h.Write(settings)
	return []byte(hex.EncodeToString(h.Sum(nil))), nil
}

// removeEmpty takes a stream's folder away if there is no message in it.
func removeEmpty(folder string) (did string, err error) {
	blocks, err := filepath.Glob(filepath.Join(folder, "msgs", "*.blk"))
	if err != nil {
		return "", err
	}
	for _, b := range blocks {
		if info, err := os.Stat(b); err != nil || info.Size() > 0 {
			return "", err
		}
	}
	return "it is made anew", os.RemoveAll(folder)
}
