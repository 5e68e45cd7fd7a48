package ingest

import (
	"time"

	"github.com/callbus/callbus/events"
)

// Failure is an attempt to read one of the account's lists that gave nothing.
type Failure struct {
	List   events.List
	At     time.Time
	Reason events.GapReason
}

// gapPolls is how many polls' time an account may stay unread before its silence is said aloud.
const gapPolls = 3

// gap is what is known of the reading of one list.
type gap struct {
	read     time.Time // the last time it was read
	failures int       // since then
	reason   events.GapReason
	open     []events.Gap // published as opened: at most one by each process that read the list
}

// observe takes in a failure: it is no information about any call, only about how much callbus sees.
func (f Failure) observe(t *Tracker) []events.Event {
	t.advance(f.At)
	g := t.gap(f.List)
	if g.failures++; g.failures == 1 {
		g.reason = f.Reason
	}
	if len(g.open) > 0 || f.At.Sub(g.read) <= gapPolls*t.poll(f.List) {
		return nil
	}
	from := *at(g.read)
	opened := events.Gap{
		GapID:   events.Hash("gap", t.cfg.Account, string(f.List), from.Format(time.RFC3339Nano)),
		Account: t.cfg.Account, Provider: t.cfg.Provider,
		List: f.List, From: from, Reason: g.reason, Failures: g.failures,
	}
	g.open = []events.Gap{opened}
	return []events.Event{gapEvent(events.GapOpened, opened, from, f.At)}
}

// Lapsed returns the event that ends the term of a process that watched the account, was last heard of at from, and is lost. It
// opens a gap, which the process after it closes when it reads the list; and it takes a place in the stream that depends on the
// term alone, by which what the lost process still publishes, should it come back, can be refused.
func Lapsed(account, provider, term string, from, at time.Time) events.Event {
	from = from.UTC().Truncate(time.Millisecond)
	return gapEvent(events.GapOpened, events.Gap{
		GapID: events.Hash("term", account, term), Account: account, Provider: provider,
		List: events.ActiveCalls, From: from, Reason: events.GapUnwatched,
	}, from, at)
}

// closeGap notes that list was read, and publishes the end of its gap if it had one.
func (t *Tracker) closeGap(out []events.Event, list events.List, read time.Time) []events.Event {
	g := t.gap(list)
	if !read.After(g.read) {
		return out // a reply that came late says nothing of now
	}
	for _, closed := range g.open {
		closed.To, closed.Failures = at(read), max(g.failures, closed.Failures)
		out = append(out, gapEvent(events.GapClosed, closed, *closed.To, read))
	}
	g.read, g.failures, g.open = read, 0, nil
	return out
}

func gapEvent(typ events.Type, g events.Gap, happened, at time.Time) events.Event {
	e := events.Event{
		ID:   events.ID(g.Account, g.GapID, typ, 1),
		Type: typ, Account: g.Account, Provider: g.Provider, Subject: g.GapID,
		Time: happened, RecordedTime: at.UTC().Truncate(time.Millisecond), CorrelationID: g.GapID, Data: g,
	}
	if typ == events.GapClosed {
		e.CausationID = events.ID(g.Account, g.GapID, events.GapOpened, 1)
	}
	return e
}

func (t *Tracker) gap(list events.List) *gap {
	if t.gaps[list] == nil {
		t.gaps[list] = &gap{read: t.cfg.Since}
	}
	return t.gaps[list]
}

func (t *Tracker) poll(list events.List) time.Duration {
	if list == events.CDRs {
		return t.cfg.Settings.PollCDR
	}
	return t.cfg.Settings.PollActive
}
