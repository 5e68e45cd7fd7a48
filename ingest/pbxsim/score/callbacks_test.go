package score_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
	"github.com/callbus/callbus/ingest/pbxsim/score"
)

// eight is when the day of a desk begins.
var eight = time.Date(2026, 3, 4, 8, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return eight.Add(time.Duration(seconds * float64(time.Second))) }

// desk is a few calls, and what is told of them and of who is owed a call back.
type desk struct {
	truth   []pbxsim.Truth
	stored  []score.Stored
	options score.CallbackOptions
}

// call lets somebody ring for some seconds, and be answered two seconds after the call began, or not. Its record can be read a
// second after its end.
func (d *desk) call(id string, dir events.Direction, number string, from, to float64, o events.Outcome) *pbxsim.Truth {
	c := &pbxsim.Call{N: len(d.truth), Direction: dir, Media: events.Voice, Start: at(from), End: at(to), Outcome: o, Redials: -1, Returns: -1}
	other := pbxsim.Party{Number: number}
	if c.From = other; dir == events.Outbound {
		c.From, c.To = pbxsim.Party{}, other
	}
	if o == events.Answered {
		c.Answer = at(from + 2)
	}
	c.Missed = dir == events.Inbound && o != events.Answered
	d.truth = append(d.truth, pbxsim.Truth{Call: c, VendorIDs: map[string]string{"id": id}, Appears: at(to + 1), Readable: at(to + 1)})
	typ := events.CallEnded
	if c.Missed {
		typ = events.CallMissed
	}
	d.say(id, typ, to+1, func(*events.Call) {})
	return &d.truth[len(d.truth)-1]
}

// say publishes an event of a call.
func (d *desk) say(id string, typ events.Type, stored float64, with func(*events.Call)) {
	i := slices.IndexFunc(d.truth, func(t pbxsim.Truth) bool { return t.VendorIDs["id"] == id })
	t := d.truth[i]
	c := record(&t, t.Call.Outcome, false)
	c.CallID = id
	with(&c)
	e := event(typ, at(stored), c)
	if typ == events.CallAmended {
		e.Data = events.Amendment{Call: c}
	}
	d.stored = append(d.stored, score.Stored{Event: e, At: at(stored)})
}

// owed is a callback that is being told.
type owed struct {
	*desk
	id, number string
	missed     []events.MissedCall
	queue      *events.Queue
	step       int
	attempts   int
}

// owes begins a callback to a number.
func (d *desk) owes(id, number string) *owed { return &owed{desk: d, id: id, number: number} }

// adds a missed call.
func (k *owed) add(call string, missed float64) *owed {
	k.missed = append(k.missed, events.MissedCall{CallID: call, EventID: events.ID("acme", call, events.CallMissed, 1), At: at(missed)})
	return k
}

func (k *owed) tell(typ events.Type, stored float64, cause string, with func(*events.Callback)) {
	c := events.Callback{
		CallbackID: k.id, Account: "acme", ExternalNumber: k.number, Queue: k.queue, MissedCalls: slices.Clone(k.missed), Count: len(k.missed),
		FirstMissedAt: k.missed[0].At, LastMissedAt: k.missed[len(k.missed)-1].At, Step: k.step, Steps: 2, Attempts: k.attempts,
	}
	with(&c)
	e := events.Event{
		ID: events.ID("acme", k.id, typ, k.step+k.attempts), Type: typ, Account: "acme", Subject: k.id,
		Time: at(stored), RecordedTime: at(stored), CausationID: cause, Data: c,
	}
	k.stored = append(k.stored, score.Stored{Event: e, At: at(stored)})
}

func nothingElse(*events.Callback) {}

func (k *owed) opened(stored float64) { k.tell(events.CallbackOpened, stored, "", nothingElse) }

func (k *owed) due(stored float64) {
	k.step++
	k.tell(events.CallbackDue, stored, "", func(c *events.Callback) { c.DueAt = new(at(stored)) })
}

