package ingest

import (
	"context"
	"sync"
	"time"
)

// errand is something that a worker does again and again.
type errand struct {
	run func(ctx context.Context) time.Time // does it, and tells when it is to be done again at the latest
	due time.Time                           // zero while it is being done and nobody asked for it meanwhile
	out bool                                // it is being done
}

// hurry asks for e to be done now, or once more if it is being done.
func (e *errand) hurry(now time.Time) { e.due = now }

// errands are those of one worker. Each has a goroutine only while it is done: of ten thousand accounts nearly all rest, and
// what rests must not cost a stack. One goroutine alone uses errands.
type errands struct {
	all   []*errand
	alarm *time.Timer // when the next is due
	back  chan ran    // for returned
	out   sync.WaitGroup
}

// ran is an errand that was done, and when it is due again.
type ran struct {
	*errand
	next time.Time
}

func newErrands() *errands {
	return &errands{alarm: time.NewTimer(0), back: make(chan ran)}
}

// add returns an errand that is due now.
func (es *errands) add(run func(context.Context) time.Time) *errand {
	e := &errand{run: run, due: time.Now()}
	es.all = append(es.all, e)
	return e
}

// start sends out the errands that are due, and sets the alarm for the one that is next.
func (es *errands) start(ctx context.Context, now time.Time) {
	var next time.Time
	for _, e := range es.all {
		switch {
		case e.out:
		case !e.due.After(now):
			es.send(ctx, e)
		case next.IsZero() || e.due.Before(next):
			next = e.due
		}
	}
	es.alarm.Stop()
	if !next.IsZero() {
		es.alarm.Reset(next.Sub(now))
	}
}

func (es *errands) send(ctx context.Context, e *errand) {
	e.due, e.out = time.Time{}, true
	es.out.Go(func() {
		select {
		case es.back <- ran{e, e.run(ctx)}:
		case <-ctx.Done():
		}
	})
}

// returned notes that an errand was done.
func (es *errands) returned(r ran) {
	r.out = false
	if r.due.IsZero() || r.next.Before(r.due) {
		r.due = r.next
	}
}

// wait returns when none is being done any more. It stops the alarm.
func (es *errands) wait() {
	es.alarm.Stop()
	es.out.Wait()
}
