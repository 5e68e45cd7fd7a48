package natstest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const serverPackage = "github.com/nats-io/nats-server/v2"

// Build builds nats-server, of the version that go.mod names, into folder, and returns the binary. It is to be called from
// within the module, as tests and go run are, and needs no network.
func Build(ctx context.Context, folder string) (binary string, err error) {
	return build(ctx, filepath.Join(folder, "nats-server"))
}

func build(ctx context.Context, binary string, flags ...string) (string, error) {
	args := append(append([]string{"build", "-trimpath"}, flags...), "-o", binary, serverPackage)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build does: what one has compiled, the other need not
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build nats-server from the module's source: %w\n%s", err, out)
	}
	return binary, nil
}