func (k *owed) attempted(stored float64, call string) {
	k.attempts++
	k.tell(events.CallbackAttempted, stored, events.ID("acme", call, events.CallEnded, 1), nothingElse)
}

func (k *owed) completed(stored float64, how events.Resolution, call string, answered float64) {
	k.tell(events.CallbackCompleted, stored, "", func(c *events.Callback) {
		c.Resolution, c.SecondsToReturn = &how, new(at(answered).Sub(c.FirstMissedAt).Seconds())
		if call != "" {
			c.ResolvedByCallID = &call
		}
	})
}

func (k *owed) ends(stored float64, typ events.Type) { k.tell(typ, stored, "", nothingElse) }

// numbers of callers, by what becomes of them.
const (
	returnedTo = "+905000000001" // is missed, called back in vain, and called back
	ringsAgain = "+905000000002" // is missed twice, and answered the third time
	forgotten  = "+905000000003" // is missed, and nobody calls back
	undone     = "+905000000004" // was answered, as the vendor says in the end
	marked     = "+905000000005" // is missed, and the vendor says that somebody called back
	atOnce     = "+905000000006" // is called back before anything is told
	stillOwed  = "+905000000007" // was missed a moment ago
)

// aDesk is told of as it has to be, up to 80 s past eight. A call back is due after 10 s and after 30 s.
func aDesk(*testing.T) *desk {
	d := &desk{options: score.CallbackOptions{
		After: []time.Duration{10 * time.Second, 30 * time.Second}, Grace: 2 * time.Second, MaxAge: time.Minute, Until: at(80),
	}}
	d.aboutCallsBack()
	d.aboutOthers()
	slices.SortStableFunc(d.stored, func(a, b score.Stored) int { return a.At.Compare(b.At) })
	return d
}

func (d *desk) aboutCallsBack() {
	d.call("r1", events.Inbound, returnedTo, 0, 5, events.NoAnswer)
	d.call("r2", events.Outbound, returnedTo, 20, 24, events.NoAnswer)
	d.call("r3", events.Outbound, returnedTo, 40, 50, events.Answered)
	k := d.owes("cb-returned", returnedTo).add("r1", 5)
	k.opened(7)
	k.due(15)
	k.attempted(25, "r2")
	k.due(35)
	k.completed(51, events.ResolutionReturned, "r3", 42)

	d.call("a1", events.Inbound, ringsAgain, 0, 5, events.NoAnswer)
	d.call("a2", events.Inbound, ringsAgain, 10, 14, events.NoAnswer)
	d.call("a3", events.Inbound, ringsAgain, 18, 30, events.Answered)
	k = d.owes("cb-again", ringsAgain).add("a1", 5)
	k.opened(7)
	k.add("a2", 14).due(15)
	k.completed(31, events.ResolutionCallerReachedUs, "a3", 20)

	d.call("n1", events.Inbound, atOnce, 0, 5, events.NoAnswer)
	d.call("n2", events.Outbound, atOnce, 8, 20, events.Answered)
	d.say("n2", events.CallAnswered, 8.5, func(*events.Call) {})
}

func (d *desk) aboutOthers() {
	d.call("f1", events.Inbound, forgotten, 0, 5, events.NoAnswer)
	k := d.owes("cb-forgotten", forgotten).add("f1", 5)
	k.opened(7)
	k.due(15)
	k.due(35)
	k.ends(65, events.CallbackExpired)

	u := d.call("u1", events.Inbound, undone, 0, 5, events.Answered)
	u.Corrected = &pbxsim.Correction{At: at(11), Outcome: events.NoAnswer}
	d.stored = d.stored[:len(d.stored)-1] // the record says something else at first
	no, yes, is, not := events.NoAnswer, events.Answered, true, false
	d.say("u1", events.CallMissed, 6, func(c *events.Call) { c.Outcome, c.Missed = &no, &is })
	d.say("u1", events.CallAmended, 12, func(c *events.Call) { c.Outcome, c.Missed, c.Revision = &yes, &not, 2 })
	k = d.owes("cb-undone", undone).add("u1", 5)
	k.opened(7)
	k.ends(12, events.CallbackCancelled)

	m := d.call("m1", events.Inbound, marked, 0, 5, events.NoAnswer)
	m.Returned = &pbxsim.Mark{At: at(19)}
	d.say("m1", events.CallAmended, 20, func(c *events.Call) { c.Returned, c.Revision = &events.Returned{}, 2 })
	k = d.owes("cb-marked", marked).add("m1", 5)
	k.opened(7)
	k.due(15)
	k.completed(20, events.ResolutionVendor, "", 20)

	d.call("w1", events.Inbound, "", 0, 5, events.NoAnswer)
	i := d.call("i1", events.Internal, "", 0, 5, events.NoAnswer)
	i.Call.From.Number, i.Call.To.Number = "", ""
	d.call("o1", events.Outbound, "+905000000008", 0, 5, events.NoAnswer)

	d.call("s1", events.Inbound, stillOwed, 60, 65, events.NoAnswer)
	k = d.owes("cb-still", stillOwed).add("s1", 65)
	k.opened(67)
	k.due(75)
}

