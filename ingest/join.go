package ingest

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
)

// Snapshot and record of a call may share no id (telsam). They are joined one to one, best first, by who called whom,
// when the call began and how long it lasted. The same caller may ring twice in a minute, and the PBX's clock need not
// agree with ours, so no single one of these decides.

// joinTolerance is how far the begin by the record may lie from the begin by the snapshots, clocks compared as they are.
const joinTolerance = 10 * time.Second

// sureTolerance is the same once the PBX's clock is known.
const sureTolerance = 5 * time.Second

// likeTolerance is the same for callers who withhold their number: all of them look alike, so that one who rang seconds
// later is easily taken for another.
const likeTolerance = 2 * time.Second

// handedOnSlack is how well times must agree where a caller who withholds his number was seen to reach one extension and
// the record names another: he was handed on between two polls, or it is not he.
const handedOnSlack = time.Second

// lifeSlack is how much shorter or longer a record may say a call was than it was seen to be.
const lifeSlack = 2 * time.Second

// weakPenalty is what it costs a pair that only the outside number, or only the caller, is the same.
const weakPenalty = 3 * time.Second

// doubtPenalty is what it costs a pair for each thing in which record and snapshots differ, though they need not agree.
const doubtPenalty = time.Second

type pair struct {
	rec  *CDR
	call *call
	cost time.Duration
	weak bool // another call could be the record's too, or not everything speaks for this one
}

// join finds for each record the call it is of, among the calls that snapshots showed and no record is known of.
func (t *Tracker) join(fresh []*CDR, at time.Time) map[*CDR]*call {
	if len(fresh) == 0 || len(t.unjoined) == 0 {
		return nil
	}
	var pairs []pair
	for _, rec := range fresh {
		first := len(pairs)
		t.unjoined.each(rec.Call.From, rec.Call.ExternalNumber, func(c *call) {
			if p, ok := t.match(c, rec, at); ok {
				pairs = append(pairs, p)
			}
		})
		for i := first; i < len(pairs); i++ {
			pairs[i].weak = pairs[i].weak || len(pairs)-first > 1
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.cost, b.cost) })
	joined, taken := map[*CDR]*call{}, map[*call]bool{}
	for _, p := range pairs {
		if joined[p.rec] == nil && !taken[p.call] {
			joined[p.rec], taken[p.call] = p.call, true
			t.tally.Joined++
			if !p.weak {
				t.clock.learn(p.rec.Call.StartedAt.Add(time.Second / 2).Sub(middle(p.call.began)))
			}
		}
	}
	return joined
}

// match tells whether rec, listed at a moment of our clock, may be the record of c, and what speaks against it, as a
// time. A call that was seen alive after that, or after the record says it was over, is another one.
func (t *Tracker) match(c *call, rec *CDR, listed time.Time) (pair, bool) {
	penalty, ok := c.parties(&rec.Call)
	if !ok || !t.seen(c).Before(listed) || t.overBefore(rec, t.seen(c)) {
		return pair{}, false
	}
	start := *rec.Call.StartedAt
	apart := distance(Window{start, start.Add(time.Second)}, c.began)
	skewed := distance(Window{t.clock.ours(start), t.clock.ours(start).Add(time.Second)}, c.began)
	if skewed > sureTolerance && (apart > joinTolerance || t.clock.sure()) {
		return pair{}, false
	}
	if skewed > likeTolerance && t.clock.known && !identified(rec.Call.From) {
		return pair{}, false
	}
	p := pair{rec: rec, call: c, weak: penalty >= weakPenalty}
	p.cost = skewed + penalty + c.doubts(rec) + t.clock.ours(start).Add(time.Second/2).Sub(middle(c.began)).Abs()/4
	if c.goneAt.IsZero() { // its own record is yet to come: of two that look alike, neither need take the other's
		return p, penalty <= 2*weakPenalty && !t.overBeforeBegin(rec, c)
	}
	off := c.lifeOff(rec.Call.EndedAt.Sub(start))
	p.cost += off
	if penalty > 2*weakPenalty {
		return p, off <= handedOnSlack && skewed <= handedOnSlack && answeredBy(rec.Call)
	}
	return p, off <= lifeSlack || skewed <= channelSlack
}

// doubts is what it costs that the record tells of an answer or of a queue and no snapshot did, or the other way round.
// Either may fall between two polls.
func (c *call) doubts(rec *CDR) (cost time.Duration) {
	if c.talking != answeredBy(rec.Call) {
		cost += doubtPenalty
	}
	if queueKey(c.facts.Queue) != queueKey(rec.Call.Queue) {
		cost += doubtPenalty
	}
	return cost
}

// overBefore tells whether rec says that its call was over before a moment of our clock, however the PBX's clock is read.
func (t *Tracker) overBefore(rec *CDR, seen time.Time) bool {
	end := *rec.Call.EndedAt
	if ours := t.clock.ours(end); ours.After(end) {
		end = ours
	}
	return end.Add(t.clock.slack()).Before(seen)
}

// overBeforeBegin tells whether rec says that its call was over before c began, by a clock that is known.
func (t *Tracker) overBeforeBegin(rec *CDR, c *call) bool {
	return t.clock.known && t.clock.ours(*rec.Call.EndedAt).Add(time.Second).Before(c.began.From)
}

// lifeOff is by how much a call of length d does not fit what was seen of c, which is gone.
func (c *call) lifeOff(d time.Duration) time.Duration {
	least, most := c.lastSeen.Sub(c.began.To), c.goneAt.Sub(c.began.From)
	return max(0, least-d, d-most)
}

