package stream_test

import (
	"testing"
	"time"

	"github.com/callbus/callbus/events/stream/natstest"
)

// leadsNode0 has node 0 lead the stream.
func (tr *trial) leadsNode0() {
	tr.t.Helper()
	for tr.leader() != 0 {
		tr.stepDown(`{"placement":{"preferred":"n0"}}`)
	}
}

// A disk that takes long to sync makes publishing slow, and nothing else: that of one node, that of all.
func TestClusterSlowDisks(t *testing.T) {
	t.Parallel()
	tr := startTrial(t, faultyServer, natstest.Config{SyncAlways: true})
	sink := startCarrier(t, openBacklog(t, tr.load.bus))
	tr.leadsNode0()
	for _, nodes := range [][]int{{0}, {1}, {0, 1, 2}} {
		begun := time.Now()
		for _, i := range nodes {
			must(t, tr.cluster.SlowDisk(i, 200*time.Millisecond))
		}
		tr.load.goesOn(t)
		sink.await(t, sink.taken()+1)
		t.Logf("disks of %v slow: %d acknowledged in %s, stood %s", nodes, tr.load.since(begun), time.Since(begun), tr.load.stood(begun))
		for _, i := range nodes {
			must(t, tr.cluster.GoodDisk(i))
		}
		tr.load.goesOn(t)
	}
	sink.check(t, tr.load.finish(t))
}

// What one node has no room for, the other two take.
func TestClusterFullDisk(t *testing.T) {
	t.Parallel()
	tr := startTrial(t, faultyServer, natstest.Config{SyncAlways: true})
	sink := startCarrier(t, openBacklog(t, tr.load.bus))
	tr.leadsNode0()
	begun := time.Now()
	must(t, tr.cluster.FullDisk(0))
	tr.load.goesOn(t)
	time.Sleep(3 * time.Second)
	tr.load.goesOn(t)
	t.Logf("stood %s", tr.load.stood(begun))
	must(t, tr.cluster.GoodDisk(0))
	must(t, tr.cluster.Stop(0), tr.cluster.Restart(0))
	tr.await()
	must(t, tr.cluster.Kill(1))
	tr.load.goesOn(t)
	sink.check(t, tr.load.finish(t))
}
