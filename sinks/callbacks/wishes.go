package callbacks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// What a person wishes of the obligations. It is kept in the diary, and told by the sink, in whichever process that is.

// ErrNotOpen is wrapped by the error of a wish about a callback that is not open.
var ErrNotOpen = errors.New("the callback is not open any more")

// Open returns the obligations that are open; those that fall due first come first.
func Open(ctx context.Context, d sinks.Diary) ([]events.Callback, error) {
	var all []events.Callback
	for p, err := range d.Pages(ctx) {
		if err != nil {
			return nil, err
		}
		if c, err := parseCaller(p.Text); err == nil { // the sink says aloud what cannot be read
			all = append(all, c.open()...)
		}
	}
	slices.SortFunc(all, DueFirst)
	return all, nil
}

// DueFirst orders what is owed by when people are reminded of it; what they are not reminded of any more comes last.
func DueFirst(a, b events.Callback) int {
	switch {
	case a.DueAt == nil && b.DueAt == nil:
		return a.FirstMissedAt.Compare(b.FirstMissedAt)
	case a.DueAt == nil:
		return 1
	case b.DueAt == nil:
		return -1
	}
	return a.DueAt.Compare(*b.DueAt)
}

// open returns what is known of the cases that are open.
func (c Caller) open() (all []events.Callback) {
	t := &teller{Caller: c}
	for i := range t.Cases {
		all = append(all, t.data(&t.Cases[i]))
	}
	return all
}

// MarkDone keeps that a person has seen to a callback.
func MarkDone(ctx context.Context, d sinks.Diary, k events.Callback, now time.Time) error {
	return wish(ctx, d, k, now, func(c Caller) (Caller, bool) { return c.Done(k.CallbackID, now) })
}

// PutOff keeps that a person wants to be reminded of a callback no sooner than until.
func PutOff(ctx context.Context, d sinks.Diary, k events.Callback, until, now time.Time) error {
	return wish(ctx, d, k, now, func(c Caller) (Caller, bool) { return c.Snooze(k.CallbackID, until) })
}

// wish keeps a wish, and has the sink look at the page at once.
func wish(ctx context.Context, d sinks.Diary, k events.Callback, now time.Time, f func(Caller) (Caller, bool)) error {
	for {
		err := wishOnce(ctx, d, k, now, f)
		if !errors.Is(err, sinks.ErrStale) || ctx.Err() != nil {
			return err
		}
	}
}

func wishOnce(ctx context.Context, d sinks.Diary, k events.Callback, now time.Time, f func(Caller) (Caller, bool)) error {
	p, err := d.Page(ctx, Key(k.Account, k.ExternalNumber))
	if err != nil {
		return err
	}
	c := Caller{}
	if p.Text != nil {
		if c, err = parseCaller(p.Text); err != nil {
			return err
		}
	}
	c, is := f(c)
	if !is {
		return fmt.Errorf("%w: %s", ErrNotOpen, k.CallbackID)
	}
	c.Wake = now.UTC()
	p.Text = c.text()
	return d.Write(ctx, sinks.Entry{Page: p, Wake: c.Wake})
}
