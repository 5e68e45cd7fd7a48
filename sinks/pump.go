package sinks

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events"
)

const (
	// lookEvery is how often the backlog is asked how large it is, and whether somebody paused or enabled the sink.
	lookEvery = 15 * time.Second
	// opTimeout is the longest that one word with the backlog takes.
	opTimeout = 10 * time.Second
	// choreRest is the pause after the backlog refused something, before it is asked again.
	choreRest = time.Second
	// longestBack is the longest that a message is given back for at a time: it then comes and is given back again, so
	// that nothing is out of reach for hours.
	longestBack = 5 * time.Minute
	// probeChoice is how many events are fetched to choose one from, to see whether the endpoint is back.
	probeChoice = 8
	// mostStill is how many messages are in hand at most that no lane can have now. Above a quarter of it, what waits for
	// its next attempt is given back, however short it waits.
	mostStill = 1024
)

// PumpConfig says what a [Pump] delivers, and how.
type PumpConfig struct {
	Name    string // of the sink
	Sink    Sink   // which the pump does not close
	Backlog Backlog
	// Lanes is how many events are under way at once, at most; 0 means 8.
	Lanes int
	// GiveUpAfter is how long an event is tried while others are delivered; 0 means 72 hours. It should be well below the
	// age at which the stream drops events.
	GiveUpAfter time.Duration
	// Drain is how long what is under way may take when the pump is stopped; 0 means 20 seconds. The longest delivery
	// should fit in.
	Drain time.Duration
	// Attempted is told how long each attempt at the sink took, by several goroutines; nil for nobody.
	Attempted func(took time.Duration)
	Log       *slog.Logger // nil for none
	// Tracer begins the spans of attempts; nil for none. A sink finds the span of its attempt in the context of Deliver.
	Tracer trace.Tracer
}

// Pump delivers a backlog to a sink: every event at least once, and the events of one call in their order, one at a time.
// The comment of the package says what it guarantees.
//
// One goroutine owns all that is below; what may take its time is done by others: lanes deliver, and note what was
// delivered; the clerk writes what is to be remembered, one thing after another; the keeper says that what is in hand is
// still worked on; the fetcher fetches.
type Pump struct {
	cfg        PumpConfig
	read       func([]byte) (events.Event, error)
	mostParked int

	circuit circuit
	unsaved bool    // the circuit differs from what is kept
	saving  bool    // it is being kept
	heeded  control // what somebody wanted last
	looking bool
	streak  streak
	budget  budget
	limit   int // lanes that are used: few at first, and after trouble
	made    uint64

	calls     map[string]*call
	held      map[uint64]*held
	ready     []*held       // by sequence
	waiting   []*held       // by due
	still     int           // see call
	parked    int           // messages that were given back and are named in an entry
	condemned int           // calls
	underWay  int           // handed over to the lanes
	handed    uint64        // jobs so far
	recalled  atomic.Uint64 // up to this job the lanes return what they have not begun

	notBefore time.Time // nothing is fetched: see room
	ahead     ahead
	fetching  bool
	backing   int // chores that give back

	chores   []*chore
	writing  bool      // the clerk is at work
	restTill time.Time // the clerk

	starter Starter // the sink, if it has to know; nil after it was told
	counted bool    // behind is known
	behind  int     // of what was stored before, what is still to be delivered

	stopping bool
	cutAt    time.Time // what is under way is cut off
	late     bool      // and what is under way was cut off
	err      error     // why it stopped, if not because it was told to

	lanes
	timer *time.Timer
	wake  time.Time // when it fires

	status statusBoard
}

// lanes are the channels between the pump and those who work for it.
type lanes struct {
	jobs    chan job
	results chan result
	asks    chan int
	fetched chan fetched
	todo    chan *chore
	done    chan *chore
	keep    chan []keeping
	poke    chan struct{}
	work    context.Context // of deliveries
	bus     context.Context // of words with the backlog
	cutWork context.CancelFunc
	cutBus  context.CancelFunc
}

