package stream

import (
	"sync"
	"time"

	"github.com/callbus/callbus/sinks"
)

// A ledger is what a backlog knows of the messages that it was given: which are under way, which were given back, and which
// are done. The server sends a message again when it does not hear of it in time, and what it is told may be lost: by the
// ledger a mere repeat is told from a message that is due.
type ledger struct {
	mu   sync.Mutex
	open map[slot]*opened
	busy map[uint64]slot // the events that are under way, by their sequence
	done recent
	// freed says that something is under way no more.
	freed chan struct{}
}

// A slot is where a message is: in the stream of events, or in that of copies.
type slot struct {
	copied bool
	seq    uint64
}

// consumer numbers the two consumers.
func (s slot) consumer() int {
	if s.copied {
		return 1
	}
	return 0
}

// number is one number for a slot alone.
func (s slot) number() uint64 { return s.seq<<1 | uint64(s.consumer()) }

type opened struct {
	event uint64    // its sequence in the stream of events
	held  bool      // it is under way
	at    time.Time // under way: when that was last said; given back: when it is to come again
}

// underWay tells whether somebody works on it, or did so lately.
func (o *opened) underWay(now time.Time) bool {
	return o.held && now.Sub(o.at) < sinks.MessageWait-early
}

// A verdict says what to do with a message that came.
type verdict int

const (
	handOver  verdict = iota
	doneAgain         // it was done, and the server does not know
	ignore            // it is under way
	notYet            // it comes early
	wait              // its event is under way from the other stream, or as another copy
)

// early is how much sooner than it should a message may come: the server counts from when it sent it, not from when it was
// handed over.
const early = time.Second

func newLedger() *ledger {
	return &ledger{open: make(map[slot]*opened), busy: make(map[uint64]slot), freed: make(chan struct{}, 1)}
}

// admit decides about a message, and notes that it is handed over. With notYet it says how early it is.
func (l *ledger) admit(s slot, event uint64, now time.Time) (verdict, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done.has(s) {
		return doneAgain, 0
	}
	o := l.open[s]
	switch {
	case o == nil:
		o = &opened{event: event}
	case o.underWay(now):
		return ignore, 0
	case !o.held && o.at.Sub(now) > early:
		return notYet, o.at.Sub(now)
	}
	if other, busy := l.busy[event]; busy && other != s && l.open[other].underWay(now) {
		return wait, 0
	}
	o.held, o.at = true, now
	l.open[s], l.busy[event] = o, s
	return handOver, 0
}

func (l *ledger) working(s slot, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.open[s]; o != nil && o.held {
		o.at = now
	}
}

func (l *ledger) back(s slot, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.open[s]; o != nil {
		o.held, o.at = false, due
		l.release(s, o)
	}
}

func (l *ledger) finish(s slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.open[s]; o != nil {
		l.release(s, o)
		delete(l.open, s)
	}
	l.done.add(s)
}

func (l *ledger) release(s slot, o *opened) {
	select {
	case l.freed <- struct{}{}:
	default:
	}
	if l.busy[o.event] == s {
		delete(l.busy, o.event)
	}
}

// pending is how many messages are not done yet.
func (l *ledger) pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// forget drops what is known of one of the streams, which was made anew: its sequences begin again.
func (l *ledger) forget(copied bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s, o := range l.open {
		if s.copied == copied {
			l.release(s, o)
			delete(l.open, s)
		}
	}
	l.done = recent{}
}

// mostRecent is how many messages are remembered as done. An acknowledgement that is lost is missed within seconds.
const mostRecent = 1 << 15

// recent is a set of the last slots that were added.
type recent struct {
	set  map[uint64]struct{} // of numbers, which are found faster than slots
	ring []uint64
	next int
}

func (r *recent) has(s slot) bool {
	_, ok := r.set[s.number()]
	return ok
}

func (r *recent) add(s slot) {
	if r.has(s) {
		return
	}
	if r.set == nil {
		r.set = make(map[uint64]struct{})
	}
	r.set[s.number()] = struct{}{}
	if len(r.ring) < mostRecent {
		r.ring = append(r.ring, s.number())
		return
	}
	delete(r.set, r.ring[r.next])
	r.ring[r.next] = s.number()
	r.next = (r.next + 1) % mostRecent
}
