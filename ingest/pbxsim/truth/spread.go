package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/callbus/callbus/events/stream/natstest"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// Spread is several processes of callbus on a cluster of nats-servers, of which now one, now another is killed or frozen. It is run
// by runSpread.
func Spread(seed uint64, last time.Duration, troubles int) Scenario {
	const calm = 60 * time.Second
	s := Scenario{
		Name: fmt.Sprintf("two processes watch and two deliver, on three nats-servers, with %d kills and freezes", troubles),
		Dir:  "spread", Seed: seed + 2, Mix: brief(), Last: last, Calm: calm, Vendors: watched(calm), Kills: troubles,
		Sinks:  reminders("bulutfon", "while1"),
		Manner: pbxsim.Manner{Faults: pbxsim.MixedFaults(0.05), Records: pbxsim.Records{LateRate: 0.05, LateLag: pbxsim.Span{Min: 2 * time.Second, Max: 20 * time.Second}}},
	}
	s.Vendors[0].Rate = 120
	s.known = takenOver                 // while a process or a server is away, what it had is not read
	s.Mix.Redial, s.Mix.Withheld = 0, 0 // callers that cannot be told apart are for the tests in virtual time
	return s
}

// runSpread runs a scenario on several processes, and scores it.
func runSpread(ctx context.Context, s Scenario, troubles int) (Result, error) {
	server, err := natstest.Build(ctx, s.Folder)
	if err != nil {
		return Result{}, err
	}
	cluster, err := natstest.Start(ctx, natstest.Config{Folder: s.Folder, Binary: server, Nodes: 3, SyncAlways: true})
	if err != nil {
		return Result{}, err
	}
	defer cluster.Close() //nolint:errcheck // its nodes are killed
	began := time.Now()
	pbxs := s.show(began)
	url, stop, err := serve(pbxsim.Handler(pbxs))
	if err != nil {
		return Result{}, err
	}
	defer stop()
	s.receiver = &receiver{}
	hook, stopHook, err := serve(s.receiver)
	if err != nil {
		return Result{}, err
	}
	defer stopHook()
	all, err := processes(s, cluster, pbxs, url, hook, began)
	if err != nil {
		return Result{}, err
	}
	for _, c := range all {
		defer c.kill()
		if err := c.launch(); err != nil {
			return Result{}, err
		}
	}
	for _, c := range all {
		if err := c.awaitWork(ctx); err != nil {
			return Result{}, err
		}
	}
	since := time.Now()
	befell, err := befall(ctx, s, troubles, cluster, all)
	if err != nil {
		return Result{}, err
	}
	until := time.Now()
	if err := s.calmDown(ctx, pbxs); err != nil {
		return Result{}, err
	}
	r, err := s.judge(ctx, evidence{
		pbxs: pbxs, bus: cluster.URL(), since: since, until: until, away: []score.Stretch{{From: began, To: until.Add(takenOver)}},
	})
	r.Troubles = befell
	for _, c := range all {
		err = errors.Join(err, c.terminate())
	}
	return r, err
}

// takenOver is how long it may take until what a process that vanished did is done by another.
const takenOver = 10 * time.Second

// processes are two with each role, that are told nothing of one another.
func processes(s Scenario, cluster *natstest.Cluster, pbxs []pbxsim.Shown, url, hook string, now time.Time) ([]*process, error) {
	var all []*process
	for _, p := range []struct{ name, role string }{{"watch-1", "ingest"}, {"watch-2", "ingest"}, {"deliver-1", "sinks"}, {"deliver-2", "sinks"}} {
		c, err := newProcessOn(p.name, s, pbxs, url, now,
			"CALLBUS_NATS_URL="+cluster.URL(), "CALLBUS_STREAM_REPLICAS=3", "CALLBUS_ROLES="+p.role)
		if err != nil {
			return nil, err
		}
		c.env = append(c.env, "CALLBUS_SINKS=hook,"+sinkNames(s.Sinks), "CALLBUS_SINK_HOOK_KIND=webhook", "CALLBUS_SINK_HOOK_URL="+hook,
			"CALLBUS_SINK_HOOK_TYPES=*", "CALLBUS_SINK_HOOK_START=all", "CALLBUS_SINK_HOOK_ALLOW_CIDRS=127.0.0.1/32",
			"CALLBUS_SINK_HOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		c.url = cluster.URL()
		all = append(all, c)
	}
	return all, nil
}

// befall lets the calls go on, and troubles befall the processes and the cluster meanwhile, one at a time. It returns what befell.
func befall(ctx context.Context, s Scenario, troubles int, cluster *natstest.Cluster, all []*process) ([]string, error) {
	rnd := rand.New(rand.NewPCG(s.Seed, 12))
	end := time.Now().Add(s.Last)
	var befell []string
	if err := rest(ctx, takenOver/2); err != nil {
		return nil, err
	}
	for n := range troubles {
		c, node := all[rnd.IntN(len(all))], rnd.IntN(cluster.Nodes())
		long := time.Duration(8+rnd.IntN(6)) * time.Second // long enough for another process to take over
		short := time.Duration(rnd.IntN(2000)) * time.Millisecond
		var what string
		var err error
		switch kind := n % 5; kind {
		case 0:
			what, err = c.name+" frozen for "+long.String(), c.freeze(ctx, long)
		case 1:
			what, err = c.name+" killed, back after "+short.String(), c.killFor(ctx, short)
		case 2:
			what, err = fmt.Sprintf("server %d killed, back after %v", node, short), killNode(ctx, cluster, node, short)
		case 3:
			what, err = c.name+" killed, back after "+long.String(), c.killFor(ctx, long)
		case 4:
			what, err = fmt.Sprintf("server %d frozen for %v", node, long), freezeNode(ctx, cluster, node, long)
		}
		if err != nil {
			return befell, fmt.Errorf("%s: %w", what, err)
		}
		befell = append(befell, what)
		if err := rest(ctx, short); err != nil {
			return befell, err
		}
	}
	return befell, rest(ctx, max(0, time.Until(end)))
}

func (c *process) freeze(ctx context.Context, d time.Duration) error {
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return errors.Join(rest(ctx, d), c.cmd.Process.Signal(syscall.SIGCONT))
}

func (c *process) killFor(ctx context.Context, d time.Duration) error {
	c.kill()
	return errors.Join(rest(ctx, d), c.launch())
}

func killNode(ctx context.Context, cluster *natstest.Cluster, i int, d time.Duration) error {
	if err := cluster.Kill(i); err != nil {
		return err
	}
	return errors.Join(rest(ctx, d), cluster.Restart(i), cluster.Await(ctx))
}

func freezeNode(ctx context.Context, cluster *natstest.Cluster, i int, d time.Duration) error {
	if err := cluster.Freeze(i); err != nil {
		return err
	}
	return errors.Join(rest(ctx, d), cluster.Thaw(i), cluster.Await(ctx))
}

// awaitWork waits until callbus says that it runs.
func (c *process) awaitWork(ctx context.Context) error {
	for began := time.Now(); ; {
		log, err := os.ReadFile(c.log.Name())
		switch {
		case err != nil:
			return err
		case bytes.Contains(log, []byte("callbus runs")):
			return nil
		case time.Since(began) > startTimeout:
			return fmt.Errorf("%s does not run %v after its start; it said:\n%s", c.name, startTimeout, log)
		}
		if err := rest(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
