package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// A queue is one durable consumer of a sink, and what came from it and was not handed over yet. It asks for messages and takes
// what comes, in the order of the consumer; a message that was lost on its way is noticed before a later one is let through.
// Only the goroutine in Fetch uses it.
//
// It asks in two ways: for what there is now, which the server answers at once, and, when there was nothing, for what comes
// first. The second request stays open when Fetch gives up, so that what it brings is not lost.
type queue struct {
	nc       *nats.Conn
	stream   string
	consumer string
	copied   bool // it brings copies, not the events themselves

	sub      *nats.Subscription
	inbox    string
	arrivals chan *nats.Msg
	link     <-chan nats.Status // tells of a new connection

	attached bool
	since    time.Time // attached
	tolerant time.Time // until then a message that is missing is not asked for
	breaks   uint64    // of the connection, before it was attached
	shared   bool      // a message is missing, and no connection broke
	warned   time.Time // of that
	next     uint64    // the sequence, in the consumer's own count, that must come next
	request  request
	came     []arrival
	more     bool // the server has more than what came
}

// A request is what the server was asked for last.
type request struct {
	number uint64
	open   bool
	left   int  // messages that it may still bring
	waits  bool // for what comes first; nothing did yet
	heard  time.Time
	ends   time.Time
}

type arrival struct {
	m      *nats.Msg
	seq    uint64 // in the queue's stream
	stored time.Time
	at     time.Time
}

const (
	// mostFetched is the most that is asked for at once.
	mostFetched = 1024
	// waitExpiry is how long a request that waits stays with the server.
	waitExpiry = 30 * time.Second
	// waitHeartbeat is how often the server says that it still knows of it.
	waitHeartbeat = time.Second
	// silenceAfter is how long the server may say nothing.
	silenceAfter = 5 * waitHeartbeat / 2
)

func newQueue(nc *nats.Conn, link <-chan nats.Status, stream, consumer string) (*queue, error) {
	q := &queue{nc: nc, link: link, stream: stream, consumer: consumer, copied: stream == ReplayName, inbox: nc.NewInbox() + "."}
	q.arrivals = make(chan *nats.Msg, 4*mostFetched)
	var err error
	if q.sub, err = nc.ChanSubscribe(q.inbox+"*", q.arrivals); err != nil {
		return nil, fmt.Errorf("subscribe to what %s delivers: %w", consumer, err)
	}
	return q, nil
}

// close fails only if the connection is closed, which has the same effect.
func (q *queue) close() { _ = q.sub.Unsubscribe() }

// A pull is a request as the server reads it.
type pull struct {
	Batch     int           `json:"batch"`
	NoWait    bool          `json:"no_wait"`
	Expires   time.Duration `json:"expires,omitempty"`
	Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
}

// ask requests n messages.
func (q *queue) ask(n int, wait bool) error {
	p := pull{Batch: n, NoWait: true}
	if wait { // no_wait and an expiry: it waits, but ends when it has brought what there is
		p.Expires, p.Heartbeat = waitExpiry, waitHeartbeat
	}
	return q.send(p, wait)
}

// send sends a request.
func (q *queue) send(p pull, waits bool) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	number, now := q.request.number+1, time.Now()
	q.request = request{number: number, open: true, left: p.Batch, waits: waits, heard: now, ends: now.Add(waitExpiry)}
	return q.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+q.stream+"."+q.consumer, q.inbox+strconv.FormatUint(number, 10), body)
}

// idle tells whether the consumer has nothing, as far as is known.
func (q *queue) idle() bool { return q.request.open && q.request.waits }

var (
	errLost     = errors.New("a message was lost on its way")
	errNoPulse  = errors.New("the server has forgotten what it was asked for")
	errConsumer = errors.New("the consumer is not there, or moves")
	// errReconnected: what was on its way when the connection broke is lost, and so may be what was asked for.
	errReconnected = errors.New("the connection was lost")
)

