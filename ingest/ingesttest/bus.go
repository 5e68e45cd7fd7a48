package ingesttest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/schemas"
)

// Bus is an event bus in memory. The zero Bus is empty and works.
type Bus struct {
	mu       sync.Mutex
	stored   []events.Event
	subjects map[string]string // the id of the event stored last, by type, account and subject
	rows     map[string]ingest.Rejected
	seen     map[string]time.Time
	left     int // events until the bus is cut off, while cutting
	cutting  bool
}

var _ ingest.Bus = (*Bus)(nil)

// ErrCut is what a bus that was cut off answers, as if the process had been killed.
var ErrCut = fmt.Errorf("cut off: %w", ingest.ErrBusClosed)

// CutAfter lets n more events through and then cuts the bus off, in the middle of what is being published.
func (b *Bus) CutAfter(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cutting, b.left = true, n
}

// Mend makes a bus that was cut off work again.
func (b *Bus) Mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cutting = false
}

// Publish stores evs, each after its form was held to its schema.
func (b *Bus) Publish(ctx context.Context, evs ...events.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range evs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if b.cutting && b.left == 0 {
			return ErrCut
		}
		if err := b.store(e); err != nil {
			return err
		}
		b.left--
	}
	return nil
}

func (b *Bus) store(e events.Event) error {
	wire, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	if err := schemas.Validate(wire); err != nil {
		return fmt.Errorf("%s: %w\n%s", e.Type, err, wire)
	}
	back, err := events.Parse(wire)
	if err != nil {
		return err
	}
	if b.subjects == nil {
		b.subjects = map[string]string{}
	}
	subject := string(e.Type) + "." + e.Account + "." + e.Subject
	switch there, taken := b.subjects[subject]; {
	case taken && there == e.ID:
		return nil
	case taken && e.Type != events.CallAmended:
		return fmt.Errorf("%w: %s holds %s, not %s", ingest.ErrOvertaken, subject, there, e.ID)
	}
	b.subjects[subject] = e.ID
	b.stored = append(b.stored, back)
	return nil
}

// Quarantine keeps row.
func (b *Bus) Quarantine(_ context.Context, account, _ string, row ingest.Rejected, _ time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rows == nil {
		b.rows = map[string]ingest.Rejected{}
	}
	b.rows[events.Hash(account, string(row.Row))] = row
	return nil
}

// Events returns what is stored of account since then.
func (b *Bus) Events(_ context.Context, account string, since time.Time) iter.Seq2[events.Event, error] {
	return func(yield func(events.Event, error) bool) {
		for _, e := range b.Stored() {
			if e.Account == account && !e.RecordedTime.Before(since) && !yield(e, nil) {
				return
			}
		}
	}
}

// FirstSeen returns when account was first asked for.
func (b *Bus) FirstSeen(_ context.Context, account string, now time.Time) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen = map[string]time.Time{}
	}
	if b.seen[account].IsZero() {
		b.seen[account] = now
	}
	return b.seen[account], nil
}

// Stored returns every event so far, in the order in which they were stored.
func (b *Bus) Stored() []events.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.stored)
}

// Rejected returns the rows that were put aside.
func (b *Bus) Rejected() []ingest.Rejected {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rows []ingest.Rejected
	for _, r := range b.rows {
		rows = append(rows, r)
	}
	return rows
}

// IsCut tells whether err is that of a bus that was cut off.
func IsCut(err error) bool { return errors.Is(err, ErrCut) }