func (d *desk) score() score.Callbacks { return score.OfCallbacks(d.truth, d.stored, d.options) }

// find returns the place of the n-th event of a type about a callback or a call, from 1.
func (d *desk) find(subject string, typ events.Type, n int) int {
	for i, e := range d.stored {
		if e.Subject == subject && e.Type == typ {
			if n--; n == 0 {
				return i
			}
		}
	}
	panic("there is no such " + string(typ) + " of " + subject)
}

func (d *desk) drop(subject string, typ events.Type, n int) {
	i := d.find(subject, typ, n)
	d.stored = slices.Delete(d.stored, i, i+1)
}

func (d *desk) repeat(subject string, typ events.Type) {
	i := d.find(subject, typ, 1)
	again := d.stored[i]
	again.ID += "again"
	d.stored = slices.Insert(d.stored, i+1, again)
}

// move tells an event at another time.
func (d *desk) move(subject string, typ events.Type, n int, seconds float64) {
	i := d.find(subject, typ, n)
	e := d.stored[i]
	e.At, e.RecordedTime = at(seconds), at(seconds)
	d.stored = slices.Delete(d.stored, i, i+1)
	to := slices.IndexFunc(d.stored, func(s score.Stored) bool { return s.At.After(e.At) })
	if to < 0 {
		to = len(d.stored)
	}
	d.stored = slices.Insert(d.stored, to, e)
}

// change changes what all events about a callback say, or those of one type.
func (d *desk) change(id string, typ events.Type, f func(*events.Callback)) {
	for i, e := range d.stored {
		if c, ok := e.Callback(); ok && e.Subject == id && (typ == "" || e.Type == typ) {
			c.MissedCalls = slices.Clone(c.MissedCalls)
			f(&c)
			d.stored[i].Data = c
		}
	}
}

func (d *desk) dropAll(id string) {
	d.stored = slices.DeleteFunc(d.stored, func(e score.Stored) bool { return e.Subject == id })
}

func TestWhoRemindsAsOneShouldIsPerfect(t *testing.T) {
	t.Parallel()
	r := aDesk(t).score()
	if !r.Perfect() {
		t.Errorf("not perfect:\n%s", r)
	}
	want := score.Callbacks{Callers: 6, Missed: 7, Callbacks: 6, Cancelled: 1, Expired: 1, Open: 1, Answered: 1, Reminders: 7, Right: 7, Attempts: 1}
	want.Completed = map[events.Resolution]int{events.ResolutionReturned: 1, events.ResolutionCallerReachedUs: 1, events.ResolutionVendor: 1}
	want.Published = score.Returns{Calls: 3, P50: 15 * time.Second, P90: 15 * time.Second}
	want.True = want.Published
	if fmt.Sprintf("%+v", r) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	for _, said := range []string{"callers missed 6, 7 times", "completed 3 (caller_reached_us 1, returned 1, vendor 1)", "reminders 7, right 7", "p50 15s, p90 15s"} {
		if !strings.Contains(r.String(), said) {
			t.Errorf("it does not say %q:\n%s", said, r)
		}
	}
}

