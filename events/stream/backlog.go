package stream

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/sinks"
)

// A BacklogConfig says which events a sink gets.
type BacklogConfig struct {
	Sink     string   // its name
	Types    []string // of events; call.* is all that begin so
	Accounts []string // none: all
	// Start is where a sink that is new begins. One that is known goes on from where it was.
	Start Start
	Log   *slog.Logger // nil: nothing is logged
}

// Start is a place in the stream. The zero Start is its end: only what is stored from now on.
type Start struct {
	All  bool      // all that is stored
	From time.Time // what was stored then or later, unless All
}

// A Backlog is what one sink has still to deliver: a durable consumer of the stream of events, and another of the copies that
// [Bus.Replay] makes. It gives events in the order of the stream. Copies take about a tenth of what it gives while there are
// others, and all when there are none.
//
// A message that was lost on its way, because the connection broke or a process was killed, comes before any later one, so
// that the events of a call stay in their order. One Backlog of a sink may be used at a time, in all processes together: two
// would take messages from one another, each call's in any order.
type Backlog struct {
	bus    *Bus
	config BacklogConfig
	log    *slog.Logger

	mu     sync.Mutex // held by Fetch
	live   *queue
	copies *queue
	turn   turn
	wanted wanted
	known  bool // the consumer has the filters of config
	status chan nats.Status

	ledger   *ledger
	given    *givenBack
	position position
	oldest   oldest
	lastDone [2]atomic.Pointer[nats.Msg] // of each consumer, of events and of copies
}

var _ sinks.Backlog = (*Backlog)(nil)

// Backlog returns what the sink has to deliver, and makes its consumers if they are not there. It waits for a server that is away,
// and for a stream that is not there, until ctx is done. A Backlog that is not needed any more is to be closed.
func (b *Bus) Backlog(ctx context.Context, c BacklogConfig) (*Backlog, error) {
	what := "open the backlog of sink " + c.Sink
	if !isToken(c.Sink) {
		return nil, fmt.Errorf("%s: %w: its name is not of [A-Za-z0-9_-]", what, ErrInvalid)
	}
	want, err := filters(c.Types, c.Accounts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if err := b.ensureReplay(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	l := &Backlog{bus: b, config: c, log: logOr(c.Log).With("sink", c.Sink), wanted: wanted{filters: want}, ledger: newLedger(), given: &givenBack{}}
	if err := l.open(ctx); err != nil {
		l.Close()
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return l, nil
}

func (l *Backlog) open(ctx context.Context) error {
	nc := l.bus.nc
	l.status = nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	var err error
	if l.live, err = newQueue(nc, l.status, Name, durable(l.config.Sink)); err != nil {
		return err
	}
	if l.copies, err = newQueue(nc, l.status, ReplayName, durable(l.config.Sink)); err != nil {
		return err
	}
	return l.attach(ctx)
}

func logOr(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// durablePrefix begins the names of sinks' consumers, of which nobody else may delete or change one.
const durablePrefix = "sink-"

func durable(sink string) string { return durablePrefix + sink }

// Close sees that the server has heard what is done, and lets go of what the Backlog holds in this process. What was fetched
// and not done comes again, to the next Backlog of the sink. No Fetch may be under way.
func (l *Backlog) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
	l.bus.nc.RemoveStatusListener(l.status)
	for _, q := range []*queue{l.live, l.copies} {
		if q != nil {
			q.close()
		}
	}
}

// settleTimeout is how long Close waits for a server that does not answer.
const settleTimeout = time.Second

// settle waits until the consumers have heard what is done. They hear things in their order, so that an answer about the last
// stands for all before it; that it is worked on, when it is done, changes nothing. Without an answer some events may be
// delivered twice.
func (l *Backlog) settle() {
	for i := range l.lastDone {
		if m := l.lastDone[i].Swap(nil); m != nil && l.bus.nc.IsConnected() {
			_, _ = l.bus.nc.Request(m.Reply, []byte(inProgress), settleTimeout)
		}
	}
}

// sameFilters tells whether the consumer has the filters, in whatever order.
func sameFilters(c jetstream.ConsumerConfig, want []string) bool {
	return slices.Equal(filtersOf(c), slices.Sorted(slices.Values(want)))
}

func filtersOf(c jetstream.ConsumerConfig) []string {
	have := slices.Clone(c.FilterSubjects)
	if c.FilterSubject != "" {
		have = append(have, c.FilterSubject)
	}
	slices.Sort(have)
	return have
}
