package sinks

import (
	"context"
	"sync"
	"time"
)

// withTimeout does f, which has opTimeout.
func withTimeout(ctx context.Context, f func(context.Context) error) error {
	d := &deadline{Context: ctx}
	defer d.over()
	return f(d)
}

// A deadline is a context that ends opTimeout after somebody first asks when it ends. Most words with the backlog are said
// without waiting for an answer, so that nobody asks; a timer for each would cost more than the word.
type deadline struct {
	context.Context
	once   sync.Once
	timed  context.Context
	cancel context.CancelFunc
}

func (d *deadline) start() context.Context {
	d.once.Do(func() { d.timed, d.cancel = context.WithTimeout(d.Context, opTimeout) })
	return d.timed
}

func (d *deadline) Deadline() (time.Time, bool) { return d.start().Deadline() }
func (d *deadline) Done() <-chan struct{}       { return d.start().Done() }
func (d *deadline) Err() error                  { return d.start().Err() }

// over ends the context, if its time has begun.
func (d *deadline) over() {
	d.once.Do(func() { d.timed = d.Context })
	if d.cancel != nil {
		d.cancel()
	}
}