func TestNothingToldOfNobodyIsNotPerfect(t *testing.T) {
	t.Parallel()
	if (&desk{options: score.CallbackOptions{Until: at(80)}}).score().Perfect() {
		t.Error("a day without calls is perfect")
	}
	d := aDesk(t)
	d.stored = slices.DeleteFunc(d.stored, func(e score.Stored) bool { _, is := e.Callback(); return is })
	if r := d.score(); r.Perfect() || r.WrongStates != 6 {
		t.Errorf("nothing was told:\n%s", r)
	}
}

// Each case does one thing wrong, and says where that must show.
func TestEachFaultOfReminding(t *testing.T) {
	t.Parallel()
	state := func(r score.Callbacks) int { return r.WrongStates }
	missing := func(r score.Callbacks) int { return r.Missing }
	twice := func(r score.Callbacks) int { return r.Twice }
	after := func(r score.Callbacks) int { return r.After }
	mistimed := func(r score.Callbacks) int { return r.Mistimed }
	nobody := func(r score.Callbacks) int { return r.Nobody }
	wrongCall := func(r score.Callbacks) int { return r.WrongCalls }
	wrong := func(r score.Callbacks) int { return r.WrongFacts }
	for name, tc := range map[string]struct {
		spoil func(d *desk)
		shows func(score.Callbacks) int
	}{
		"never opened":        {func(d *desk) { d.dropAll("cb-forgotten") }, state},
		"opening left out":    {func(d *desk) { d.drop("cb-forgotten", events.CallbackOpened, 1) }, state},
		"opened too early":    {func(d *desk) { d.move("cb-forgotten", events.CallbackOpened, 1, 6.5) }, mistimed},
		"opened too late":     {func(d *desk) { d.move("cb-forgotten", events.CallbackOpened, 1, 11) }, mistimed},
		"opened twice":        {func(d *desk) { d.repeat("cb-forgotten", events.CallbackOpened) }, twice},
		"opened after answer": {func(d *desk) { k := d.owes("cb-x", atOnce).add("n1", 5); k.opened(10) }, after},
		"opened a second time": {func(d *desk) {
			d.owes("cb-x", stillOwed).add("s1", 65).opened(67)
		}, state},
		"the second miss opens another": {func(d *desk) {
			d.change("cb-again", "", func(c *events.Callback) {
				c.MissedCalls, c.Count, c.LastMissedAt = c.MissedCalls[:1], 1, c.FirstMissedAt
			})
			k := d.owes("cb-x", ringsAgain).add("a2", 14)
			k.opened(16)
			k.completed(31, events.ResolutionCallerReachedUs, "a3", 20)
			slices.SortStableFunc(d.stored, func(a, b score.Stored) int { return a.At.Compare(b.At) })
		}, state},
		"a missed call is in no callback": {func(d *desk) {
			d.change("cb-again", "", func(c *events.Callback) {
				c.MissedCalls, c.Count, c.LastMissedAt = c.MissedCalls[:1], 1, c.FirstMissedAt
			})
			d.drop("a3", events.CallEnded, 1)
			d.drop("cb-again", events.CallbackCompleted, 1)
		}, state},
		"first reminder left out":  {func(d *desk) { d.drop("cb-forgotten", events.CallbackDue, 1) }, missing},
		"second reminder left out": {func(d *desk) { d.drop("cb-forgotten", events.CallbackDue, 2) }, missing},
		"reminded twice":           {func(d *desk) { d.repeat("cb-forgotten", events.CallbackDue) }, twice},
		"reminded too early":       {func(d *desk) { d.move("cb-forgotten", events.CallbackDue, 2, 33) }, mistimed},
		"reminded too late":        {func(d *desk) { d.move("cb-forgotten", events.CallbackDue, 2, 40) }, mistimed},
		"reminded beyond the last step": {func(d *desk) {
			d.change("cb-forgotten", events.CallbackDue, func(c *events.Callback) { c.Step++; c.Steps++ })
		}, mistimed},
		"due at another time": {func(d *desk) {
			d.change("cb-forgotten", events.CallbackDue, func(c *events.Callback) { c.DueAt = new(c.DueAt.Add(-time.Second)) })
		}, mistimed},
		"reminded after the call back was known": {func(d *desk) {
			d.move("cb-returned", events.CallbackCompleted, 1, 53.5)
			d.move("cb-returned", events.CallbackDue, 2, 53)
		}, after},
		"reminded after the caller was answered": {func(d *desk) {
			d.move("cb-again", events.CallbackCompleted, 1, 36)
			k := d.owes("cb-again", ringsAgain).add("a1", 5).add("a2", 14)
			k.step = 1
			k.due(35)
			d.move("cb-again", events.CallbackDue, 2, 35)
		}, after},
		"reminded though the call was not missed after all": {func(d *desk) {
			d.move("cb-undone", events.CallbackCancelled, 1, 16)
			d.owes("cb-undone", undone).add("u1", 5).due(15)
			d.move("cb-undone", events.CallbackDue, 1, 15)
		}, after},
		"reminded though the vendor said that it was returned": {func(d *desk) {
			d.move("cb-marked", events.CallbackCompleted, 1, 36)
			k := d.owes("cb-marked", marked).add("m1", 5)
			k.step = 1
			k.due(35)
			d.move("cb-marked", events.CallbackDue, 2, 35)
		}, after},
		"reminded when it is over": {func(d *desk) { d.move("cb-forgotten", events.CallbackDue, 2, 66) }, state},
		"never completed":          {func(d *desk) { d.drop("cb-returned", events.CallbackCompleted, 1) }, state},
		"never cancelled":          {func(d *desk) { d.drop("cb-undone", events.CallbackCancelled, 1) }, state},
		"never expired":            {func(d *desk) { d.drop("cb-forgotten", events.CallbackExpired, 1) }, state},
		"completed late":           {func(d *desk) { d.move("cb-returned", events.CallbackCompleted, 1, 56) }, mistimed},
		"completed twice":          {func(d *desk) { d.repeat("cb-returned", events.CallbackCompleted) }, twice},
		"expired too early":        {func(d *desk) { d.move("cb-forgotten", events.CallbackExpired, 1, 60) }, state},
		"expired late":             {func(d *desk) { d.move("cb-forgotten", events.CallbackExpired, 1, 70) }, mistimed},
		"expired, though returned": {func(d *desk) {
			d.drop("cb-returned", events.CallbackCompleted, 1)
			k := d.owes("cb-returned", returnedTo).add("r1", 5)
			k.ends(65, events.CallbackExpired)
		}, state},
		"cancelled, though missed": {func(d *desk) {
			d.drop("cb-forgotten", events.CallbackExpired, 1)
			d.owes("cb-forgotten", forgotten).add("f1", 5).ends(65, events.CallbackCancelled)
		}, state},
		"cancelled before that was known": {func(d *desk) { d.move("cb-undone", events.CallbackCancelled, 1, 10) }, state},
		"completed by an attempt": {func(d *desk) {
			d.change("cb-returned", events.CallbackCompleted, func(c *events.Callback) { c.ResolvedByCallID = new("r2") })
		}, wrongCall},
		"completed by somebody else's call": {func(d *desk) {
			d.change("cb-returned", events.CallbackCompleted, func(c *events.Callback) { c.ResolvedByCallID = new("n2") })
		}, wrongCall},
		"completed by no call": {func(d *desk) {
			d.change("cb-returned", events.CallbackCompleted, func(c *events.Callback) { c.ResolvedByCallID = nil })
		}, wrongCall},
		"completed in another way": {func(d *desk) {
			how := events.ResolutionCallerReachedUs
			d.change("cb-returned", events.CallbackCompleted, func(c *events.Callback) { c.Resolution = &how })
		}, wrongCall},
		"completed by a person who never was": {func(d *desk) {
			how := events.ResolutionManual
			d.change("cb-returned", events.CallbackCompleted, func(c *events.Callback) { c.Resolution = &how })
		}, wrongCall},
		"completed by a word that the vendor never gave": {func(d *desk) {
			how := events.ResolutionVendor
			d.change("cb-returned", events.CallbackCompleted, func(c *events.Callback) { c.Resolution = &how })
		}, wrongCall},
		"completed by a later call than the first": {func(d *desk) {
			d.call("r4", events.Outbound, returnedTo, 54, 58, events.Answered)
			d.drop("cb-returned", events.CallbackCompleted, 1)
			k := d.owes("cb-returned", returnedTo).add("r1", 5)
			k.completed(59, events.ResolutionReturned, "r4", 56)
		}, wrongCall},
		"for a withheld number":     {func(d *desk) { d.owes("cb-x", "anonymous").add("w1", 5).opened(7) }, nobody},
		"for an internal call":      {func(d *desk) { d.owes("cb-x", "").add("i1", 5).opened(7) }, nobody},
		"for an outbound call":      {func(d *desk) { d.owes("cb-x", "+905000000008").add("o1", 5).opened(7) }, nobody},
		"for an answered call":      {func(d *desk) { d.owes("cb-x", ringsAgain).add("a3", 30).opened(34) }, nobody},
		"for a call that never was": {func(d *desk) { d.owes("cb-x", ringsAgain).add("z9", 30).opened(34) }, nobody},
		"for a call that never was, to its end": {func(d *desk) {
			k := d.owes("cb-x", atOnce).add("z9", 30)
			k.opened(34)
			k.completed(35, events.ResolutionReturned, "n2", 34)
		}, nobody},
		"for no call": {func(d *desk) {
			d.change("cb-forgotten", events.CallbackDue, func(c *events.Callback) { c.MissedCalls = nil })
		}, nobody},
		"for somebody else's call": {func(d *desk) {
			d.change("cb-forgotten", "", func(c *events.Callback) { c.MissedCalls[0].CallID = "r1" })
		}, nobody},
		"for a backfilled call": {func(d *desk) {
			i := d.find("f1", events.CallMissed, 1)
			c, _ := d.stored[i].Call()
			c.Backfill = true
			d.stored[i].Data = c
		}, nobody},
		"an attempt left out":   {func(d *desk) { d.drop("cb-returned", events.CallbackAttempted, 1) }, wrong},
		"an attempt told twice": {func(d *desk) { d.repeat("cb-returned", events.CallbackAttempted) }, twice},
		"an attempt that never was": {func(d *desk) {
			d.stored[d.find("cb-returned", events.CallbackAttempted, 1)].CausationID = events.ID("acme", "n2", events.CallEnded, 1)
		}, wrong},
		"counted wrongly":     {func(d *desk) { d.change("cb-again", events.CallbackDue, func(c *events.Callback) { c.Count = 3 }) }, wrong},
		"missed at some time": {func(d *desk) { d.change("cb-forgotten", "", func(c *events.Callback) { c.MissedCalls[0].At = at(1) }) }, wrong},
		"another event's call": {func(d *desk) {
			d.change("cb-forgotten", "", func(c *events.Callback) { c.MissedCalls[0].EventID = "x" })
		}, wrong},
		"took another time": {func(d *desk) {
			d.change("cb-returned", events.CallbackCompleted, func(c *events.Callback) { c.SecondsToReturn = new(*c.SecondsToReturn + 5) })
		}, wrong},
		"took no time": {func(d *desk) {
			d.change("cb-returned", events.CallbackCompleted, func(c *events.Callback) { c.SecondsToReturn = nil })
		}, wrong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := aDesk(t)
			tc.spoil(d)
			if r := d.score(); r.Perfect() || tc.shows(r) == 0 || r.Discrepancies == 0 {
				t.Errorf("it does not show:\n%s", r)
			}
		})
	}
}

