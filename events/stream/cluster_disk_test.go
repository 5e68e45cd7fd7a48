package stream_test

import (
	"testing"
	"time"

	"github.com/callbus/callbus/events/stream/natstest"
)

// Disks that take long to sync make publishing slow, and nothing else. An acknowledgement waits for the disks of two of three.
func TestClusterSlowDisks(t *testing.T) {
	t.Parallel()
	long(t, "a nats-server is patched and compiled for it, for which a fresh machine takes a minute")
	const slow = 200 * time.Millisecond
	tr := startTrial(t, faultyServer, natstest.Config{SyncAlways: true})
	sink := startCarrier(t, openBacklog(t, tr.load.bus))
	tr.leadsNode0()
	for _, c := range []struct {
		nodes []int
		waits bool
	}{{[]int{2}, false}, {[]int{0}, false}, {[]int{1, 2}, true}, {[]int{0, 1, 2}, true}} {
		for _, i := range c.nodes {
			must(t, tr.cluster.SlowDisk(i, slow))
		}
		begun := time.Now()
		tr.load.goesOn(t)
		sink.await(t, sink.taken()+1)
		quickest := tr.load.quickest(begun)
		if c.waits && quickest < slow {
			t.Errorf("disks of %v take %s to sync, and what was published was acknowledged within %s", c.nodes, slow, quickest)
		}
		t.Logf("disks of %v take %s: %d groups of events in %.1f s, the quickest in %s", c.nodes, slow, tr.load.since(begun), time.Since(begun).Seconds(), quickest)
		for _, i := range c.nodes {
			must(t, tr.cluster.GoodDisk(i))
		}
		tr.load.goesOn(t)
	}
	sink.check(t, tr.load.finish(t))
}

// leadsNode0 has node 0 lead the stream.
func (tr *trial) leadsNode0() {
	tr.t.Helper()
	for tr.leader() != 0 {
		tr.stepDown(`{"placement":{"preferred":"n0"}}`)
	}
}

// What the leader has no room for, the other two take. Once there is room, and the node was started anew, it has all that they
// have. The disk is a file system of its own where the test may mount one; everywhere else it only says that it is full.
func TestClusterFullDisk(t *testing.T) {
	t.Parallel()
	long(t, "TestFullDisk fills the disk of one server")
	disk := diskToFill(t)
	tr := startTrial(t, disk.binary, natstest.Config{SyncAlways: true, Stores: []string{disk.folder}})
	sink := startCarrier(t, openBacklog(t, tr.load.bus))
	tr.leadsNode0()
	begun := time.Now()
	disk.fill(t, tr.cluster)
	for tr.leader() == 0 {
		time.Sleep(20 * time.Millisecond)
	}
	tr.load.goesOn(t)
	t.Logf("publishing stood still for %.1f s", tr.load.stood(begun).Seconds())
	disk.clear(t, tr.cluster)
	must(t, tr.cluster.Stop(0), tr.cluster.Restart(0))
	tr.await()
	must(t, tr.cluster.Kill(1)) // now the one that was full is needed
	tr.load.goesOn(t)
	sink.check(t, tr.load.finish(t))
}

// A fullDisk is a disk for node 0 that can be filled.
type fullDisk struct {
	binary      func() (string, error)
	folder      string
	fill, clear func(*testing.T, *natstest.Cluster)
}

// saysFull is a disk that says so, and has room.
func saysFull() fullDisk {
	return fullDisk{
		binary: faultyServer,
		fill:   func(t *testing.T, c *natstest.Cluster) { must(t, c.FullDisk(0)) },
		clear:  func(t *testing.T, c *natstest.Cluster) { must(t, c.GoodDisk(0)) },
	}
}
