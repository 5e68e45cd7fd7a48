package callbacks

import (
	"slices"
	"strconv"
	"time"

	"github.com/callbus/callbus/events"
)

// Advance returns what has become of c by now, and the events that tell of it: at a call that was learned, at a person's word,
// and at c.Wake. It may be called as often as one likes.
func (c Caller) Advance(now time.Time, r Rules) (Caller, []events.Event) {
	t := &teller{Caller: c.clone(), now: now.UTC(), rules: r}
	t.Rules, t.Wake = r.Key(), time.Time{}
	t.prune()
	for _, id := range t.caseIDs() {
		t.end(id)
	}
	t.gather()
	for _, id := range t.caseIDs() {
		t.goOn(t.of(id))
	}
	return t.Caller, t.told
}

// A teller is an Advance under way.
type teller struct {
	Caller
	now   time.Time
	rules Rules
	told  []events.Event
}

// wakeAt has the caller looked at again at the latest then.
func (t *teller) wakeAt(at time.Time) {
	if !at.IsZero() && (t.Wake.IsZero() || at.Before(t.Wake)) {
		t.Wake = at
	}
}

func (t *teller) caseIDs() (ids []string) {
	for _, k := range t.Cases {
		ids = append(ids, k.ID)
	}
	return ids
}

// of returns the open case. It is good until a case is opened or ended.
func (t *teller) of(id string) *Case {
	i := slices.IndexFunc(t.Cases, func(k Case) bool { return k.ID == id })
	return &t.Cases[i]
}

// end ends a case if its time has come: its calls were not missed after all, somebody spoke with the caller, or it is too late.
func (t *teller) end(id string) {
	k, members := t.of(id), t.members(id)
	if len(members) == 0 {
		t.over(k, events.StatusCancelled, time.Time{})
		return
	}
	if a, ok := t.answered(members[0], k); ok {
		t.complete(k, a)
		return
	}
	if last := lastMissed(members); !last.At.Add(t.rules.MaxAge).After(t.now) {
		t.over(k, events.StatusExpired, last.Began)
	}
}

func lastMissed(members []Call) Call {
	return slices.MaxFunc(members, func(a, b Call) int { return a.At.Compare(b.At) })
}

// over tells that a case ended without an answer, and forgets it.
func (t *teller) over(k *Case, s events.CallbackStatus, until time.Time) {
	typ, at := events.CallbackCancelled, t.now
	if s == events.StatusExpired {
		typ, at = events.CallbackExpired, lastMissed(t.members(k.ID)).At.Add(t.rules.MaxAge)
	}
	t.tell(k, typ, 1, at, "", func(d *events.Callback) { d.Status, d.DueAt = s, nil })
	t.forget(k, until)
}

// complete tells that a case is answered. What was missed after that is owed anew.
func (t *teller) complete(k *Case, a answer) {
	for i, c := range t.Calls {
		if c.Case == k.ID && c.Began.After(a.until) {
			t.Calls[i].Case = ""
		}
	}
	t.tell(k, events.CallbackCompleted, 1, a.at, a.event, func(d *events.Callback) {
		d.Status, d.DueAt, d.Resolution = events.StatusResolved, nil, &a.how
		if a.call != "" {
			d.ResolvedByCallID = &a.call
		}
		seconds := max(0, a.at.Sub(d.FirstMissedAt).Seconds())
		d.SecondsToReturn = &seconds
	})
	t.forget(k, a.until)
}

// forget ends a case and lets go of its calls that are over, but for the vendor's word on them: it may speak of others.
func (t *teller) forget(k *Case, until time.Time) {
	ended := Ended{ID: k.ID, Group: k.Group, First: k.First, Until: until, At: t.now}
	t.Calls = slices.DeleteFunc(t.Calls, func(c Call) bool {
		return c.Case == ended.ID && c.Kind == Missed && c.Returned == nil && !c.Began.After(until)
	})
	for i := range t.Calls {
		if t.Calls[i].Case == ended.ID {
			t.Calls[i].Case = ""
		}
	}
	t.Cases = slices.DeleteFunc(t.Cases, func(k Case) bool { return k.ID == ended.ID })
	t.Ended = append(t.Ended, ended)
	t.Ended = t.Ended[max(0, len(t.Ended)-mostEnded):]
}

// gather puts the missed calls that are owed an answer into their cases, and opens those whose time has come.
func (t *teller) gather() {
	waiting := map[string][]int{}
	var groups []string
	for i, c := range t.Calls {
		g := t.rules.group(c)
		if !t.isOwed(c, g) {
			continue
		}
		if k := slices.IndexFunc(t.Cases, func(k Case) bool { return k.Group == g }); k >= 0 {
			t.Calls[i].Case = t.Cases[k].ID
			continue
		}
		if waiting[g] == nil {
			groups = append(groups, g)
		}
		waiting[g] = append(waiting[g], i)
	}
	for _, g := range groups {
		t.open(g, waiting[g])
	}
}

