package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

// owed is a call back that is owed to somebody, and what is known of the sink that keeps it.
type owed struct {
	events.Callback
	sink  string
	rules *callbacksRules // as the sink was last run; nil if that is not known
}

// reminderKey is under which a sink keeps its settings: a command has others, or none.
const reminderKey = "callbacks"

func keepReminderSettings(ctx context.Context, b *stream.Bus, sink string, c callbacksConfig) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("keep the settings of sink %s: %w", sink, err)
	}
	return b.SetSinkState(ctx, sink, reminderKey, text)
}

// reminderRules reads what keepReminderSettings kept; nil where it cannot: then less can be said of what is owed.
func reminderRules(sink string, text []byte) *callbacksRules {
	var c callbacksConfig
	if json.Unmarshal(text, &c) != nil || c.Validate() != nil {
		return nil
	}
	r, err := c.Rules(sink)
	if err != nil {
		return nil
	}
	return &r
}

// reminderSinks returns the sinks that keep callbacks, by name, whether they run or not.
func reminderSinks(ctx context.Context, b *stream.Bus) (map[string]*callbacksRules, error) {
	all := map[string]*callbacksRules{}
	withPages, err := b.DiarySinks(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range withPages {
		all[name] = nil
	}
	known, err := b.Sinks(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range known {
		if text, ok := s.State[reminderKey]; ok {
			all[s.Name] = reminderRules(s.Name, text)
		}
	}
	return all, nil
}

// openCallbacksOf returns what is owed by one sink, or by all, and what is due first comes first.
func openCallbacksOf(ctx context.Context, b *stream.Bus, sink string) ([]owed, error) {
	known, err := reminderSinks(ctx, b)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(known))
	if sink != "" {
		if !slices.Contains(names, sink) {
			return nil, noReminderSink(sink, names)
		}
		names = []string{sink}
	}
	var all []owed
	for _, name := range names {
		one, err := openCallbacksOfOne(ctx, b, name)
		if err != nil {
			return nil, err
		}
		for _, c := range one {
			all = append(all, owed{c, name, known[name]})
		}
	}
	slices.SortStableFunc(all, dueFirst)
	return all, nil
}

// dueFirst puts those last of whom nobody is reminded any more.
func dueFirst(a, b owed) int {
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

func openCallbacksOfOne(ctx context.Context, b *stream.Bus, sink string) ([]events.Callback, error) {
	d, err := b.DiaryBeside(ctx, sink)
	if errors.Is(err, stream.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return whoIsOwed(ctx, d, "")
}

func noReminderSink(sink string, names []string) error {
	try := "There is none: a sink of kind callbacks is known once callbus run has started with it"
	if near := nearest(sink, names); near != "" {
		try = "Did you mean: --sink " + near + "?"
	} else if len(names) > 0 {
		try = "There are: " + strings.Join(names, ", ")
	}
	return errors.New("there is no sink " + quote(sink) + " that keeps callbacks\n" + try)
}

// expires returns when it is too late to call back; zero if that is not known.
func (o owed) expires() time.Time {
	if o.rules == nil {
		return time.Time{}
	}
	return o.LastMissedAt.Add(o.rules.MaxAge)
}

// shortIDs returns of each callback as much of its id as tells it from all the others.
func shortIDs(all []owed) map[string]string {
	short := map[string]string{}
	for _, o := range all {
		n := idShown
		for _, other := range all {
			for other.CallbackID != o.CallbackID && n < len(o.CallbackID) && strings.HasPrefix(other.CallbackID, o.CallbackID[:n]) {
				n++
			}
		}
		short[o.CallbackID] = o.CallbackID[:min(n, len(o.CallbackID))]
	}
	return short
}
