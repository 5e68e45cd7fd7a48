package natstest

import (
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const faultyName = "nats-server-with-a-faulty-disk"

// BuildFaulty builds nats-server as Build does, but with a disk below it that SlowDisk and FullDisk work on. It needs no
// rights: where nats-server's source writes and syncs its files, the build puts functions of ours in between.
func BuildFaulty(ctx context.Context, folder string) (binary string, err error) {
	settings, err := patchedModule(ctx, folder)
	if err != nil {
		return "", fmt.Errorf("put a faulty disk below nats-server: %w", err)
	}
	return build(ctx, filepath.Join(folder, faultyName), "-modfile", settings)
}

//go:embed disk/disk.go.txt
var faultyDisk []byte

// A seam is where nats-server's source meets the disk. least is how often it does, in all files together.
type seam struct {
	pattern     *regexp.Regexp
	replacement string
	least       int
}

var seams = []seam{
	{regexp.MustCompile(`([\w.]+)\.Sync\(\)`), "diskSync($1)", 10},
	{regexp.MustCompile(`\bos\.O_SYNC\b`), "diskSyncFlag()", 1},
	{regexp.MustCompile(`\bos\.OpenFile\(`), "diskOpen(", 8},
	{regexp.MustCompile(`\b(tmpFD|f)\.Write\(`), "diskWrite($1, ", 2},
	{regexp.MustCompile(`\b(mb\.mfd|n\.cf)\.WriteAt\(`), "diskWriteAt($1, ", 2},
}

// patchedModule copies nats-server's source and opens its seams. It returns a go.mod that takes the copy in its place.
func patchedModule(ctx context.Context, folder string) (settings string, err error) {
	top, source, err := modules(ctx)
	if err != nil {
		return "", err
	}
	patched := filepath.Join(folder, "nats-server-source")
	if err := copySource(patched, source); err != nil {
		return "", err
	}
	if err := openSeams(filepath.Join(patched, "server")); err != nil {
		return "", err
	}
	settings = filepath.Join(folder, "go.mod")
	for from, to := range map[string]string{"go.mod": settings, "go.sum": filepath.Join(folder, "go.sum")} {
		b, err := os.ReadFile(filepath.Join(top, from))
		if err != nil {
			return "", err
		}
		if from == "go.mod" {
			b = fmt.Appendf(b, "\nreplace %s => %q\n", serverPackage, patched)
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			return "", err
		}
	}
	return settings, nil
}

// modules returns the folders of our module and of nats-server's.
func modules(ctx context.Context) (ours, servers string, err error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/callbus/callbus", serverPackage)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	dirs := strings.Fields(string(out))
	if err != nil || len(dirs) != 2 {
		return "", "", fmt.Errorf("find the source of nats-server: %w\n%s", err, errs.String())
	}
	return dirs[0], dirs[1], nil
}

// copySource copies what a build needs: the module cache may not be written, nor replaced in parts.
func copySource(to, from string) error {
	return fs.WalkDir(os.DirFS(from), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case strings.HasSuffix(name, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), b, 0o600)
	})
}

func openSeams(server string) error {
	found := make([]int, len(seams))
	for _, name := range []string{"filestore.go", "raft.go"} {
		name = filepath.Join(server, name)
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for i, s := range seams {
			found[i] += len(s.pattern.FindAllIndex(b, -1))
			b = s.pattern.ReplaceAll(b, []byte(s.replacement))
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return err
		}
	}
	for i, s := range seams {
		if found[i] < s.least {
			return fmt.Errorf("nats-server's source has changed: %s is there %d times, not %d: see to the seams", s.pattern, found[i], s.least)
		}
	}
	return os.WriteFile(filepath.Join(server, "natstest_disk.go"), faultyDisk, 0o600)
}

// SlowDisk has each sync of node i's disk take at least d, from now on.
func (c *Cluster) SlowDisk(i int, d time.Duration) error { return c.nodes[i].setDisk(d.String()) }

// FullDisk lets node i write nothing more to its disk.
func (c *Cluster) FullDisk(i int) error { return c.nodes[i].setDisk("full") }

// GoodDisk ends what SlowDisk and FullDisk began.
func (c *Cluster) GoodDisk(i int) error { return c.nodes[i].setDisk("") }

// setDisk replaces the faults at once: the node reads them all the time.
func (n *node) setDisk(faults string) error {
	if filepath.Base(n.binary) != faultyName {
		return fmt.Errorf("the disk of %s can have no faults: take the binary of BuildFaulty", n.name)
	}
	next := n.file("disk.next")
	if err := os.WriteFile(next, []byte(faults), 0o600); err != nil {
		return err
	}
	return os.Rename(next, n.file("disk"))
}
