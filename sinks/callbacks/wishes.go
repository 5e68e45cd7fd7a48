package callbacks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// What a person wishes of the obligations. It is kept in the diary, and told by the sink, in whichever process that is.

// ErrNoCase is wrapped by the error of a wish about a callback that is not open.
var ErrNoCase = errors.New("no such callback is open")

// ErrAmbiguous is wrapped by the error of a wish whose id is the beginning of several.
var ErrAmbiguous = errors.New("several callbacks begin so")

// Open returns the obligations that are open, of one account or of all; those that fall due first come first.
func Open(ctx context.Context, d sinks.Diary, account string) ([]events.Callback, error) {
	var all []events.Callback
	for p, err := range d.Pages(ctx) {
		if err != nil {
			return nil, err
		}
		c, err := parseCaller(p.Text)
		if err != nil || account != "" && c.Account != account {
			continue // the sink says aloud what cannot be read
		}
		all = append(all, c.open()...)
	}
	slices.SortFunc(all, byDue)
	return all, nil
}

func byDue(a, b events.Callback) int {
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

// MarkDone keeps that a person has seen to a callback, given by its id or the beginning of it.
func MarkDone(ctx context.Context, d sinks.Diary, id string, now time.Time) (events.Callback, error) {
	return wish(ctx, d, id, now, func(c Caller, id string) (Caller, bool) { return c.Done(id, now) })
}

// PutOff keeps that a person wants to be reminded of a callback no sooner than until.
func PutOff(ctx context.Context, d sinks.Diary, id string, until, now time.Time) (events.Callback, error) {
	return wish(ctx, d, id, now, func(c Caller, id string) (Caller, bool) { return c.Snooze(id, until) })
}

// wish keeps a wish, and has the sink look at the page at once.
func wish(ctx context.Context, d sinks.Diary, id string, now time.Time, f func(Caller, string) (Caller, bool)) (events.Callback, error) {
	for {
		p, c, k, err := find(ctx, d, id)
		if err != nil {
			return k, err
		}
		c, _ = f(c, k.CallbackID)
		c.Wake = now.UTC()
		p.Text = c.text()
		err = d.Write(ctx, sinks.Entry{Page: p, Wake: c.Wake})
		if !errors.Is(err, sinks.ErrStale) || ctx.Err() != nil {
			return k, err
		}
	}
}

// find returns the page, and what it says of the callback whose id begins with id.
func find(ctx context.Context, d sinks.Diary, id string) (page sinks.Page, caller Caller, found events.Callback, err error) {
	n := 0
	for p, err := range d.Pages(ctx) {
		if err != nil {
			return page, caller, found, err
		}
		c, err := parseCaller(p.Text)
		if err != nil {
			continue
		}
		for _, k := range c.open() {
			if id != "" && strings.HasPrefix(k.CallbackID, id) {
				page, caller, found, n = p, c, k, n+1
			}
		}
	}
	switch n {
	case 1:
		return page, caller, found, nil
	case 0:
		return page, caller, found, fmt.Errorf("%w: %q; callbus callbacks list shows those that are", ErrNoCase, id)
	}
	return page, caller, found, fmt.Errorf("%w as %q: give more of its id", ErrAmbiguous, id)
}
