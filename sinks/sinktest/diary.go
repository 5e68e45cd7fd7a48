package sinktest

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// The ops of a Diary, for Faulty.
const (
	ReadPage  Op = "read page"
	WritePage Op = "write page"
	ReadPages Op = "read all pages"
)

// Diary is a diary in memory, as one process sees it. It keeps the rules of [sinks.Diary].
type Diary struct {
	*diaryStore
	killed chan struct{}
	once   *sync.Once
}

// diaryStore is what all processes see.
type diaryStore struct {
	mu       sync.Mutex
	changed  chan struct{}
	revision uint64
	pages    map[string]keptPage
	alarms   map[string]time.Time
	soonest  time.Time     // of alarms; zero: none
	gone     []sinks.Alarm // off
	out      []events.Event
	ids      map[string]bool
	repeats  int
	aside    [][]byte
	fault    func(op Op) Fault
}

type keptPage struct {
	sinks.Page
	until time.Time // zero: for ever
}

var _ sinks.Diary = (*Diary)(nil)

// NewDiary returns an empty diary.
func NewDiary() *Diary {
	s := &diaryStore{changed: make(chan struct{}), pages: map[string]keptPage{}, alarms: map[string]time.Time{}, ids: map[string]bool{}}
	return s.process()
}

func (s *diaryStore) process() *Diary {
	return &Diary{diaryStore: s, killed: make(chan struct{}), once: new(sync.Once)}
}

// Faulty has f say what goes wrong with each op. f may call Kill.
func (d *Diary) Faulty(f func(op Op) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// Kill cuts this process off, at once: what it says from now on is not heard.
func (d *Diary) Kill() { d.once.Do(func() { close(d.killed) }) }

// Killed is closed by Kill.
func (d *Diary) Killed() <-chan struct{} { return d.killed }

// Reopen returns the diary as another process sees it.
func (d *Diary) Reopen() *Diary { return d.process() }

// Published returns the events, in their order.
func (d *Diary) Published() []events.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.out)
}

// Repeats returns how many events were written again. They are published once all the same.
func (d *Diary) Repeats() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.repeats
}

// Aside returns what was put aside.
func (d *Diary) Aside() [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.aside)
}

// Spoil replaces the text of every page.
func (d *Diary) Spoil(text []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, p := range d.pages {
		p.Text = text
		d.pages[key] = p
	}
}

func (d *Diary) begin(op Op) (do bool, err error) {
	d.mu.Lock()
	fault := d.fault
	d.mu.Unlock()
	what := None
	if fault != nil {
		what = fault(op)
	}
	select {
	case <-d.killed:
		return false, ErrKilled
	default:
	}
	switch what {
	case Refused:
		return false, fmt.Errorf("%s: %w", op, ErrFault)
	case Unheard, Lost:
		return true, fmt.Errorf("%s: %w", op, ErrFault)
	}
	return true, nil
}

// Page implements sinks.Diary.
func (d *Diary) Page(_ context.Context, key string) (sinks.Page, error) {
	if _, err := d.begin(ReadPage); err != nil {
		return sinks.Page{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.page(key)
	p.Key = key
	return p, nil
}

func (s *diaryStore) page(key string) sinks.Page {
	p := s.pages[key]
	if !p.until.IsZero() && !p.until.After(time.Now()) {
		delete(s.pages, key)
		return sinks.Page{}
	}
	return p.Page
}

// Write implements sinks.Diary.
func (d *Diary) Write(_ context.Context, e sinks.Entry) error {
	do, err := d.begin(WritePage)
	if !do {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.page(e.Key).Revision != e.Revision {
		return fmt.Errorf("write page %s: %w", e.Key, sinks.ErrStale)
	}
	d.put(e)
	return err
}

func (s *diaryStore) put(e sinks.Entry) {
	s.revision++
	p := keptPage{Page: sinks.Page{Key: e.Key, Text: slices.Clone(e.Text), Revision: s.revision}}
	if e.Keep > 0 {
		p.until = time.Now().Add(e.Keep)
	}
	s.pages[e.Key] = p
	if !e.Wake.IsZero() {
		s.alarms[e.Key] = e.Wake
		if s.soonest.IsZero() || e.Wake.Before(s.soonest) {
			s.soonest = e.Wake
		}
	}
	if e.Aside != nil {
		s.aside = append(s.aside, e.Aside)
	}
	for _, ev := range e.Events {
		if s.ids[ev.ID] {
			s.repeats++
			continue
		}
		s.ids[ev.ID] = true
		s.out = append(s.out, ev)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Pages implements sinks.Diary.
func (d *Diary) Pages(context.Context) iter.Seq2[sinks.Page, error] {
	return func(yield func(sinks.Page, error) bool) {
		if _, err := d.begin(ReadPages); err != nil {
			yield(sinks.Page{}, err)
			return
		}
		d.mu.Lock()
		var all []sinks.Page
		for _, key := range slices.Sorted(maps.Keys(d.pages)) {
			if p := d.page(key); p.Revision > 0 {
				all = append(all, p)
			}
		}
		d.mu.Unlock()
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// Alarms implements sinks.Diary.
func (d *Diary) Alarms(ctx context.Context) iter.Seq2[sinks.Alarm, error] {
	d.mu.Lock()
	next := len(d.gone)
	d.mu.Unlock()
	return func(yield func(sinks.Alarm, error) bool) {
		for ctx.Err() == nil {
			all, soonest, changed := d.ring(next)
			next += len(all)
			for _, a := range all {
				if !yield(a, nil) {
					return
				}
			}
			if len(all) == 0 && !d.wait(ctx, soonest, changed) {
				return
			}
		}
	}
}

// ring lets the alarms go off whose time has come, and returns those from the n-th on.
func (s *diaryStore) ring(n int) (all []sinks.Alarm, soonest time.Time, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); !s.soonest.IsZero() && !s.soonest.After(now) {
		s.goOff(now)
	}
	return slices.Clone(s.gone[n:]), s.soonest, s.changed
}

func (s *diaryStore) goOff(now time.Time) {
	s.soonest = time.Time{}
	for _, key := range slices.Sorted(maps.Keys(s.alarms)) {
		at := s.alarms[key]
		switch {
		case !at.After(now):
			s.gone = append(s.gone, sinks.Alarm{Key: key, At: at})
			delete(s.alarms, key)
		case s.soonest.IsZero() || at.Before(s.soonest):
			s.soonest = at
		}
	}
}

func (d *Diary) wait(ctx context.Context, until time.Time, changed <-chan struct{}) (alive bool) {
	var later <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		later = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-d.killed:
		return false
	case <-changed:
	case <-later:
	}
	return true
}