// No event about a callback can be left out, but a reminder that was due together with the next.
func TestNoEventAboutACallbackCanBeLeftOut(t *testing.T) {
	t.Parallel()
	all := aDesk(t).stored
	for i, e := range all {
		if _, is := e.Callback(); !is {
			continue
		}
		d := aDesk(t)
		d.stored = slices.Delete(slices.Clone(all), i, i+1)
		if d.score().Perfect() {
			t.Errorf("perfect without %s of %s", e.Type, e.Subject)
		}
	}
}

func TestWhatNobodyCouldTellIsNotAskedFor(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *desk){
		"a reminder while callbus was away": func(d *desk) {
			d.options.Away = []score.Stretch{{From: at(14), To: at(33)}}
			d.drop("cb-forgotten", events.CallbackDue, 1)
			for _, id := range []string{"cb-returned", "cb-again", "cb-marked"} {
				d.drop(id, events.CallbackDue, 1)
			}
			d.move("cb-marked", events.CallbackCompleted, 1, 34)
		},
		"a further miss that no event has told yet": func(d *desk) {
			d.call("s2", events.Inbound, stillOwed, 72, 74.5, events.NoAnswer)
		},
		"an end that was a moment ago": func(d *desk) {
			d.call("s2", events.Outbound, stillOwed, 69, 78, events.Answered)
		},
		"a reminder at the time of the answer": func(d *desk) {
			d.drop("cb-returned", events.CallbackCompleted, 1)
			d.move("r3", events.CallEnded, 1, 34.5)
			k := d.owes("cb-returned", returnedTo).add("r1", 5)
			k.step = 2
			k.completed(35.4, events.ResolutionReturned, "r3", 42)
			d.move("cb-returned", events.CallbackCompleted, 1, 35.4)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := aDesk(t)
			change(d)
			if r := d.score(); !r.Perfect() {
				t.Errorf("not perfect:\n%s", r)
			}
		})
	}
}