// parties tells whether f may be between the parties of c, and what it costs if not everything speaks for it.
func (c *call) parties(f *events.Call) (time.Duration, bool) {
	if opposite(c.facts.Direction, f.Direction) {
		return 0, false
	}
	mine, theirs := c.facts.ExternalNumber, f.ExternalNumber
	if mine != nil && theirs != nil && *mine != *theirs {
		return 0, false
	}
	sameFrom := partyKey(c.facts.From) == partyKey(f.From)
	if sameFrom && c.reached(f) {
		return 0, true
	}
	if sameFrom && !identified(f.From) {
		if mayReach(queueKey(c.facts.Queue), partyKey(c.facts.To), f) {
			return 2 * weakPenalty, true
		}
		return 3 * weakPenalty, queueKey(c.facts.Queue) == "" && queueKey(f.Queue) == "" // it may have been handed on
	}
	return weakPenalty, sameFrom || mine != nil && theirs != nil
}

// mayReach tells whether a call that a snapshot shows in queue, if it shows one, on its way to the party to, may be the
// one that f is of. Of a call through a queue one may name the queue and the other the agent, and a snapshot may leave
// the queue out; a record does not.
func mayReach(queue, to string, f *events.Call) bool {
	recorded := queueKey(f.Queue)
	if recorded == "" {
		return queue == "" && to == partyKey(f.To)
	}
	return queue == "" || queue == recorded
}

// identified tells whether p can be told from others: callers who withhold their number all look alike.
func identified(p events.Party) bool { return p.Number != nil || p.Extension != nil }

func opposite(a, b events.Direction) bool {
	return a == events.Inbound && b == events.Outbound || a == events.Outbound && b == events.Inbound
}

// reached tells whether a snapshot showed c at the target that the record names: as the callee or as its queue.
func (c *call) reached(f *events.Call) bool {
	if slices.Contains(c.targets, partyKey(f.To)) {
		return true
	}
	q := queueKey(f.Queue)
	return q != "" && (slices.Contains(c.targets, q) || queueKey(c.facts.Queue) == q)
}

func queueKey(q *events.Queue) string {
	if q == nil || q.ID == nil {
		return ""
	}
	return *q.ID
}

// partyKey is what two mentions of one party have in common, however the vendor spells it.
func partyKey(p events.Party) string {
	switch {
	case p.Number != nil:
		return *p.Number
	case p.Extension != nil:
		return *p.Extension
	case p.Raw != nil:
		return *p.Raw
	}
	return ""
}

// clockOffset is by how much the PBX's clock is ahead of ours, as its replies say and the joins teach. Until either
// says otherwise the clocks are taken to agree.
type clockOffset struct {
	ahead    time.Duration
	known    bool
	agreed   int           // joins that said the same, less calls that found no record; at most mostAgreed
	odd      int           // joins in a row that say another time, and the same
	oddAhead time.Duration // which
}

const mostAgreed = 2 * sureJoins

// sureJoins is how many joins in a row must say the same before it is believed: one may be a mistake.
const sureJoins = 3

// ours returns a moment of the PBX's clock by our own.
func (o clockOffset) ours(t time.Time) time.Time { return t.Add(-o.ahead) }

// slack is how exactly a single moment of the PBX's clock can be placed on ours.
func (o clockOffset) slack() time.Duration {
	if o.known {
		return channelSlack
	}
	return joinTolerance
}

// told takes in what the PBX says of its clock. The joins know better, unless the clock was set since.
func (o *clockOffset) told(ahead *time.Duration) {
	if ahead != nil && (!o.known || (*ahead-o.ahead).Abs() > channelSlack) {
		*o = clockOffset{ahead: *ahead, known: true}
	}
}

// learn takes in one join. Small differences are jitter and are averaged.
func (o *clockOffset) learn(ahead time.Duration) {
	if d := ahead - o.ahead; d.Abs() <= channelSlack {
		o.ahead, o.odd, o.agreed = o.ahead+d/4, 0, min(o.agreed+1, mostAgreed)
		return
	}
	if o.odd == 0 || (ahead-o.oddAhead).Abs() > channelSlack {
		o.odd, o.oddAhead = 0, ahead
	}
	if o.odd++; o.odd >= sureJoins {
		*o = clockOffset{ahead: ahead, known: true}
	}
}

// sure tells whether enough joins agree for nothing else to be believed.
func (o clockOffset) sure() bool { return o.agreed >= sureJoins }

// doubt takes in that a call was gone and no record of it was found: the clock may have been set.
func (o *clockOffset) doubt() { o.agreed = max(o.agreed-1, 0) }

// parties is an index of calls by caller and by outside number.
type parties map[partyIndex][]*call

type partyIndex struct {
	external bool
	key      string
}

func partyIndexes(from events.Party, external *string) []partyIndex {
	is := []partyIndex{{false, partyKey(from)}}
	if external != nil {
		is = append(is, partyIndex{true, *external})
	}
	return is
}

func (p parties) add(c *call) {
	c.indexes = partyIndexes(c.facts.From, c.facts.ExternalNumber)
	for _, i := range c.indexes {
		p[i] = append(p[i], c)
	}
}

func (p parties) remove(c *call) {
	for _, i := range c.indexes {
		if rest := without(p[i], c); len(rest) > 0 {
			p[i] = rest
		} else {
			delete(p, i)
		}
	}
}

// each calls f once for every call with that caller or that outside number.
func (p parties) each(from events.Party, external *string, f func(*call)) {
	key := partyKey(from)
	for _, c := range p[partyIndex{false, key}] {
		f(c)
	}
	if external == nil {
		return
	}
	for _, c := range p[partyIndex{true, *external}] {
		if partyKey(c.facts.From) != key {
			f(c)
		}
	}
}
