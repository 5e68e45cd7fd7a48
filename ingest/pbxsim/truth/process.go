package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// process is callbus as its user runs it: a process with settings, that can be killed.
type process struct {
	name     string
	scenario Scenario
	env      []string
	url      string // of the bus
	log      *os.File

	cmd    *exec.Cmd
	starts []time.Duration // how long each start took until the bus answered
	away   []score.Stretch // when it was not at work
	killed time.Time
}

// newProcess returns callbus with a server of its own.
func newProcess(s Scenario, pbxs []pbxsim.Shown, url string, now time.Time) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c, err := newProcessOn("callbus", s, pbxs, url, now, "CALLBUS_NATS_LISTEN=127.0.0.1:"+port, "CALLBUS_DATA_DIR="+s.data())
	if err != nil {
		return nil, err
	}
	c.url = "nats://127.0.0.1:" + port
	return c, nil
}

// newProcessOn returns callbus, which logs to a file of its name, with the settings of the scenario and those given.
func newProcessOn(name string, s Scenario, pbxs []pbxsim.Shown, url string, now time.Time, settings ...string) (*process, error) {
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(s.Folder, name+".log"))
	if err != nil {
		return nil, err
	}
	c := &process{name: name, scenario: s, log: log, killed: now, env: append(os.Environ(), "CALLBUS_HTTP_LISTEN=off")}
	c.env = append(c.env, settings...)
	var accounts []string
	for _, p := range pbxs {
		accounts = append(accounts, p.Vendor)
		c.env = append(c.env, p.Variables(p.Vendor, url+"/"+p.Vendor)...)
	}
	c.env = append(c.env, "CALLBUS_ACCOUNTS="+strings.Join(accounts, ","))
	c.env = append(c.env, sinkVariables(s.Sinks, now)...)
	return c, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func (c *process) natsURL() string { return c.url }

// startTimeout is how long callbus may take until its bus answers.
const startTimeout = 30 * time.Second

// start starts callbus and waits until its bus answers.
func (c *process) start(ctx context.Context) error {
	began := time.Now()
	if err := c.launch(); err != nil {
		return err
	}
	for time.Since(began) < startTimeout {
		nc, err := nats.Connect(c.natsURL())
		if err == nil {
			nc.Close()
			c.starts = append(c.starts, time.Since(began))
			c.away = append(c.away, score.Stretch{From: c.killed, To: time.Now()})
			return nil
		}
		if err := rest(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	log, _ := os.ReadFile(c.log.Name())
	return fmt.Errorf("callbus does not answer %v after its start; it said:\n%s", startTimeout, log)
}

// launch starts callbus.
func (c *process) launch() error {
	c.cmd = exec.Command(c.scenario.Binary, "run")
	c.cmd.Env = c.env
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if c.scenario.Verbose {
		c.cmd.Stdout, c.cmd.Stderr = os.Stdout, os.Stderr
	}
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("start callbus: %w", err)
	}
	return nil
}

// kill ends callbus without warning.
func (c *process) kill() {
	if c.cmd != nil && c.cmd.ProcessState == nil {
		c.killed = time.Now()
		_ = c.cmd.Process.Signal(syscall.SIGKILL) // it may have ended by itself
		_ = c.cmd.Wait()
	}
}

// terminate asks callbus to stop, and holds it to exit code 0.
func (c *process) terminate() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop callbus: %w", err)
	}
	if err := c.cmd.Wait(); err != nil {
		log, _ := os.ReadFile(c.log.Name())
		return fmt.Errorf("callbus did not stop well: %w; it said:\n%s", err, log)
	}
	return nil
}

func (c *process) meanStart() time.Duration {
	var sum time.Duration
	for _, d := range c.starts {
		sum += d
	}
	return sum / time.Duration(max(1, len(c.starts)))
}

// build returns the command that builds callbus, as make build does: what one has compiled, the other need not.
func build(ctx context.Context, binary string) *exec.Cmd {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "github.com/callbus/callbus/cmd/callbus")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	return c
}