// evenMinutes are open.
func evenMinutes(t time.Time) bool { return t.Minute()%2 == 0 }

// aNight is a call that is missed in a minute that is closed.
func aNight(due float64) *desk {
	d := aDesk(nil)
	d.stored, d.truth = nil, nil
	d.options.Open, d.options.Until, d.options.MaxAge = evenMinutes, at(200), 10*time.Minute
	d.call("f1", events.Inbound, forgotten, 60, 65, events.NoAnswer)
	k := d.owes("cb-forgotten", forgotten).add("f1", 65)
	k.opened(67)
	k.due(due)
	k.due(150)
	return d
}

func TestRemindersAreHeldAgainstTheHours(t *testing.T) {
	t.Parallel()
	if r := aNight(130).score(); !r.Perfect() || r.Right != 2 {
		t.Errorf("not perfect:\n%s", r)
	}
	if r := aNight(75).score(); r.Outside != 1 {
		t.Errorf("outside hours, and it does not show:\n%s", r)
	}
	late := aNight(130)
	late.options.Until = at(400)
	late.drop("cb-forgotten", events.CallbackDue, 2)
	if r := late.score(); r.Missing != 1 {
		t.Errorf("a reminder is missing, and it does not show:\n%s", r)
	}
}

func TestByQueueACallerIsOwedACallByEach(t *testing.T) {
	t.Parallel()
	d := aDesk(t)
	d.stored, d.truth = nil, nil
	d.options.Until = at(30)
	d.call("a1", events.Inbound, ringsAgain, 0, 5, events.NoAnswer)
	d.call("a2", events.Inbound, ringsAgain, 10, 14, events.NoAnswer)
	one, two := d.owes("cb-1", ringsAgain).add("a1", 5), d.owes("cb-2", ringsAgain).add("a2", 14)
	one.queue, two.queue = &events.Queue{ID: new("600")}, &events.Queue{ID: new("610")}
	one.opened(7)
	one.due(15)
	two.opened(16)
	two.due(24)
	if r := d.score(); r.Perfect() {
		t.Errorf("perfect, though two are owed to one number:\n%s", r)
	}
	d.options.ByQueue = true
	if r := d.score(); !r.Perfect() || r.Callers != 1 || r.Callbacks != 2 {
		t.Errorf("not perfect:\n%s", r)
	}
}
