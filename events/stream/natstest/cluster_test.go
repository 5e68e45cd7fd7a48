package natstest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/callbus/callbus/events/stream/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A stream of three replicas outlives its leader, which comes back. What else may befall a node, the tests of events/stream do.
func TestCluster(t *testing.T) {
	t.Parallel()
	binary, err := natstest.Build(t.Context(), t.TempDir()) // on a fresh machine that takes minutes
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := natstest.Start(ctx, natstest.Config{Folder: t.TempDir(), Binary: binary})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	js := connect(t, c)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	leader := leaderOf(t, ctx, c)
	must(t, c.Kill(leader))
	if next := leaderOf(t, ctx, c); next == leader {
		t.Errorf("node %d leads though it was killed", leader)
	}
	must(t, c.Restart(leader))
	must(t, c.Await(ctx))
	if !strings.Contains(c.Log(leader), "JetStream cluster new") {
		t.Errorf("the log of node %d says nothing of leaders:\n%s", leader, c.Log(leader))
	}
}

func connect(t *testing.T, c *natstest.Cluster) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(c.URL())
	must(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(t, err)
	return js
}

// leaderOf waits until a node leads.
func leaderOf(t *testing.T, ctx context.Context, c *natstest.Cluster) int {
	t.Helper()
	for {
		i, err := c.Leader(ctx, "S")
		if err == nil {
			return i
		}
		if !errors.Is(err, natstest.ErrNoLeader) || ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The disk of a node is slow, full, and good again.
func TestFaultyDisk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left to make test-long: a nats-server is patched and compiled for it, for which a fresh machine takes a minute")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	binary, err := natstest.BuildFaulty(ctx, t.TempDir())
	must(t, err)
	c, err := natstest.Start(ctx, natstest.Config{Folder: t.TempDir(), Binary: binary, SyncAlways: true})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	js := connect(t, c)
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	must(t, err)
	leader := leaderOf(t, ctx, c)
	publish := func() (time.Duration, error) {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second) // on a full disk nobody answers
		defer cancel()
		begun := time.Now()
		_, err := js.Publish(ctx, "s", nil, jetstream.WithRetryAttempts(0))
		return time.Since(begun), err
	}
	_, err = publish()
	must(t, err)
	must(t, c.SlowDisk(leader, 300*time.Millisecond))
	if d, err := publish(); err != nil || d < 300*time.Millisecond {
		t.Errorf("publishing on a disk that takes 300 ms to sync takes %s; %v", d, err)
	}
	must(t, c.FullDisk(leader))
	if _, err := publish(); err == nil {
		t.Error("what is published on a full disk is stored")
	}
	must(t, c.GoodDisk(leader))
}
