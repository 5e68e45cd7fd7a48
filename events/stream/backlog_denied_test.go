package stream_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/events/stream"
)

// A guarded server has two users: admin may do all, and sink what it is let.
type guarded struct {
	*server.Server
	t       *testing.T
	options *server.Options
}

func startGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{t: t, options: &server.Options{
		Host: "127.0.0.1", Port: freePort(t), NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 30,
	}}
	g.options.Users = users(nil)
	s, err := server.NewServer(g.options.Clone())
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	g.Server = s
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return g
}

// freePort returns a port that was free a moment ago: a server must find it again when its settings are changed.
func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func users(sink *server.Permissions) []*server.User {
	return []*server.User{{Username: "admin", Password: "p"}, {Username: "sink", Password: "p", Permissions: sink}}
}

// denies takes the right to publish on subjects from the user sink; none are denied when none are named.
func (g *guarded) denies(subjects ...string) {
	g.t.Helper()
	o := g.options.Clone()
	o.Users = users(&server.Permissions{Publish: &server.SubjectPermission{Deny: subjects}})
	if err := g.ReloadOptions(o); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guarded) dialAs(user string) *nats.Conn {
	g.t.Helper()
	nc, err := stream.Dial(testContext(g.t), stream.RemoteConfig{URL: g.ClientURL(), User: user, Password: secret.New("p")})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(nc.Close)
	return nc
}

// F-2: what a sink may do is taken from it while it runs. It waits, and goes on when it may again: each event is done once, and in
// order.
func TestPermissionRevokedUnderTheSink(t *testing.T) {
	t.Parallel()
	for name, denied := range map[string][]string{
		"it may not ask for events":       {"$JS.API.CONSUMER.MSG.NEXT.>"},
		"it may not say what is done":     {"$JS.ACK.>"},
		"it may not look at its consumer": {"$JS.API.CONSUMER.>"},
		"it may not say anything":         {">"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGuarded(t)
			admin := openBus(t, g.dialAs("admin"))
			p := startPump(t, openBacklog(t, openBus(t, g.dialAs("sink"))))
			evs := calls("acme", 60)
			publish(t, admin, evs[:60]...)
			p.await(t, 20)
			g.denies(denied...)
			publish(t, admin, evs[60:]...)
			time.Sleep(3 * time.Second)
			g.denies()
			p.await(t, len(evs))
			p.checkDone(t, evs)
			emptied(t, p.backlog.(*stream.Backlog))
		})
	}
}

// What is to be remembered is refused with an error, so that the pump says it again.
func TestStateThatMayNotBeKeptIsAnError(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	l := openBacklog(t, openBus(t, g.dialAs("sink")))
	g.denies("$KV.>")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := l.SetState(ctx, "circuit", []byte("open")); err == nil {
		t.Error("what may not be kept is said to be kept")
	}
	g.denies()
	if err := l.SetState(testContext(t), "circuit", []byte("open")); err != nil {
		t.Error(err)
	}
}
