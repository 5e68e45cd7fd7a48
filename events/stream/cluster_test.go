package stream_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/events/stream/natstest"
)

var clusterFor = flag.Duration("cluster-for", 0, "how long the cluster suffers faults, drawn at random; 0: each of them once")

// binaries are those of nats-server, built when a test first needs them; TestMain removes them.
var binaries = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "callbus-nats-server-") })

type builder func(context.Context, string) (string, error)

var plainServer, faultyServer = buildOnce(natstest.Build), buildOnce(natstest.BuildFaulty)

func buildOnce(build builder) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		folder, err := binaries()
		if err != nil {
			return "", err
		}
		return build(context.Background(), folder)
	})
}

func removeBinaries() {
	if folder, err := binaries(); err == nil {
		_ = os.RemoveAll(folder)
	}
}

// startCluster starts three servers that are processes of their own, of the binary.
func startCluster(t testing.TB, binary func() (string, error), c natstest.Config) *natstest.Cluster {
	t.Helper()
	var err error
	if c.Binary, err = binary(); err != nil {
		t.Fatal(err)
	}
	c.Folder = t.TempDir()
	cluster, err := natstest.Start(testContext(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, cluster.Close()) })
	return cluster
}

// openOn opens a bus of three replicas.
func openOn(t testing.TB, nc *nats.Conn) *stream.Bus {
	t.Helper()
	b, err := stream.Open(testContext(t), nc, stream.Settings{Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// A trial is a cluster on which events are published and taken while it suffers.
type trial struct {
	t       *testing.T
	cluster *natstest.Cluster
	load    *load
	stood   map[string][]time.Duration // how long publishing stood still, for each fault
}

func startTrial(t *testing.T, binary func() (string, error), c natstest.Config) *trial {
	cluster := startCluster(t, binary, c)
	nc := dial(t, cluster.URL())
	return &trial{t: t, cluster: cluster, load: startLoad(t, nc, openOn(t, nc)), stood: make(map[string][]time.Duration)}
}

// A fault is brought upon the cluster and taken from it again. Publishing goes on meanwhile, unless the fault takes the quorum.
type fault struct {
	name   string
	quorum bool
	begin  func(*trial) (end func())
}

// on returns a fault of the node that who names.
func on(name string, who func(*trial) int, begin, end func(*natstest.Cluster, int) error) fault {
	return fault{name, true, func(tr *trial) func() {
		i := who(tr)
		must(tr.t, begin(tr.cluster, i))
		return func() { must(tr.t, end(tr.cluster, i)) }
	}}
}

// several returns a fault of n nodes at once.
func several(name string, n int) fault {
	return fault{name, false, func(tr *trial) func() {
		nodes := rand.Perm(tr.cluster.Nodes())[:n]
		var wg sync.WaitGroup
		for _, i := range nodes {
			wg.Go(func() {
				if err := tr.cluster.Kill(i); err != nil {
					tr.t.Error(err)
				}
			})
		}
		wg.Wait()
		return func() {
			for _, i := range nodes {
				must(tr.t, tr.cluster.Restart(i))
			}
		}
	}}
}

var faultsOfOne = []fault{
	on("the leader is killed", (*trial).leader, (*natstest.Cluster).Kill, (*natstest.Cluster).Restart),
	on("another node is killed", (*trial).follower, (*natstest.Cluster).Kill, (*natstest.Cluster).Restart),
	on("a node loses its disk", (*trial).follower, loseDisk, (*natstest.Cluster).Restart),
	on("the leader of the sink is killed", (*trial).sinkLeader, (*natstest.Cluster).Kill, (*natstest.Cluster).Restart),
}

func loseDisk(c *natstest.Cluster, i int) error {
	return errors.Join(c.Kill(i), os.RemoveAll(c.Store(i)))
}

var faultsOfAll = []fault{
	on("the leader is stopped", (*trial).leader, (*natstest.Cluster).Stop, (*natstest.Cluster).Restart),
	on("the leader we talk to is frozen", (*trial).ours, (*natstest.Cluster).Freeze, (*natstest.Cluster).Thaw),
	{"the leader steps down", true, func(tr *trial) func() { tr.stepDown(""); return func() {} }},
	several("two of three are killed", 2),
	allKilled,
}

var allKilled = several("all are killed", 3)

// What Publish has acknowledged is in the stream, once and in order, and the sink gets all of it, whichever nodes of the cluster
// are killed, stopped or frozen, and however many.
func TestClusterFaults(t *testing.T) {
	t.Parallel()
	one := faultsOfOne
	if *clusterFor > 0 {
		one = append(slices.Clone(one), on("the leader is frozen", (*trial).leader, (*natstest.Cluster).Freeze, (*natstest.Cluster).Thaw))
	}
	for name, c := range map[string]struct {
		faults []fault
		sync   bool
	}{"of one node": {one, true}, "of the cluster": {faultsOfAll, true}, "of a cluster that syncs later": {[]fault{allKilled}, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "of one node" {
				long(t, "TestHealthOfAClusterWithoutQuorum takes two of three servers away, and brings one back")
			}
			tr := startTrial(t, plainServer, natstest.Config{SyncAlways: c.sync})
			sink := startCarrier(t, openBacklog(t, tr.load.bus))
			for f := range drawn(c.faults) {
				tr.suffer(f)
			}
			sink.check(t, tr.load.finish(t))
			tr.report()
		})
	}
}

// drawn is each of the faults once, or for -cluster-for at random.
func drawn(faults []fault) iter.Seq[fault] {
	if *clusterFor == 0 {
		return slices.Values(faults)
	}
	return func(yield func(fault) bool) {
		for begun := time.Now(); time.Since(begun) < *clusterFor && yield(faults[rand.IntN(len(faults))]); {
		}
	}
}

// suffer brings the fault upon the cluster, and waits until publishing goes on.
func (tr *trial) suffer(f fault) {
	tr.t.Helper()
	begun := time.Now()
	end := f.begin(tr)
	if f.quorum {
		tr.load.goesOn(tr.t)
	} else {
		tr.load.standsStill(tr.t)
	}
	back := time.Now()
	end()
	tr.load.goesOn(tr.t)
	stood := tr.load.stood(begun)
	if !f.quorum {
		stood = tr.load.stood(back) // how long after they were back
	}
	tr.stood[f.name] = append(tr.stood[f.name], stood)
	tr.await()
}

func (tr *trial) await() {
	tr.t.Helper()
	if err := tr.cluster.Await(testContext(tr.t)); err != nil {
		tr.t.Fatal(err)
	}
}

// report says how long publishing stood still.
func (tr *trial) report() {
	for _, name := range slices.Sorted(maps.Keys(tr.stood)) {
		all := slices.Sorted(slices.Values(tr.stood[name]))
		tr.t.Logf("%-32s %d times: publishing stood still for %4.1f s (median), %4.1f s (at most)",
			name, len(all), all[len(all)/2].Seconds(), all[len(all)-1].Seconds())
	}
}

func (tr *trial) leader() int {
	return tr.wait("leader of the stream", func(ctx context.Context) (int, error) { return tr.cluster.Leader(ctx, stream.Name) })
}

func (tr *trial) follower() int { return (tr.leader() + 1 + rand.IntN(2)) % 3 }

// ours is the node that the publisher is connected to. It leads the stream as well.
func (tr *trial) ours() int {
	tr.t.Helper()
	ours := tr.connected()
	for tr.leader() != ours {
		tr.stepDown(fmt.Sprintf(`{"placement":{"preferred":"n%d"}}`, ours))
	}
	return ours
}

func (tr *trial) connected() int {
	return tr.wait("connection", func(context.Context) (int, error) {
		for i := range tr.cluster.Nodes() {
			if tr.cluster.NodeURL(i) == tr.load.nc.ConnectedUrl() {
				return i, nil
			}
		}
		return 0, nats.ErrDisconnected
	})
}

func (tr *trial) sinkLeader() int {
	return tr.wait("leader of the sink's consumer", func(ctx context.Context) (int, error) {
		return tr.cluster.ConsumerLeader(ctx, stream.Name, "sink-crm")
	})
}

func (tr *trial) wait(what string, ask func(context.Context) (int, error)) int {
	tr.t.Helper()
	for ctx := testContext(tr.t); ; {
		i, err := ask(ctx)
		if err == nil {
			return i
		}
		if ctx.Err() != nil {
			tr.t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stepDown has the leader of the stream hand over, to whom the request says.
func (tr *trial) stepDown(to string) {
	tr.t.Helper()
	m, err := tr.load.nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+stream.Name, []byte(to), 5*time.Second)
	if err != nil {
		tr.t.Fatal(err)
	}
	if !strings.Contains(string(m.Data), `"success":true`) {
		tr.t.Fatalf("step down: %s", m.Data)
	}
}
