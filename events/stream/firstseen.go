package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// FirstSeen returns the moment at which the account was first seen: now, if it never was. Of several that ask at once the
// first one's now is the answer to all. It waits for a server that is away until ctx is done.
func (b *Bus) FirstSeen(ctx context.Context, account string, now time.Time) (time.Time, error) {
	what := "find out when " + account + " was first seen"
	if !isToken(account) {
		return time.Time{}, fmt.Errorf("%s: %w: account %q is not of [A-Za-z0-9_-]", what, ErrInvalid, account)
	}
	key := "first-seen." + account
	var seen string
	err := retry(ctx, what, func(ctx context.Context) error {
		text := now.UTC().Format(time.RFC3339Nano)
		_, err := b.state.Create(ctx, key, []byte(text))
		if err == nil {
			seen = text
			return nil
		}
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return err
		}
		entry, err := b.state.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return errNotYetHere
		}
		if err == nil {
			seen = string(entry.Value())
		}
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, seen)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: the bucket %s holds %q: %w", what, StateBucket, seen, err)
	}
	return t, nil
}

// errNotYetHere says that the replica which was asked lags behind the one that refused to create the key.
var errNotYetHere = errors.New("the key is not on this replica yet")
