package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// What is done with diaries beside the sinks that keep them.

// DiaryBeside returns the diary of a sink to somebody who is not that sink, and looks at its pages or changes one. It makes no
// stream, and publishes nothing: that is left to the sink. The error is [ErrNotFound] when no sink has ever kept a diary. It is
// to be closed, like any other.
func (b *Bus) DiaryBeside(ctx context.Context, sink string) (*Diary, error) {
	what := "open the diary of sink " + sink
	if !isToken(sink) {
		return nil, fmt.Errorf("%s: %w: its name is not of [A-Za-z0-9_-]", what, ErrInvalid)
	}
	missing := false
	err := retry(ctx, what, func(ctx context.Context) error {
		_, err := b.js.Stream(ctx, DiaryName)
		if missing = errors.Is(err, jetstream.ErrStreamNotFound); missing {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case missing:
		return nil, fmt.Errorf("%s: %w: there is no stream %s", what, ErrNotFound, DiaryName)
	}
	d, err := b.newDiary(ctx, sink, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return d, nil
}

// removeDiary deletes all that a sink keeps in its diary, but for pages that could not be read: those are for a person.
func (b *Bus) removeDiary(ctx context.Context, sink string) error {
	s, err := b.js.Stream(ctx, DiaryName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var all error
	for _, kind := range []string{diaryAlarm, diaryDue, diaryOut, diaryPage} {
		all = errors.Join(all, s.Purge(ctx, jetstream.WithPurgeSubject(kind+sink+".>")))
	}
	return all
}
