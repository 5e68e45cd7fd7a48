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
	open     *events.Gap // published as opened, nil while there is none
}

// observe takes in a failure: it is no information about any call, only about how much callbus sees.
func (f Failure) observe(t *Tracker) []events.Event {
	t.advance(f.At)
	g := t.gap(f.List)
	if g.failures++; g.failures == 1 {
		g.reason = f.Reason
	}
	if g.open != nil || f.At.Sub(g.read) <= gapPolls*t.poll(f.List) {
		return nil
	}
	from := *at(g.read)
	g.open = &events.Gap{
		GapID:   events.Hash("gap", t.cfg.Account, string(f.List), from.Format(time.RFC3339Nano)),
		Account: t.cfg.Account, Provider: t.cfg.Provider,
		List: f.List, From: from, Reason: g.reason, Failures: g.failures,
	}
	return []events.Event{t.gapEvent(events.GapOpened, *g.open, from, f.At)}
}

// closeGap notes that list was read, and publishes the end of its gap if it had one.
func (t *Tracker) closeGap(out []events.Event, list events.List, read time.Time) []events.Event {
	g := t.gap(list)
	if !read.After(g.read) {
		return out // a reply that came late says nothing of now
	}
	if g.open != nil {
		closed := *g.open
		closed.To, closed.Failures = at(read), max(g.failures, closed.Failures)
		out = append(out, t.gapEvent(events.GapClosed, closed, *closed.To, read))
	}
	g.read, g.failures, g.open = read, 0, nil
	return out
}

func (t *Tracker) gapEvent(typ events.Type, g events.Gap, happened, at time.Time) events.Event {
	e := events.Event{
		ID:   events.ID(t.cfg.Account, g.GapID, typ, 1),
		Type: typ, Account: t.cfg.Account, Provider: t.cfg.Provider, Subject: g.GapID,
		Time: happened, RecordedTime: at.UTC().Truncate(time.Millisecond), CorrelationID: g.GapID, Data: g,
	}
	if typ == events.GapClosed {
		e.CausationID = events.ID(t.cfg.Account, g.GapID, events.GapOpened, 1)
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
