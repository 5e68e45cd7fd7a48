package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
	"github.com/callbus/callbus/schemas"
)

// listener is a plain NATS client that notes when each call.started arrives, as a user's subscriber would.
type listener struct {
	nc *nats.Conn

	mu   sync.Mutex
	seen map[string]time.Time // by event id
}

func listen(url string) *listener {
	l := &listener{seen: map[string]time.Time{}}
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		return l // nothing arrives, and the score says so
	}
	l.nc = nc
	_, _ = nc.Subscribe("call.started.>", func(m *nats.Msg) { // as above
		l.mu.Lock()
		defer l.mu.Unlock()
		l.seen[m.Header.Get(nats.MsgIdHdr)] = time.Now()
	})
	_ = nc.Flush()
	return l
}

func (l *listener) stop() {
	if l.nc != nil {
		l.nc.Close()
	}
}

// Arrivals says how long after a call could first be seen its call.started was at the subscriber: after it began, or,
// where the vendor shows no active calls, after its record could be read.
type Arrivals struct {
	Calls    int
	InTime   int // within one poll, what is waited, and 300 ms
	Floor    time.Duration
	P50, P95 time.Duration
}

// arrivalSlack is what callbus may add to the poll that shows a call.
const arrivalSlack = 300 * time.Millisecond

// against looks at the calls that a poll was sure to show: those that lasted longer than one poll and its slack, or that
// have a record.
func (l *listener) against(truth []pbxsim.Truth, published []events.Event, v Watched, recordsOnly bool) Arrivals {
	l.mu.Lock()
	defer l.mu.Unlock()
	visible := map[string]time.Time{}
	for _, t := range truth {
		if recordsOnly {
			visible[idsOf(t.VendorIDs)] = t.Readable
		} else if t.Call.End.Sub(t.Call.Start) > v.Poll+arrivalSlack {
			visible[idsOf(t.VendorIDs)] = t.Call.Start
		}
	}
	calls := map[string]time.Time{}
	for _, e := range published {
		if f, ok := e.Call(); ok && !visible[idsOf(f.VendorIDs)].IsZero() {
			calls[e.Subject] = visible[idsOf(f.VendorIDs)]
		}
	}
	var took []time.Duration
	for _, e := range published {
		if arrived, ok := l.seen[e.ID]; ok && !calls[e.Subject].IsZero() {
			took = append(took, arrived.Sub(calls[e.Subject]))
		}
	}
	return arrivals(took, v.Poll+v.Settle)
}

// idsOf is what tells a record from all others of an account, among all that its vendor gives it.
func idsOf(ids map[string]string) string {
	if linked := ids["linkedid"]; linked != "" {
		return linked
	}
	return ids["calltype"] + ids["id"] + ids["call_uuid"] + ids["uuid"]
}

func arrivals(took []time.Duration, floor time.Duration) Arrivals {
	a := Arrivals{Calls: len(took), Floor: floor}
	if len(took) == 0 {
		return a
	}
	slices.Sort(took)
	a.P50, a.P95 = took[len(took)/2], took[len(took)*95/100]
	for _, d := range took {
		if d <= floor+arrivalSlack {
			a.InTime++
		}
	}
	return a
}

// OK tells whether 95 % arrived in time.
func (a Arrivals) OK() bool { return a.Calls > 0 && a.InTime*100 >= a.Calls*95 }

func (a Arrivals) String() string {
	return fmt.Sprintf("at a subscriber after: p50 %v, p95 %v; within the floor of polling and waiting (%v) and %v: %d of %d calls, %.1f %%\n",
		a.P50.Round(time.Millisecond), a.P95.Round(time.Millisecond), a.Floor, arrivalSlack, a.InTime, a.Calls, 100*float64(a.InTime)/float64(max(1, a.Calls)))
}

// readStream reads the whole stream with a plain client, and holds each event to its schema.
func readStream(ctx context.Context, url string) (published []score.Stored, broken []string, err error) {
	nc, err := nats.Connect(url)
	if err != nil {
		return nil, nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, nil, err
	}
	stored, err := js.Stream(ctx, "CALLBUS")
	if err != nil {
		return nil, nil, fmt.Errorf("read the stream: %w", err)
	}
	c, err := stored.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return nil, nil, fmt.Errorf("read the stream: %w", err)
	}
	for range stored.CachedInfo().State.Msgs {
		m, err := next(c)
		if err != nil {
			return nil, nil, fmt.Errorf("read the stream: %w", err)
		}
		if err := schemas.Validate(m.Data()); err != nil {
			broken = append(broken, err.Error())
		}
		e, err := events.Parse(m.Data())
		if err != nil {
			return nil, nil, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, nil, err
		}
		published = append(published, score.Stored{Event: e, At: meta.Timestamp})
	}
	return published, broken, nil
}

// next returns the next message. The servers of a cluster need a moment to tell one another of a new consumer.
func next(c jetstream.Consumer) (jetstream.Msg, error) {
	for n := 0; ; n++ {
		m, err := c.Next(jetstream.FetchMaxWait(10 * time.Second))
		if !errors.Is(err, nats.ErrNoResponders) || n == 50 {
			return m, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
