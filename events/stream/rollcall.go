package stream

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How long a process's key lasts, and how often it is renewed.
const (
	memberTTL   = 4 * time.Second
	memberEvery = time.Second
)

// How long the key of a process may be gone before the process counts as dead: after a change of the bus's leader all keys may be
// gone for a moment. And how long this process may have heard nothing of itself and yet be sure that it hears everything.
const (
	deadAfter  = 2 * time.Second
	breakAfter = 3 * time.Second
	deafAfter  = 8 * time.Second
)

// Run takes part until ctx is done; then it drops what it has, gives it back, and returns. An error says that the bus was closed.
func (r *Roster) Run(ctx context.Context) error {
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx)) // while something is given back, this process lives
	defer stop()
	var beat sync.WaitGroup
	beat.Go(func() { r.beat(lasting) })
	err := r.follow(ctx)
	r.giveBack(lasting)
	stop()
	beat.Wait()
	r.resign()
	r.writer.close()
	return err
}

// beat says again and again that this process lives.
func (r *Roster) beat(ctx context.Context) {
	said, err := json.Marshal(member{Kinds: r.config.Kinds, Started: r.began})
	if err != nil {
		r.log.Error("cannot say that this process lives", "error", err)
		return
	}
	for ctx.Err() == nil {
		next := memberEvery
		if err := r.renew(ctx, said); err != nil {
			next = memberEvery / 4
			r.log.Debug("cannot say that this process lives; trying again", "error", err)
		}
		sleep(ctx, next)
	}
}

// renew puts the key for another while. Put and Update of the bucket would take its end away.
func (r *Roster) renew(ctx context.Context, said []byte) error {
	ctx, cancel := context.WithTimeout(ctx, memberEvery)
	defer cancel()
	m := nats.NewMsg(leaseSubject + memberPrefix + r.config.ID)
	m.Header.Set(jetstream.MsgTTLHeader, memberTTL.String())
	m.Data = said
	_, err := r.bus.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	return err
}

// resign takes the key away, so that the others need not wait until it ends.
func (r *Roster) resign() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := r.leases.Delete(ctx, memberPrefix+r.config.ID); err != nil {
		r.log.Debug("the others will notice by themselves that this process is gone", "error", err)
	}
}

// stepEvery is how often is thought about what only time changes.
const stepEvery = 500 * time.Millisecond

// follow hears what changes, and moves. With ten thousand duties a step takes some milliseconds, and each duty that is begun asks for
// one: so nine tenths of the time are left to what comes meanwhile.
func (r *Roster) follow(ctx context.Context) error {
	var w jetstream.KeyWatcher
	var since time.Time
	defer func() { stopWatch(w) }()
	next := time.NewTimer(0)
	defer next.Stop()
	var rest time.Duration // until the next step, at the least
	var stepped time.Time
	for ctx.Err() == nil {
		if w == nil || time.Since(since) > deafAfter && r.deaf() {
			stopWatch(w)
			w, since = r.watch(ctx), time.Now()
		}
		news := false
		select {
		case <-ctx.Done():
			return nil
		case <-r.bus.closed:
			return ErrClosed
		case u, ok := <-updatesOf(w):
			if !ok {
				stopWatch(w)
				w = nil
			}
			news = r.hear(u, w)
		case <-r.poked:
			news = true
		case <-next.C:
			stepped = time.Now()
			r.step(ctx, stepped)
			rest = min(9*time.Since(stepped), stepEvery)
			next.Reset(stepEvery)
		}
		if news {
			next.Reset(max(0, rest-time.Since(stepped)))
		}
	}
	return nil
}

func (r *Roster) deaf() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.heard) > deafAfter
}

func (r *Roster) watch(ctx context.Context) jetstream.KeyWatcher {
	w, err := r.leases.WatchAll(ctx)
	if err != nil {
		r.log.Warn("cannot follow which processes share the work; trying again", "error", err)
		sleep(ctx, memberEvery)
		return nil
	}
	return w
}

func stopWatch(w jetstream.KeyWatcher) {
	if w != nil {
		_ = w.Stop() // fails only if the connection is closed, which has the same effect
	}
}

func updatesOf(w jetstream.KeyWatcher) <-chan jetstream.KeyValueEntry {
	if w == nil {
		return nil
	}
	return w.Updates()
}

// hear takes in a change of the bucket, and what else is there already, so that ten thousand changes are thought about a few times
// only. It tells whether there is anything to think about: a heartbeat is not.
func (r *Roster) hear(u jetstream.KeyValueEntry, w jetstream.KeyWatcher) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	news = r.hearOne(u)
	for range 1000 {
		select {
		case u := <-updatesOf(w):
			news = r.hearOne(u) || news
		default:
			return news
		}
	}
	return news
}

// hearOne takes in one change; nil says that all that was there has come.
func (r *Roster) hearOne(u jetstream.KeyValueEntry) (news bool) {
	if u == nil {
		return true
	}
	var err error
	if d, ok := parseDuty(u.Key()); ok {
		news, err = true, r.hearDuty(d, u)
	} else if id, ok := strings.CutPrefix(u.Key(), memberPrefix); ok {
		news, err = r.hearMember(id, u)
	}
	if err != nil {
		r.log.Error("the bucket of leases holds what cannot be read", "error", err)
	}
	return news
}

func (r *Roster) hearDuty(d Duty, u jetstream.KeyValueEntry) error {
	k := kept{revision: u.Revision(), free: r.holdings[d].free}
	if k.revision <= r.holdings[d].revision {
		return nil
	}
	var err error
	if u.Operation() == jetstream.KeyValuePut {
		k.holding, err = decode[holding](u.Key(), u.Value())
	}
	r.holdings[d] = k
	return err
}

func (r *Roster) hearMember(id string, u jetstream.KeyValueEntry) (news bool, err error) {
	now := time.Now()
	_, known := r.members[id]
	here := u.Operation() == jetstream.KeyValuePut
	if known != here {
		r.moved, news = now, true
	}
	if !here {
		delete(r.members, id)
		r.lastSeen[id] = u.Created().Add(-memberTTL)
		return news, nil
	}
	if id == r.config.ID {
		if now.Sub(r.heard) > breakAfter {
			r.steady, news = now, true
		}
		r.heard = now
	}
	r.members[id], err = decode[member](u.Key(), u.Value())
	return news, err
}
