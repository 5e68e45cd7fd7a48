package natstest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nuid"
)

// A Config says what cluster to start.
type Config struct {
	Folder     string   // of stores, settings and logs
	Binary     string   // of nats-server, as Build returns it
	Nodes      int      // 0: 3
	SyncAlways bool     // each node syncs what it acknowledges; else every two minutes, as nats-server does by itself
	Stores     []string // of each node; where it is empty or too short: below Folder
}

// A Cluster is some nats-servers with JetStream, of which each is a process of its own. They end with the process that
// started them: on Linux also when that is killed. Its methods may be called from any number of goroutines.
type Cluster struct {
	nodes   []*node
	starter *starter
}

// Start starts a cluster, and returns when all nodes are in it and it has a leader.
func Start(ctx context.Context, c Config) (*Cluster, error) {
	if c.Nodes == 0 {
		c.Nodes = 3
	}
	var err error
	for range 5 {
		var cluster *Cluster
		if cluster, err = start(ctx, c); !errors.Is(err, errPortTaken) {
			return cluster, err
		}
	}
	return nil, err
}

func start(ctx context.Context, c Config) (*Cluster, error) {
	ports, err := freePorts(3 * c.Nodes)
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{starter: newStarter()}
	name := "test-" + nuid.Next() // two clusters that meet by mistake refuse one another
	for i := range c.Nodes {
		n := &node{name: fmt.Sprint("n", i), folder: c.Folder, binary: c.Binary, syncAlways: c.SyncAlways, cluster: name}
		n.client, n.route, n.monitor = ports[i], ports[c.Nodes+i], ports[2*c.Nodes+i]
		n.routes = ports[c.Nodes : 2*c.Nodes]
		n.store = filepath.Join(c.Folder, n.name)
		if i < len(c.Stores) && c.Stores[i] != "" {
			n.store = c.Stores[i]
		}
		cluster.nodes = append(cluster.nodes, n)
	}
	for i := range cluster.nodes {
		if err := cluster.launch(i); err != nil {
			return nil, errors.Join(err, cluster.Close())
		}
	}
	if err := cluster.Await(ctx); err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	return cluster, nil
}

func (c *Cluster) launch(i int) error {
	var err error
	c.starter.do(func() { err = c.nodes[i].start() })
	return err
}

// Nodes returns how many nodes there are, running or not.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// URL returns the addresses of all nodes, separated by commas.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.nodes))
	for i := range c.nodes {
		urls[i] = c.NodeURL(i)
	}
	return strings.Join(urls, ",")
}

// NodeURL returns the address of node i.
func (c *Cluster) NodeURL(i int) string { return fmt.Sprintf("nats://127.0.0.1:%d", c.nodes[i].client) }

// Store returns the folder in which node i keeps its streams.
func (c *Cluster) Store(i int) string { return c.nodes[i].store }

// Kill ends node i as kill -9 does, and waits until it has ended.
func (c *Cluster) Kill(i int) error { return c.nodes[i].end(kill) }

// Stop asks node i to end, and waits until it has.
func (c *Cluster) Stop(i int) error { return c.nodes[i].end(terminate) }

// Freeze stops node i in its tracks: its connections stay, and nobody answers.
func (c *Cluster) Freeze(i int) error { return c.nodes[i].signal(freeze) }

// Thaw lets node i go on after Freeze.
func (c *Cluster) Thaw(i int) error { return c.nodes[i].signal(thaw) }

// Restart starts node i, which has ended, with its ports and its store. It does not wait until the node serves: see Await.
func (c *Cluster) Restart(i int) error { return c.launch(i) }

// Await waits until every node that runs and is not frozen serves, has caught up, and knows a leader of the cluster.
func (c *Cluster) Await(ctx context.Context) error {
	for _, n := range c.nodes {
		for {
			err := n.ready(ctx)
			if err == nil {
				break
			}
			if errors.Is(err, errPortTaken) || errors.Is(err, errEnded) {
				return err
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("wait for %s: %w; the last trouble was: %w; the end of its log:\n%s", n.name, context.Cause(ctx), err, n.logTail())
			}
		}
	}
	return nil
}

// Log returns what node i has logged since it was first started.
func (c *Cluster) Log(i int) string { return c.nodes[i].log() }

// Close kills all nodes. What they stored stays in the folder.
func (c *Cluster) Close() error {
	var errs []error
	for i := range c.nodes {
		errs = append(errs, c.Kill(i))
	}
	c.starter.close()
	return errors.Join(errs...)
}
