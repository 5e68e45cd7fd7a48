package stream

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/sinks"
)

// What reclaim waits: the server looks 100 ms after a change of AckWait for what has waited longer than that.
const (
	reclaimWait  = 50 * time.Millisecond
	reclaimTakes = 250 * time.Millisecond
)

// reclaim makes the server send first, and in their order, what it has delivered and not heard of: to a process that was killed, or
// on a connection that broke. Otherwise that would come when its time is over, and what follows it before. It does so by
// making that time short for a moment. What is under way here comes again too, and the ledger knows it; what was given back
// for a while comes at most that time too early, and is given back once more.
func (l *Backlog) reclaim(ctx context.Context, q *queue, info *jetstream.ConsumerInfo) (*jetstream.ConsumerInfo, error) {
	c := info.Config
	c.AckWait = reclaimWait
	if _, err := l.update(ctx, q, c); err != nil {
		return nil, err
	}
	if err := l.pause(ctx, reclaimTakes); err != nil {
		return nil, err
	}
	c.AckWait = sinks.MessageWait
	return l.update(ctx, q, c)
}

// gather takes in what reclaim brings, at most n messages, and puts it in order: what an earlier reclaim brought and nobody
// took is before it. New messages that come along are given back.
func (l *Backlog) gather(ctx context.Context, q *queue, n int) error {
	if err := q.pull(ctx, l.bus.closed, n); err != nil && !errors.Is(err, errNoPulse) { // it says nothing while too much is pending
		return err
	}
	slices.SortStableFunc(q.came, func(a, b arrival) int { return cmp.Compare(a.seq, b.seq) })
	end := len(q.came)
	for end > 0 && !q.came[end-1].again {
		end--
	}
	fresh := q.came[end:]
	q.came = slices.Clip(q.came[:end])
	for i, a := range fresh {
		if i < len(fresh)-1 {
			_ = l.bus.nc.Publish(a.m.Reply, []byte(giveBack)) // if it is lost, so is the next
			continue
		}
		// The server hears of them beside the next request, not before it, unless it is waited for.
		_, err := l.bus.nc.RequestWithContext(ctx, a.m.Reply, []byte(giveBack))
		return err
	}
	return nil
}
