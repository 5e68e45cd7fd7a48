package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/sinktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a backlog, an endpoint, and pumps one after another between them.
type world struct {
	testing.TB
	*sinktest.Backlog
	*endpoint
	cfg  sinks.PumpConfig
	room int // not 0: what a pump gives back at most, instead of what is usual

	pump *sinks.Pump
	stop context.CancelFunc
	over chan error
}

// in runs f in a bubble of virtual time.
func in(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newWorld(t)) })
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, Backlog: sinktest.NewBacklog(), endpoint: newEndpoint()}
	w.cfg = sinks.PumpConfig{Name: "crm", Sink: w.endpoint}
	t.Cleanup(func() { // when a check failed
		if w.stop != nil {
			w.kill()
		}
	})
	return w
}

// put stores one event of each of the calls named, and returns their ids.
func (w *world) put(calls ...string) (ids []string) {
	for _, c := range calls {
		e := event(c, w.stored(c))
		body, err := e.MarshalJSON()
		if err != nil {
			w.Fatal(err)
		}
		w.Store("source.gap.opened.acme."+c, body)
		ids = append(ids, e.ID)
	}
	return ids
}

// event is the n-th event of a call; the pump does not mind that a gap is none. They are the smallest.
func event(call string, n int) events.Event {
	return events.Event{
		ID: fmt.Sprintf("%s.%d", call, n), Type: events.GapOpened, Account: "acme", Provider: "telsam", Subject: call,
		Time: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Data: events.Gap{Account: "acme", Provider: "telsam"},
	}
}

// start starts a pump, in a new process if the last was killed.
func (w *world) start() {
	w.Helper()
	w.Backlog = w.Reopen()
	w.cfg.Backlog = w.Backlog
	w.pump = sinks.NewPump(w.cfg)
	if w.room > 0 {
		w.pump.ParkAtMost(w.room)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.over = stop, make(chan error, 1)
	go func(p *sinks.Pump, over chan<- error) {
		defer close(over)
		over <- p.Run(ctx)
	}(w.pump, w.over)
}

// end stops the pump in order.
func (w *world) end() {
	w.Helper()
	w.stop()
	if err := <-w.over; err != nil {
		w.Errorf("Run returned %v", err)
	}
}

// kill ends the pump as kill -9 does.
func (w *world) kill() {
	w.Backlog.Kill()
	w.stop()
	<-w.over
}

// pass lets time pass, and all that happens in it be over.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) wantState(s sinks.CircuitState) {
	w.Helper()
	if got := w.pump.Status(); got.State != s {
		w.Fatalf("the circuit is %s (%s), want %s", got.State, got.Reason, s)
	}
}

func (w *world) wantLeft(n int) {
	w.Helper()
	if left := w.Left(); len(left) != n {
		w.Fatalf("%d events are still to be delivered, want %d; the first: %v", len(left), n, left[:min(10, len(left))])
	}
}

// wantOrder checks that the first deliveries of each call were in order, and never two of one call at once.
func (w *world) wantOrder() {
	w.Helper()
	for _, wrong := range w.disorder() {
		w.Error(wrong)
	}
}

// An endpoint is a sink whose answers a test decides.
type endpoint struct {
	mu       sync.Mutex
	answer   func(d sinks.Delivery) error // nil: takes it
	slow     time.Duration                // each delivery
	counts   map[string]int               // of events stored
	tried    []try
	took     map[string][]string // first deliveries by call
	times    map[string]int      // deliveries by id
	busy     map[string]bool     // calls
	underWay int
	most     int // under way
	wrong    []string
}

type try struct {
	id      string
	attempt int
	at      time.Time
	err     error
}

func newEndpoint() *endpoint {
	return &endpoint{counts: map[string]int{}, took: map[string][]string{}, times: map[string]int{}, busy: map[string]bool{}}
}

func (e *endpoint) stored(call string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts[call]++
	return e.counts[call]
}

// answers has f decide from now on.
func (e *endpoint) answers(f func(d sinks.Delivery) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = f
}

func (e *endpoint) Deliver(ctx context.Context, d sinks.Delivery) error {
	answer, began := e.begin(d), time.Now()
	var err error
	if answer != nil {
		err = answer(d)
	}
	if e.slow > 0 && err == nil {
		select {
		case <-time.After(e.slow):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	e.end(d, began, err)
	return err
}

func (e *endpoint) begin(d sinks.Delivery) func(sinks.Delivery) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy[d.Event.Subject] {
		e.wrong = append(e.wrong, "two events of one call are under way: "+d.Event.ID)
	}
	e.busy[d.Event.Subject] = true
	e.underWay++
	e.most = max(e.most, e.underWay)
	return e.answer
}

func (e *endpoint) end(d sinks.Delivery, began time.Time, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id, call := d.Event.ID, d.Event.Subject
	e.busy[call] = false
	e.underWay--
	e.tried = append(e.tried, try{id, d.Attempt, began, err})
	if err != nil {
		return
	}
	if e.times[id]++; e.times[id] == 1 {
		e.took[call] = append(e.took[call], id)
	}
}

func (e *endpoint) Close() error { return nil }

// disorder returns what is wrong with the order of what was taken.
func (e *endpoint) disorder() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	wrong := slices.Clone(e.wrong)
	for call, ids := range e.took {
		last := 0
		for _, id := range ids {
			var n int
			fmt.Sscanf(id[len(call)+1:], "%d", &n)
			if n <= last {
				wrong = append(wrong, fmt.Sprintf("of call %s came %v", call, ids))
				break
			}
			last = n
		}
	}
	return wrong
}

// of returns the attempts to deliver an event.
func (e *endpoint) of(id string) (all []try) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.tried {
		if t.id == id {
			all = append(all, t)
		}
	}
	return all
}

// since returns the attempts from t on.
func (e *endpoint) since(t time.Time) (all []try) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.tried {
		if !a.at.Before(t) {
			all = append(all, a)
		}
	}
	return all
}

func (e *endpoint) delivered() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.times)
}

func fails(f sinks.Fault) func(sinks.Delivery) error {
	return func(sinks.Delivery) error { return fault(f) }
}

func fault(f sinks.Fault) error {
	return &sinks.Error{Fault: f, Status: 500, Snippet: "no", Err: errors.New("it says " + string(f))}
}

// calls returns n names of calls.
func calls(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("c%d", i)
	}
	return all
}
