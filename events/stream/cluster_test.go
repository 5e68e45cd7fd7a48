package stream_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/callbus/callbus/events/stream"
)

// A cluster is three nats-servers that keep three replicas of everything.
type cluster struct {
	t       *testing.T
	options []*server.Options
	servers []*server.Server
}

func startCluster(t *testing.T) *cluster {
	c := &cluster{t: t, servers: make([]*server.Server, 3)}
	var routes []string
	ports := freePorts(t, 6)
	for i := range 3 {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
	}
	for i := range 3 {
		c.options = append(c.options, &server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: ports[3+i], NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 30,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}, Routes: server.RoutesFromStr(strings.Join(routes, ",")),
		})
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range 3 {
			c.stop(i)
		}
	})
	return c
}

// freePorts returns ports that were free a moment ago: the servers of a cluster must know of each other before they start.
func freePorts(t *testing.T, n int) []int {
	var out []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out
}

func (c *cluster) start(i int) {
	s, err := server.NewServer(c.options[i].Clone())
	if err != nil {
		c.t.Fatal(err)
	}
	s.Start()
	c.servers[i] = s
}

func (c *cluster) stop(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
}

func (c *cluster) URL() string {
	var urls []string
	for _, s := range c.servers {
		urls = append(urls, s.ClientURL())
	}
	return strings.Join(urls, ",")
}

// leader returns which server leads the stream of events.
func (c *cluster) leader() int {
	for i, s := range c.servers {
		if s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream.Name) {
			return i
		}
	}
	return 0
}

// open also waits until the cluster has found itself: that is Open's business.
func (c *cluster) open() *stream.Bus {
	b, err := stream.Open(testContext(c.t), dial(c.t, c.URL()), stream.Settings{Replicas: 3})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(b.Close)
	return b
}

// On a cluster, too, whatever is published while the leader goes and comes back is stored once and in order.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	b := c.open()
	var wg sync.WaitGroup
	const callers, rounds = 4, 6
	for a := range callers {
		wg.Go(func() {
			for n := range rounds {
				evs := calls(fmt.Sprintf("a%d-%d", a, n), 20)
				if err := b.Publish(testContext(t), evs...); err != nil {
					t.Error(err)
				}
				evs = append(evs, amended(evs[0].Account, "call-000000", 2), amended(evs[0].Account, "call-000000", 3))
				if err := b.Publish(testContext(t), evs...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	leader := c.leader()
	c.stop(leader)
	c.start(leader)
	wg.Wait()
	place := make(map[string]int)
	for i, e := range storedEvents(t, b, stream.Filter{}) {
		if _, twice := place[e.ID]; twice {
			t.Fatalf("%s is there twice", stream.Subject(e))
		}
		place[e.ID] = i
	}
	for a := range callers {
		for n := range rounds {
			account := fmt.Sprintf("a%d-%d", a, n)
			checkAscending(t, place, append(calls(account, 20), amended(account, "call-000000", 2), amended(account, "call-000000", 3)))
		}
	}
	if want := callers * rounds * 62; len(place) != want {
		t.Errorf("%d events stored, want %d", len(place), want)
	}
}