// take notes what came on the inbox. An error says that the consumer must be looked at again.
func (q *queue) take(m *nats.Msg) error {
	now := time.Now()
	if number, ok := strings.CutPrefix(m.Subject, q.inbox); ok { // a message has the subject that it is stored on
		return q.answer(m, number == strconv.FormatUint(q.request.number, 10), now)
	}
	q.progress(now)
	if !q.attached {
		return nil // it comes again
	}
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("read where a message of %s is from: %w", q.consumer, err)
	}
	switch n := meta.Sequence.Consumer; {
	case n < q.next:
		return nil // of a time before the consumer was looked at: it comes again
	case n > q.next && !q.tolerates(now):
		return errLost
	}
	q.next = meta.Sequence.Consumer + 1
	q.more = meta.NumPending > 0
	q.came = append(q.came, arrival{m: m, seq: meta.Sequence.Stream, stored: meta.Timestamp, at: now})
	return nil
}

// lostAgain is how long after a loss the next one may be looked into, when no connection broke. Somebody else takes messages of
// this consumer then, and asking for them each time would have everything delivered twice.
const lostAgain = time.Minute

func (q *queue) tolerates(now time.Time) bool {
	if now.After(q.tolerant) || q.nc.Stats().Reconnects != q.breaks {
		return false
	}
	q.shared = true
	return true
}

func (q *queue) progress(now time.Time) {
	q.request.waits, q.request.heard = false, now
	if q.request.left--; q.request.left <= 0 {
		q.request.open = false
	}
}

// answer notes what the server says of a request.
func (q *queue) answer(m *nats.Msg, current bool, now time.Time) error {
	if !current {
		return nil
	}
	switch status := m.Header.Get("Status"); status {
	case "100":
		q.request.heard = now
		return nil
	case "404", "408":
		q.request.open, q.more = false, false
		return nil
	default: // 409: the consumer is deleted, or has another leader; 503: nobody is there
		q.request.open = false
		return fmt.Errorf("%w: %s %s", errConsumer, status, m.Header.Get("Description"))
	}
}

// overdue returns an error when the server should have said something about the request.
func (q *queue) overdue(now time.Time) error {
	r := q.request
	if !r.open || now.Sub(r.heard) <= silenceAfter && now.Before(r.ends.Add(silenceAfter)) {
		return nil
	}
	q.request.open = false
	return errNoPulse
}

// pull asks for what there is, at most n, unless a request is under way, and waits until it is answered.
func (q *queue) pull(ctx context.Context, stop <-chan struct{}, n int) error {
	if !q.request.open {
		if err := q.ask(n, false); err != nil {
			return err
		}
	}
	return q.hear(ctx, stop)
}

// gatherTakes is how long the server has to bring what it gave up: while it lets nothing new through, it does not say that
// there is no more.
const gatherTakes = 200 * time.Millisecond

// gather takes in what the server gave up, as much as is asked for at once.
func (q *queue) gather(ctx context.Context, stop <-chan struct{}) error {
	if err := q.send(pull{Batch: mostFetched, NoWait: true, Expires: gatherTakes}, false); err != nil {
		return err
	}
	return q.hear(ctx, stop)
}

// hear takes what comes until the request is answered.
func (q *queue) hear(ctx context.Context, stop <-chan struct{}) error {
	t := time.NewTimer(silenceAfter)
	defer t.Stop()
	for q.request.open && !q.request.waits {
		select {
		case m := <-q.arrivals:
			if err := q.take(m); err != nil {
				return err
			}
		case <-t.C:
			q.request.open = false
			return errNoPulse
		case s, ok := <-q.link:
			if ok && s == nats.CONNECTED {
				return errReconnected
			}
		case <-stop:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// drain takes what has come already.
func (q *queue) drain() error {
	for len(q.arrivals) > 0 {
		if err := q.take(<-q.arrivals); err != nil {
			return err
		}
	}
	return nil
}
