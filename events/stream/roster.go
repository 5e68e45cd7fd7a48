package stream

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// LeasesBucket holds which processes there are and which of them does what.
const LeasesBucket = "CALLBUS_LEASES"

const leaseSubject = "$KV." + LeasesBucket + "."

// RosterConfig says who this process is, and what it does with a duty.
type RosterConfig struct {
	// ID is this process's name among all that share the bus. A process that starts with the name of an earlier one, which is over
	// for certain, goes on where that was.
	ID    string
	Kinds []DutyKind
	// Lasting says that another process will go on under this name: what this one has is kept for that.
	Lasting bool
	// Take begins a duty, and returns when it is begun. If it fails it is called again after a while.
	Take func(ctx context.Context, d Duty, t Term) error
	// Drop ends a duty, and returns when it has come to rest.
	Drop func(d Duty)
	Log  *slog.Logger // nil: nothing is logged
}

// A Roster shares out duties among the processes on one bus: evenly, and so that nothing moves without need. A process says that
// it lives by a key that ends by itself; who has a duty is a key that changes hands only by comparing revisions. So every duty is
// done by one process at a time, but for one that was thought dead and is not: its term must be fenced, see [Bus.PublishFenced].
//
// A process that dies is noticed after some six seconds, and the others take over what it did. While the bus has no quorum nothing
// changes hands.
type Roster struct {
	bus    *Bus
	config RosterConfig
	log    *slog.Logger
	leases jetstream.KeyValue
	writer *leaseWriter
	began  time.Time
	poked  chan struct{}  // there is something to think about
	slots  chan struct{}  // moves under way
	work   sync.WaitGroup // likewise

	mu       sync.Mutex
	wishes   map[Duty]Wish
	mine     map[Duty]*lease
	busy     map[Duty]move // what is being done about it
	holdings map[Duty]kept
	members  map[string]member    // whose key is there
	absent   map[string]time.Time // owners of duties whose key is not, since when
	lastSeen map[string]time.Time // when processes that are gone had last said that they live
	heard    time.Time            // when this process last heard of itself
	steady   time.Time            // since when it has done so without a break
	moved    time.Time            // when a process last came or went
	takeover map[DutyKind]int
	changed  chan struct{} // closed and made anew when anything changed
}

// kept is a holding as the bucket has it.
type kept struct {
	holding
	revision uint64
	free     time.Time // since when it has no living owner, as far as this process knows; zero while it has one
}

// lease is a duty of this process.
type lease struct {
	Term
	doing   bool
	failed  bool      // it could not begin
	retry   time.Time // when it is tried again
	overdue bool      // nobody else had wanted it
}

// RosterStatus is how the work is shared out, as one process sees it.
type RosterStatus struct {
	Members   int              // living processes
	Held      map[DutyKind]int // by this process
	Wanted    map[DutyKind]int // that it is ready to do
	Takeovers map[DutyKind]int // duties taken from processes that had vanished
}

// goneFor is how long the bucket tells when a process vanished.
const goneFor = 24 * time.Hour

// mostMoves is how many duties are taken or dropped at once.
const mostMoves = 1000

// Roster sets up the bucket of leases. Run must be called for anything to happen.
func (b *Bus) Roster(ctx context.Context, c RosterConfig) (*Roster, error) {
	r := &Roster{
		bus: b, config: c, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)), began: time.Now().UTC(),
		poked: make(chan struct{}, 1), slots: make(chan struct{}, mostMoves), changed: make(chan struct{}),
		wishes: map[Duty]Wish{}, mine: map[Duty]*lease{}, busy: map[Duty]move{}, holdings: map[Duty]kept{},
		members: map[string]member{}, absent: map[string]time.Time{}, lastSeen: map[string]time.Time{}, takeover: map[DutyKind]int{},
	}
	err := retry(ctx, "set up the leases", func(ctx context.Context) error {
		if err := ensureStream(ctx, b.js, leasesStream(b.settings)); err != nil {
			return err
		}
		var err error
		r.leases, err = b.js.KeyValue(ctx, LeasesBucket)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.writer, err = newLeaseWriter(b.nc)
	return r, err
}

// leasesStream is the stream of the bucket of leases: made by hand, because a bucket takes no batches.
func leasesStream(s Settings) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:                   "KV_" + LeasesBucket,
		Description:            "Which processes of callbus there are, and which does what",
		Subjects:               []string{leaseSubject + ">"},
		Storage:                jetstream.FileStorage,
		Discard:                jetstream.DiscardNew,
		MaxMsgsPerSubject:      1,
		MaxMsgs:                -1,
		MaxBytes:               -1,
		MaxMsgSize:             -1,
		MaxConsumers:           -1,
		Replicas:               s.Replicas,
		Duplicates:             duplicatesWindow,
		DenyDelete:             true,
		AllowRollup:            true,
		AllowDirect:            true,
		AllowAtomicPublish:     true,
		AllowMsgTTL:            true,
		SubjectDeleteMarkerTTL: goneFor,
	}
}

// ProcessID returns a name that no other process has, for [RosterConfig]. It begins with prefix, for people to see whose it is.
func ProcessID(prefix string) string {
	name := []byte(prefix)
	for i, c := range name {
		if !isToken(string(c)) {
			name[i] = '-'
		}
	}
	return string(name) + "-" + rand.Text()[:8]
}

// Want adds a duty to what this process is ready to do, or changes the settings with which it would.
func (r *Roster) Want(d Duty, w Wish) {
	r.mu.Lock()
	r.wishes[d] = w
	r.mu.Unlock()
	r.poke()
}

// Unwant says that this process will not do d any more. If it does, it stops, and the duty is struck off.
func (r *Roster) Unwant(d Duty) {
	r.mu.Lock()
	delete(r.wishes, d)
	r.mu.Unlock()
	r.poke()
}

// Status returns how the work is shared out.
func (r *Roster) Status() RosterStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := RosterStatus{Members: len(r.members), Held: map[DutyKind]int{}, Wanted: map[DutyKind]int{}, Takeovers: map[DutyKind]int{}}
	for _, k := range r.config.Kinds {
		s.Held[k], s.Takeovers[k] = 0, r.takeover[k]
	}
	for d, l := range r.mine {
		if l.doing {
			s.Held[d.Kind]++
		}
	}
	for d := range r.wishes {
		s.Wanted[d.Kind]++
	}
	return s
}

// Await returns when every duty of kind k that this process wants is done, by it or by another process, or has failed; or when ctx
// is done.
func (r *Roster) Await(ctx context.Context, k DutyKind) {
	for {
		r.mu.Lock()
		settled, changed := r.settled(k), r.changed
		r.mu.Unlock()
		if settled {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (r *Roster) settled(k DutyKind) bool {
	for d := range r.wishes {
		l, owner := r.mine[d], r.holdings[d].Owner
		others := owner != "" && owner != r.config.ID
		if d.Kind == k && !others && (l == nil || !l.doing && !l.failed) {
			return false
		}
	}
	return true
}

func (r *Roster) poke() {
	select {
	case r.poked <- struct{}{}:
	default: // it is told already
	}
}
