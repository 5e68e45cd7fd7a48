package stream

import (
	"cmp"
	"context"
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
//
// Nothing new is let through until gather has taken in all of that.
func (l *Backlog) reclaim(ctx context.Context, q *queue, info *jetstream.ConsumerInfo) (*jetstream.ConsumerInfo, error) {
	c := info.Config
	c.AckWait, c.MaxAckPending = reclaimWait, 1
	if _, err := l.update(ctx, q, c); err != nil {
		return nil, err
	}
	if err := l.pause(ctx, reclaimTakes); err != nil {
		return nil, err
	}
	c.AckWait = sinks.MessageWait
	return l.update(ctx, q, c)
}

// gather takes in all that reclaim brings, and puts it in order: the server's own order is that in which it gave each up, and
// what an earlier reclaim brought and nobody took is before it. Then new messages may come.
func (l *Backlog) gather(ctx context.Context, q *queue, info *jetstream.ConsumerInfo) (*jetstream.ConsumerInfo, error) {
	before := len(q.came)
	for dry := false; !dry && len(q.came)-before < info.NumAckPending; {
		came := len(q.came)
		if err := q.gather(ctx, l.bus.closed); err != nil {
			return nil, err
		}
		dry = len(q.came) == came // a server that is busy may bring a part only, in the time that it has
	}
	slices.SortStableFunc(q.came, func(a, b arrival) int { return cmp.Compare(a.seq, b.seq) })
	c := info.Config
	c.MaxAckPending = maxAckPending
	return l.update(ctx, q, c)
}
