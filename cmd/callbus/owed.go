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
	known, err := b.Sinks(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]*callbacksRules{}
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
	slices.SortStableFunc(all, func(a, b owed) int { return dueFirst(a.Callback, b.Callback) })
	return all, nil
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
	return whoIsOwed(ctx, d)
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

// shortIDs returns of each callback as much of its id as tells it from all the others: in order, those are its neighbours.
func shortIDs(all []owed) map[string]string {
	ids := make([]string, len(all))
	for i, o := range all {
		ids[i] = o.CallbackID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	short := make(map[string]string, len(ids))
	for i, id := range ids {
		n := idShown
		if i > 0 {
			n = max(n, shared(id, ids[i-1])+1)
		}
		if i+1 < len(ids) {
			n = max(n, shared(id, ids[i+1])+1)
		}
		short[id] = id[:min(n, len(id))]
	}
	return short
}

// shared is how many bytes two ids have in common from their beginning.
func shared(a, b string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
