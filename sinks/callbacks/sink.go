package callbacks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// Options are what a sink works with.
type Options struct {
	Diary sinks.Diary
	// Past returns what is stored of all accounts since a time, in the order of the stream, but for what cannot be read. It is
	// asked when a page of the diary cannot be.
	Past func(ctx context.Context, since time.Time) iter.Seq2[events.Event, error]
	// Told is told of each event once it is stored, by several goroutines; nil for nobody.
	Told func(events.Event)
	Log  *slog.Logger // nil for none

	reviewEvery time.Duration // 0: the constant of that name
}

// A Sink keeps the obligations. See the comment of the package.
type Sink struct {
	rules Rules
	Options

	turns   [256]sync.Mutex // whose turn it is with a page, by its key
	wakes   *wakes
	board   *board
	due     chan look
	ready   chan struct{} // closed when what was stored before is taken in
	once    sync.Once
	ctx     context.Context
	end     context.CancelFunc
	working sync.WaitGroup
	ignored map[Ignored]*atomic.Uint64
}

var (
	_ sinks.Sink    = (*Sink)(nil)
	_ sinks.Starter = (*Sink)(nil)
)

const (
	// reviewEvery is how often all pages are looked at, besides the alarms.
	reviewEvery = time.Hour
	// atOnce is how many pages are looked at at once when many are due: their changes are stored together.
	atOnce = 256
	// alarmAfter is how much later than a page is due its alarm goes off: by then this process has looked at it, and has set
	// the next one. It goes off when the process is gone, or stands still, and another one listens.
	alarmAfter = 10 * time.Second
	// shortestRest and longestRest are the pauses before something is tried again that the bus did not take.
	shortestRest = 50 * time.Millisecond
	longestRest  = 15 * time.Second
)