// isOwed tells whether the call is a missed one of no case that nobody has answered.
func (t *teller) isOwed(c Call, group string) bool {
	if c.Kind != Missed || c.Case != "" || !c.At.Add(t.rules.MaxAge).After(t.now) || t.isOver(c, group) {
		return false
	}
	_, answered := t.answered(c, nil)
	return !answered
}

// open opens a case for calls, given by their places in t.Calls, when the first of them has stood for long enough.
func (t *teller) open(group string, calls []int) {
	first := t.Calls[calls[0]]
	if at := first.At.Add(t.rules.Grace); at.After(t.now) {
		t.wakeAt(at)
		return
	}
	id := t.newID(group, first.ID)
	for _, i := range calls {
		t.Calls[i].Case = id
	}
	t.Cases = append(t.Cases, Case{ID: id, Group: group, First: first.ID, Opened: t.now, Status: events.StatusWatching})
	k := t.of(id)
	t.plan(k)
	status := k.Status
	if !t.rules.Hours.Open(t.now) {
		status = events.StatusHeld
	}
	t.tell(k, events.CallbackOpened, 1, first.At.Add(t.rules.Grace), first.Event, func(d *events.Callback) { d.Status = status })
}

// newID returns the id of a case: the same whenever and wherever it is opened, unless it was there before and has ended.
func (t *teller) newID(group, first string) string {
	n := 0
	for _, e := range t.Ended {
		if e.Group == group && e.First == first {
			n++
		}
	}
	return events.Hash("callback", t.rules.Sink, t.Account, t.Number, group, first, strconv.Itoa(n))
}

// goOn tells what has happened to a case that is open, and when it is to be looked at again.
func (t *teller) goOn(k *Case) {
	t.attempts(k)
	t.remind(k)
	t.plan(k)
	t.wakeAt(k.Due)
	t.wakeAt(lastMissed(t.members(k.ID)).At.Add(t.rules.MaxAge))
}

// attempts tells of calls back that nobody answered.
func (t *teller) attempts(k *Case) {
	first := t.members(k.ID)[0]
	for _, c := range t.Calls {
		if c.Kind != Attempt || !c.Began.After(first.Began) || len(k.Attempted) == mostAttempts || slices.Contains(k.Attempted, c.ID) {
			continue
		}
		k.Attempted, k.Status = append(k.Attempted, c.ID), events.StatusAttempted
		t.tell(k, events.CallbackAttempted, len(k.Attempted), c.At, c.Event, func(*events.Callback) {})
	}
}

// remind tells that a reminder is due, if it is, and the business is open. Of several that are, because callbus was away, only
// the last is told.
func (t *teller) remind(k *Case) {
	r, extra := t.passed(k)
	if r.step == 0 || !t.rules.Hours.Open(t.now) {
		return
	}
	if extra {
		k.Extra++
	}
	k.Step, k.Snoozed, k.Status = r.step, time.Time{}, events.StatusNotified
	t.plan(k)
	t.tell(k, events.CallbackDue, k.Step, r.at, events.ID(t.Account, k.ID, events.CallbackOpened, 1), func(d *events.Callback) { d.DueAt = &r.at })
}

// passed returns the last reminder that fell due and was not told, of step 0 if there is none; and whether the one that a
// person asked for is among those.
func (t *teller) passed(k *Case) (last reminder, extra bool) {
	for _, r := range t.reminders(k) {
		if r.at.After(t.now) {
			break
		}
		last, extra = r, extra || r.extra
	}
	return last, extra
}

// A reminder is one that was not told yet.
type reminder struct {
	at    time.Time
	step  int
	extra bool // a person asked for it, between two steps of the ladder
}

// reminders returns those of a case that were not told, as they fall due. When a person has put them off there is one at that
// time, in place of those before it; and if there are none before it, besides them.
func (t *teller) reminders(k *Case) []reminder {
	var all []reminder
	for i, at := range t.rules.ladder(t.members(k.ID)[0].At, k.Step-k.Extra) {
		all = append(all, reminder{at: at, step: k.Step + 1 + i})
	}
	again := t.rules.Hours.NextOpen(k.Snoozed)
	if k.Snoozed.IsZero() || again.IsZero() {
		return all
	}
	before := 0
	for before < len(all) && !all[before].at.After(again) {
		before++
	}
	if before > 0 {
		return append([]reminder{{at: again, step: k.Step + before}}, all[before:]...)
	}
	for i := range all {
		all[i].step++
	}
	return append([]reminder{{at: again, step: k.Step + 1, extra: true}}, all...)
}

// plan works out when the next reminder falls due, which is not outside business hours.
func (t *teller) plan(k *Case) {
	all := t.reminders(k)
	k.Due, k.Steps = time.Time{}, k.Step
	if len(all) == 0 {
		return
	}
	k.Due, k.Steps = all[0].at, all[len(all)-1].step
	if r, _ := t.passed(k); r.step > 0 {
		k.Due = later(r.at, t.rules.Hours.NextOpen(t.now))
		if t.rules.Hours.Open(t.now) {
			k.Due = r.at // it is told next
		}
	}
	if k.Snoozed.After(t.now) {
		k.Status = events.StatusSnoozed
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
