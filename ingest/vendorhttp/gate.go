package vendorhttp

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/callbus/callbus/ingest"
)

// A Gate is a transport that all accounts of a process share, and that bounds how many requests are under way: to one host,
// so that a vendor who is slow takes no other's place, and in all, so that files and memory suffice however many accounts
// there are. A [Client] waits before the timeout of a request begins.
//
// Requests that may wait (see [ingest.InSpare]) get half of the places at most.
type Gate struct {
	http.RoundTripper
	perHost    int
	all, spare places
	waiting    atomic.Int64

	mu    sync.Mutex
	hosts map[string]*door
}

// places are taken by sending, and left by receiving: who waits is served in turn.
type places chan struct{}

// door is that to one host, while somebody is at it.
type door struct {
	all, spare places
	visitors   int
}

// NewGate lets through so many requests at once, two or more, of which so many to each host.
func NewGate(transport http.RoundTripper, all, perHost int) *Gate {
	all = max(2, all)
	return &Gate{
		RoundTripper: transport, perHost: max(2, perHost), all: make(places, all), spare: make(places, all/2), hosts: map[string]*door{},
	}
}

// UnderWay returns how many requests are under way, and how many wait.
func (g *Gate) UnderWay() (requests, waiting int) { return len(g.all), int(g.waiting.Load()) }

// wait returns when a request may be made, and what to call when it was answered; or ctx is done.
func (g *Gate) wait(ctx context.Context, host string) (answered func(), err error) {
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	d := g.come(host)
	taken := make([]places, 0, 4)
	leave := func() {
		for _, p := range taken {
			<-p
		}
		g.leave(host, d)
	}
	for _, p := range g.way(ctx, d) {
		select {
		case p <- struct{}{}:
			taken = append(taken, p)
		case <-ctx.Done():
			leave()
			return nil, ctx.Err()
		}
	}
	return leave, nil
}

// way is which places a request takes, one after the other: nobody holds one of all while waiting for one at a host.
func (g *Gate) way(ctx context.Context, d *door) []places {
	if ingest.IsSpare(ctx) {
		return []places{d.spare, d.all, g.spare, g.all}
	}
	return []places{d.all, g.all}
}

func (g *Gate) come(host string) *door {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.hosts[host]
	if d == nil {
		d = &door{all: make(places, g.perHost), spare: make(places, g.perHost/2)}
		g.hosts[host] = d
	}
	d.visitors++
	return d
}

func (g *Gate) leave(host string, d *door) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if d.visitors--; d.visitors == 0 {
		delete(g.hosts, host)
	}
}
