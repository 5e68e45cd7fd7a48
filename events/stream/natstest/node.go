package natstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// A node is one server, whether it runs at the moment or not.
type node struct {
	name, cluster, folder, binary, store string
	client, route, monitor               int // ports
	routes                               []int
	syncAlways                           bool

	mu     sync.Mutex
	cmd    *exec.Cmd     // nil: not running
	ended  chan struct{} // closed when cmd has ended
	frozen bool
}

var (
	errEnded   = errors.New("the node has ended by itself")
	errRunning = errors.New("the node runs already")
	errAway    = errors.New("the node does not run")
)

// start starts the process and does not wait until it serves.
func (n *node) start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		return fmt.Errorf("start %s: %w", n.name, errRunning)
	}
	settings := n.file("conf")
	if err := os.WriteFile(settings, []byte(n.settings()), 0o600); err != nil {
		return err
	}
	log, err := os.OpenFile(n.file("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(n.binary, "-c", settings)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, attributes()
	cmd.Env = append(os.Environ(), "NATSTEST_DISK="+n.file("disk")) // which the binary of BuildFaulty reads
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	ended := make(chan struct{})
	n.cmd, n.ended, n.frozen = cmd, ended, false
	go func() {
		defer close(ended)
		_ = cmd.Wait() // however it ended: end says so to those who wanted it, ready to those who did not
	}()
	return nil
}

// settings of the server, in nats-server's own form.
func (n *node) settings() string {
	var routes []string
	for _, port := range n.routes {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	sync := "2m"
	if n.syncAlways {
		sync = "always"
	}
	return fmt.Sprintf(`server_name: %s
listen: 127.0.0.1:%d
http: 127.0.0.1:%d
jetstream { store_dir: %q, max_file: 10GB, max_mem: 256MB, sync_interval: %s }
cluster { name: %s, listen: 127.0.0.1:%d, routes: [%s] }
`, n.name, n.client, n.monitor, n.store, sync, n.cluster, n.route, strings.Join(routes, ", "))
}

func (n *node) file(kind string) string { return filepath.Join(n.folder, n.name+"."+kind) }

// end sends the signal and waits until the node has ended. One that does not run has.
func (n *node) end(s syscall.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return nil
	}
	if err := n.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", n.name, err)
	}
	<-n.ended
	n.cmd = nil
	return nil
}

func (n *node) signal(s syscall.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return fmt.Errorf("signal %s: %w", n.name, errAway)
	}
	if err := n.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s: %w", n.name, err)
	}
	n.frozen = s == freeze
	return nil
}

// serves tells whether the node is to be asked anything. An error says that it has ended though nobody ended it.
func (n *node) serves() (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil || n.frozen {
		return false, nil
	}
	select {
	case <-n.ended:
	default:
		return true, nil
	}
	tail := n.logTail()
	if strings.Contains(tail, "address already in use") {
		return false, fmt.Errorf("%s: %w", n.name, errPortTaken)
	}
	return false, fmt.Errorf("%s: %w; the end of its log:\n%s", n.name, errEnded, tail)
}

func (n *node) log() string {
	b, err := os.ReadFile(n.file("log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (n *node) logTail() string {
	lines := strings.Split(n.log(), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