// NewPump returns a pump that is yet to Run.
func NewPump(cfg PumpConfig) *Pump {
	cfg.Lanes = cmp.Or(max(cfg.Lanes, 0), 8)
	cfg.GiveUpAfter = cmp.Or(max(cfg.GiveUpAfter, 0), 72*time.Hour)
	cfg.Drain = cmp.Or(max(cfg.Drain, 0), 20*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("sink", cfg.Name)
	p := &Pump{
		cfg: cfg, read: reader(cfg.Sink), mostParked: mostParked, circuit: circuit{State: Closed}, limit: 1,
		calls: map[string]*call{}, held: map[uint64]*held{},
	}
	p.starter, _ = cfg.Sink.(Starter)
	p.poke = make(chan struct{}, 1)
	p.show()
	return p
}

// Run delivers until ctx is done, finishes what is under way, and gives back the rest. It returns an error only when the
// backlog is closed for good. It is called once.
func (p *Pump) Run(ctx context.Context) error {
	if !p.restore(ctx) {
		return nil
	}
	wait := p.open(ctx)
	tick, look := time.NewTicker(MessageWait/3), time.NewTicker(lookEvery)
	defer tick.Stop()
	defer look.Stop()
	p.look()
	told := ctx.Done()
	for !p.isOver() {
		p.advance(time.Now())
		select {
		case r := <-p.results:
			p.finishAll(r, time.Now())
		case f := <-p.fetched:
			p.take(f, time.Now())
		case c := <-p.done:
			p.written(c, time.Now())
		case <-p.timer.C:
			p.wake = time.Time{}
		case <-tick.C:
			p.keepHeld()
			p.ahead.rest()
			p.tell(time.Now())
		case <-look.C:
			p.look()
		case <-p.poke:
			p.look()
		case <-told:
			told = nil
			p.stop(nil)
		}
	}
	p.giveUpHeld()
	wait()
	p.show()
	return p.err
}

// open starts those who work for the pump, and returns what waits for their end.
func (p *Pump) open(ctx context.Context) (wait func()) {
	p.jobs, p.results = make(chan job, 2*p.cfg.Lanes), make(chan result, 2*p.cfg.Lanes)
	p.asks, p.fetched = make(chan int, 1), make(chan fetched, 1)
	p.todo, p.done, p.keep = make(chan *chore, 1), make(chan *chore, 1), make(chan []keeping)
	apart := context.WithoutCancel(ctx)
	p.work, p.cutWork = context.WithCancel(apart)
	p.bus, p.cutBus = context.WithCancel(apart)
	p.timer = time.NewTimer(0)

	var all sync.WaitGroup
	for range p.cfg.Lanes {
		all.Go(p.lane)
	}
	all.Go(func() { p.fetcher(ctx) })
	all.Go(p.clerk)
	all.Go(p.keeper)
	return func() {
		p.timer.Stop()
		p.cutWork()
		p.cutBus()
		close(p.jobs)
		close(p.asks)
		close(p.todo)
		close(p.keep)
		all.Wait()
	}
}

// isOver tells whether a pump that was stopped has nothing under way any more.
func (p *Pump) isOver() bool {
	return p.stopping && p.underWay == 0 && !p.fetching && !p.writing && (len(p.chores) == 0 || p.late)
}

// stop stops the pump, because of err if that is not nil.
func (p *Pump) stop(err error) {
	if p.err == nil {
		p.err = err
	}
	if !p.stopping {
		p.stopping = true
		p.cutAt = time.Now().Add(p.cfg.Drain)
	}
}

// advance does all that can be done now.
func (p *Pump) advance(now time.Time) {
	if p.stopping && !p.late && !now.Before(p.cutAt) {
		p.late = true
		p.cutWork()
		p.cutBus()
	}
	p.wakeUp(now)
	if p.circuit.State == Open && p.underWay == 0 && p.backing == 0 {
		p.circuit = p.circuit.due(now)
	}
	p.send()
	if p.circuit.State == Open || p.circuit.State == Disabled {
		p.giveBack(now)
	}
	p.save()
	p.write(now)
	p.ask(now)
	p.setTimer(now)
	p.show()
}

// wakeUp lets go on what has waited long enough.
func (p *Pump) wakeUp(now time.Time) {
	for len(p.waiting) > 0 && !p.waiting[0].due.After(now) {
		h := p.waiting[0]
		p.waiting = remove(p.waiting, h, byDue)
		h.phase = queued
		p.settle(h.call, now)
	}
}

// send hands to the lanes what they can take.
func (p *Pump) send() {
	if p.stopping || p.circuit.State == Open || p.circuit.State == Disabled {
		p.recall()
		return
	}
	switch p.circuit.State {
	case Half:
		if p.underWay == 0 && len(p.ready) > 0 {
			p.hand(p.probe())
		}
	case Closed:
		for p.underWay < p.limit+p.inLine() && len(p.ready) > 0 {
			p.hand(p.ready[0])
		}
	}
}

// inLine returns how many events are handed over before a lane is free, so that one that gets free goes on at once: none after
// trouble.
func (p *Pump) inLine() int {
	if p.limit < p.cfg.Lanes || len(p.streak.failed) > 0 {
		return 0
	}
	return p.cfg.Lanes
}

// probe chooses what is sent to see whether the endpoint is back.
func (p *Pump) probe() *held {
	best := p.ready[0]
	if !p.circuit.isOutage() {
		return best
	}
	for _, h := range p.ready {
		if byPatience(h, best) < 0 {
			best = h
		}
	}
	return best
}

func (p *Pump) hand(h *held) {
	p.ready = remove(p.ready, h, bySeq)
	h.phase, h.call.active = underWay, h
	p.underWay++
	p.handed++
	p.jobs <- job{held: h, msg: h.msg, number: p.handed, attempt: h.n + 1, note: !h.kept}
}

// recall has the lanes return what was handed over so far and is not begun.
func (p *Pump) recall() { p.recalled.Store(p.handed) }

// ask has the fetcher fetch what the lanes can soon take, and a little more: when the next events are of one call, or soon
// delivered, the lanes have others to go on with.
func (p *Pump) ask(now time.Time) {
	if p.starter != nil && !p.counted {
		return // else it is not known how much was stored before
	}
	if p.fetching || p.stopping || p.backing > 0 || p.still >= mostStill || now.Before(p.notBefore) {
		return
	}
	n := 0
	switch {
	case p.circuit.State == Closed:
		if n = p.ahead.ask(p.limit, len(p.held)-p.still); n > 0 {
			n = p.room(n, now)
		}
	case p.circuit.State == Half && p.underWay == 0 && len(p.ready) == 0:
		n = probeChoice
	}
	if n > 0 {
		p.fetching = true
		p.asks <- n
	}
}

// setTimer sets the timer to the next moment at which something can be done.
func (p *Pump) setTimer(now time.Time) {
	var next time.Time
	sooner := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if len(p.waiting) > 0 {
		sooner(p.waiting[0].due)
	}
	if p.circuit.State == Open {
		sooner(p.circuit.Until)
	}
	sooner(p.restTill)
	sooner(p.notBefore)
	sooner(p.cutAt)
	if !next.IsZero() && !next.Equal(p.wake) {
		p.wake = next
		p.timer.Reset(next.Sub(now))
	}
}
