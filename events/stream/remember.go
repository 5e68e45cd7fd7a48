package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Remember keeps a value under a name of [A-Za-z0-9_-], parts of it parted by dots: what no event says, such as how far a
// backfill has come. An empty value is forgotten.
func (b *Bus) Remember(ctx context.Context, name, value string) error {
	return retry(ctx, "remember "+name, func(ctx context.Context) error {
		if value == "" {
			return b.state.Purge(ctx, name)
		}
		_, err := b.state.PutString(ctx, name, value)
		return err
	})
}

// Remembered returns what was kept under a name, "" when there is nothing.
func (b *Bus) Remembered(ctx context.Context, name string) (string, error) {
	var value string
	err := retry(ctx, "look for "+name, func(ctx context.Context) error {
		entry, err := b.state.Get(ctx, name)
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound):
			return nil
		case errors.Is(err, jetstream.ErrInvalidKey):
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		case err == nil:
			value = string(entry.Value())
		}
		return err
	})
	return value, err
}