// New returns a sink that is at work until Close. The Config must be valid.
func New(name string, c Config, o Options) (*Sink, error) {
	rules, err := c.Rules(name)
	if err != nil {
		return nil, fmt.Errorf("open sink %s: %w", name, err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sink{rules: rules, Options: o, wakes: newWakes(), board: newBoard(), due: make(chan look), ready: make(chan struct{}), ignored: map[Ignored]*atomic.Uint64{}}
	for _, why := range []Ignored{Withheld, Internal, Backfilled} {
		s.ignored[why] = new(atomic.Uint64)
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	alarms := o.Diary.Alarms(s.ctx) // before the first review, so that none is lost between the two
	for range atOnce {
		s.working.Go(s.look)
	}
	s.working.Go(func() { s.listen(alarms) })
	s.working.Go(s.reviews)
	s.working.Go(s.wake)
	return s, nil
}

// Close ends the work of the sink. What is due meanwhile is told by the next one.
func (s *Sink) Close() error {
	s.end()
	s.working.Wait()
	return nil
}

// Ignored returns how many missed calls obliged nobody, and why.
func (s *Sink) Ignored() map[Ignored]uint64 {
	n := map[Ignored]uint64{}
	for why, count := range s.ignored {
		n[why] = count.Load()
	}
	return n
}

// Deliver takes in what an event says of a call. When it returns nil, that is kept, and what is to be told of it is told.
func (s *Sink) Deliver(ctx context.Context, d sinks.Delivery) error {
	f, matters, why := factOf(d.Event)
	if why != "" && d.Event.Type == events.CallMissed && d.Attempt == 1 {
		s.ignored[why].Add(1)
	}
	if !matters {
		return nil
	}
	l := look{Alarm: sinks.Alarm{Key: Key(f.Account, f.Number)}}
	err := s.change(ctx, l, func(c Caller) Caller { return c.Learn(f) })
	if err != nil {
		return &sinks.Error{Fault: sinks.Passing, Err: fmt.Errorf("keep what is owed to a caller: %w", err)}
	}
	return nil
}

// A look at a page, at a time or later, because its alarm rang or not.
type look struct {
	sinks.Alarm
	rang bool
}

// change makes of a page what f says, and of that what has become of it by now. It goes on until that is written, or there is
// nothing to write.
func (s *Sink) change(ctx context.Context, l look, f func(Caller) Caller) error {
	turn := s.turn(l.Key)
	turn.Lock()
	defer turn.Unlock()
	for {
		err := s.changeOnce(ctx, l, f)
		if !errors.Is(err, sinks.ErrStale) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Sink) turn(key string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // it cannot fail
	return &s.turns[h.Sum32()%uint32(len(s.turns))]
}

func (s *Sink) changeOnce(ctx context.Context, l look, f func(Caller) Caller) error {
	p, err := s.Diary.Page(ctx, l.Key)
	if err != nil {
		return err
	}
	c, aside, err := s.read(ctx, p)
	if err != nil {
		return err
	}
	set := c.Wake                 // an alarm that is set goes off
	if c = f(c); c.Number == "" { // an alarm of a page that is no longer there
		return nil
	}
	c, told := c.Advance(later(time.Now().UTC(), l.At), s.rules) // the server's clock may be ahead
	e := sinks.Entry{Page: p, Aside: aside, Keep: c.forgetAfter(s.rules), Events: told}
	// One that is set is set, and the write is cheaper without; but see sinks.Diary of what an alarm that rings may destroy.
	if !c.Wake.IsZero() && (l.rang || aside != nil || !c.Wake.Equal(set)) {
		e.Wake = c.Wake.Add(alarmAfter)
	}
	if e.Text = c.text(); aside != nil || !e.Wake.IsZero() || !bytes.Equal(e.Text, p.Text) {
		err = s.Diary.Write(ctx, e)
	}
	if err == nil {
		s.wakes.set(sinks.Alarm{Key: l.Key, At: c.Wake})
		s.board.set(l.Key, c.standing())
		s.tell(told)
	}
	return err
}

func (s *Sink) tell(told []events.Event) {
	for i := range told {
		if s.Told != nil {
			s.Told(told[i])
		}
	}
}

// read returns the caller that a page holds. One that cannot be read is worked out anew, and put aside.
func (s *Sink) read(ctx context.Context, p sinks.Page) (c Caller, aside []byte, err error) {
	if p.Text == nil {
		return Caller{}, nil, nil
	}
	c, err = parseCaller(p.Text)
	if err == nil {
		return c, nil, nil
	}
	s.Log.Error("what is owed to a caller cannot be read; it is put aside, and worked out anew from the stream", "page", p.Key, "error", err)
	c, err = s.rebuild(ctx, p.Key)
	return c, p.Text, err
}

// rebuild works out from the stream what a page held: the calls, and what was told of them in its time. That was published with
// the page, and is not told again.
func (s *Sink) rebuild(ctx context.Context, key string) (c Caller, err error) {
	for e, err := range s.Past(ctx, time.Now().Add(-s.rules.horizon())) {
		if err != nil {
			return Caller{}, fmt.Errorf("work out anew what is owed to a caller: %w", err)
		}
		c = c.relive(e, key, s.rules)
	}
	return c, nil
}

// relive returns c after an event of the past, if that is about it.
func (c Caller) relive(e events.Event, key string, r Rules) Caller {
	if d, ok := e.Callback(); ok && e.Type == events.CallbackCompleted && *d.Resolution == events.ResolutionManual {
		c, _ = c.Done(e.Subject, e.Time)
	}
	for !c.Wake.IsZero() && c.Wake.Before(e.RecordedTime) {
		c, _ = c.Advance(c.Wake, r)
	}
	if f, matters, _ := factOf(e); matters && Key(f.Account, f.Number) == key {
		c, _ = c.Learn(f).Advance(e.RecordedTime, r)
	}
	return c
}

// patience is how long what is due waits for what was stored before.
const patience = time.Minute

// CaughtUp is [sinks.Starter.CaughtUp]: until then, or for a minute, nothing is told but what comes of calls: that a caller was
// rung back may be among what is still to be taken in.
func (s *Sink) CaughtUp() { s.once.Do(func() { close(s.ready) }) }

func (s *Sink) awaitReady() {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-s.ready:
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// wake hands on what is due, when it is.
func (s *Sink) wake() {
	s.awaitReady()
	t := time.NewTimer(0)
	defer t.Stop()
	for s.ctx.Err() == nil {
		a, is, next := s.wakes.due(time.Now())
		if is {
			s.hand(look{Alarm: a})
			continue
		}
		if !next.IsZero() {
			t.Reset(time.Until(next))
		}
		select {
		case <-t.C:
		case <-s.wakes.changed:
		case <-s.ctx.Done():
		}
	}
}

// listen hands on what alarms go off.
func (s *Sink) listen(alarms iter.Seq2[sinks.Alarm, error]) {
	s.awaitReady()
	for a, err := range alarms {
		if err != nil {
			s.Log.Error("reminders fall due at the next review only; restart callbus", "sink", s.rules.Sink, "error", err)
			return
		}
		s.hand(look{a, true})
	}
}

func (s *Sink) hand(l look) {
	select {
	case s.due <- l:
	case <-s.ctx.Done():
	}
}

// look looks at pages until the sink is closed.
func (s *Sink) look() {
	for {
		select {
		case l := <-s.due:
			s.insist(l)
		case <-s.ctx.Done():
			return
		}
	}
}

// insist sees to a page until that succeeds, or the sink is closed.
func (s *Sink) insist(l look) {
	for rest := shortestRest; s.ctx.Err() == nil; rest = min(2*rest, longestRest) {
		err := s.change(s.ctx, l, func(c Caller) Caller { return c })
		if err == nil || s.ctx.Err() != nil {
			return
		}
		s.Log.Warn("a reminder waits for the bus", "sink", s.rules.Sink, "error", err)
		t := time.NewTimer(rest)
		select {
		case <-t.C:
		case <-s.ctx.Done():
			t.Stop()
		}
	}
}

// reviews looks at all pages now and then: for what was due while nobody was there, and for rules that were changed.
func (s *Sink) reviews() {
	t := time.NewTicker(cmp.Or(s.reviewEvery, reviewEvery))
	defer t.Stop()
	for {
		s.review()
		select {
		case <-t.C:
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Sink) review() {
	s.board.begin()
	for p, err := range s.Diary.Pages(s.ctx) {
		if err != nil {
			s.board.end(false)
			if s.ctx.Err() == nil {
				s.Log.Warn("the obligations could not be reviewed", "sink", s.rules.Sink, "error", err)
			}
			return
		}
		s.wakes.found(s.lookAt(p))
	}
	s.board.end(s.ctx.Err() == nil)
}

// lookAt returns when a page is to be looked at: at once, when it cannot be read, or was worked out by other rules.
func (s *Sink) lookAt(p sinks.Page) sinks.Alarm {
	c, err := parseCaller(p.Text)
	s.board.found(p.Key, c.standing())
	at := c.Wake
	if err != nil || !at.IsZero() && c.Rules != s.rules.Key() {
		at = time.Now()
	}
	return sinks.Alarm{Key: p.Key, At: at}
}
