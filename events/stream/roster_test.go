package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events/stream"
)

// worker is a process that shares the work.
type worker struct {
	*stream.Roster
	nc    *nats.Conn
	leave context.CancelFunc
	left  chan struct{}

	mu      sync.Mutex
	doing   map[stream.Duty]stream.Term
	fail    error // of Take
	changed chan struct{}
}

func newWorker(t *testing.T, server *stream.Server, id string, wishes map[stream.Duty]stream.Wish) *worker {
	t.Helper()
	w := &worker{nc: connect(t, server), left: make(chan struct{}), doing: map[stream.Duty]stream.Term{}, changed: make(chan struct{}, 1000)}
	var err error
	w.Roster, err = openBus(t, w.nc).Roster(testContext(t), stream.RosterConfig{
		ID: id, Kinds: []stream.DutyKind{stream.AccountDuty}, Take: w.take, Drop: w.drop,
	})
	if err != nil {
		t.Fatal(err)
	}
	for d, wish := range wishes {
		w.Want(d, wish)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	w.leave = cancel
	go func() {
		defer close(w.left)
		if err := w.Run(ctx); err != nil && !errors.Is(err, stream.ErrClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-w.left })
	return w
}

func (w *worker) take(_ context.Context, d stream.Duty, term stream.Term) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	w.doing[d] = term
	w.tell()
	return nil
}

func (w *worker) drop(d stream.Duty) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.doing, d)
	w.tell()
}

func (w *worker) tell() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *worker) terms() map[stream.Duty]stream.Term {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[stream.Duty]stream.Term{}
	for d, term := range w.doing {
		all[d] = term
	}
	return all
}

// await returns when the workers do so many duties each, in any order of the workers, and how long that took.
func await(t *testing.T, counts []int, workers ...*worker) time.Duration {
	t.Helper()
	began := time.Now()
	deadline := time.After(30 * time.Second)
	for {
		var have []int
		for _, w := range workers {
			have = append(have, len(w.terms()))
		}
		slices.Sort(have)
		if slices.Equal(have, counts) {
			return time.Since(began)
		}
		select {
		case <-workers[0].changed:
		case <-workers[len(workers)-1].changed:
		case <-deadline:
			t.Fatalf("they do %v duties, want %v", have, counts)
		}
	}
}

func accounts(n int, settings string, since time.Time) map[stream.Duty]stream.Wish {
	all := map[stream.Duty]stream.Wish{}
	for i := range n {
		all[stream.Duty{Kind: stream.AccountDuty, Name: fmt.Sprintf("acme-%d", i)}] = stream.Wish{Settings: settings, Since: since}
	}
	return all
}

func TestTheWorkIsSharedOutAndHandedOver(t *testing.T) {
	t.Parallel()
	server := startServer(t, stream.ServerConfig{SyncAlways: true})
	wishes := accounts(11, "a", time.Now())
	a := newWorker(t, server, "a", wishes)
	await(t, []int{11}, a)
	first := a.terms()
	b := newWorker(t, server, "b", wishes)
	await(t, []int{5, 6}, a, b)
	for d, term := range a.terms() {
		if term.ID != first[d].ID {
			t.Errorf("%v moved without need", d)
		}
	}
	for d, term := range b.terms() {
		if len(term.Lapsed) > 0 || term.ID == first[d].ID {
			t.Errorf("%v was given back, and is taken as from a dead process: %+v", d, term)
		}
	}
	if s := b.Status(); s.Members != 2 || s.Held[stream.AccountDuty]+a.Status().Held[stream.AccountDuty] != 11 || s.Takeovers[stream.AccountDuty] != 0 {
		t.Errorf("status %+v", s)
	}
	b.leave()
	<-b.left
	if took := await(t, []int{11}, a); took > 2*time.Second {
		t.Errorf("what was given back was taken after %v", took)
	}
}

func TestAProcessThatVanishesIsReplaced(t *testing.T) {
	t.Parallel()
	server := startServer(t, stream.ServerConfig{SyncAlways: true})
	wishes := accounts(20, "a", time.Now())
	a, b := newWorker(t, server, "a", wishes), newWorker(t, server, "b", wishes)
	await(t, []int{10, 10}, a, b)
	lost := b.terms()
	b.nc.Close()
	took := await(t, []int{10, 20}, b, a)
	t.Logf("taken over after %v", took)
	if took > 10*time.Second {
		t.Errorf("taken over after %v, want at most 10 s", took)
	}
	for d, term := range lost {
		if got := a.terms()[d]; !slices.Equal(got.Lapsed, []string{term.ID}) {
			t.Errorf("%v: lapsed %v, want %v", d, got.Lapsed, term.ID)
		}
	}
	if n := a.Status().Takeovers[stream.AccountDuty]; n != 10 {
		t.Errorf("%d takeovers counted, want 10", n)
	}
}

// A process that starts again under the name of one that is over goes on at once where that was.
func TestAnotherLifeOfAProcessGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	server := startServer(t, stream.ServerConfig{SyncAlways: true})
	wishes := accounts(20, "a", time.Now())
	a := newWorker(t, server, "embedded", wishes)
	await(t, []int{20}, a)
	before := a.terms()
	a.nc.Close()
	again := newWorker(t, server, "embedded", wishes)
	if took := await(t, []int{20}, again); took > time.Second {
		t.Errorf("it went on after %v", took)
	}
	for d, term := range again.terms() {
		if term.ID != before[d].ID || len(term.Lapsed) > 0 {
			t.Errorf("%v: %+v, want the term %s to go on", d, term, before[d].ID)
		}
	}
}

func TestNewerSettingsTakeADutyFromOlderOnes(t *testing.T) {
	t.Parallel()
	server := startServer(t, stream.ServerConfig{SyncAlways: true})
	now := time.Now()
	old := newWorker(t, server, "old", accounts(1, "old", now.Add(-time.Hour)))
	await(t, []int{1}, old)
	young := newWorker(t, server, "young", accounts(1, "young", now))
	await(t, []int{0, 1}, old, young)
	for len(young.terms()) == 0 {
		<-young.changed
	}
	if len(old.terms()) != 0 {
		t.Error("both do it")
	}
}

func TestADutyThatIsUnwantedIsStruckOffAndOneThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := startServer(t, stream.ServerConfig{SyncAlways: true})
	wishes := accounts(2, "a", time.Now())
	a := newWorker(t, server, "a", wishes)
	await(t, []int{2}, a)
	gone := stream.Duty{Kind: stream.AccountDuty, Name: "acme-0"}
	a.Unwant(gone)
	await(t, []int{1}, a)
	a.mu.Lock()
	a.fail = errors.New("not now")
	a.mu.Unlock()
	a.Want(gone, wishes[gone])
	a.Await(testContext(t), stream.AccountDuty)
	if len(a.terms()) != 1 {
		t.Error("what failed is done")
	}
	a.mu.Lock()
	a.fail = nil
	a.mu.Unlock()
	await(t, []int{2}, a)
}
