package pbxsim

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"
)

// while1FirstID is the id of the first row that was ever written.
const while1FirstID = 29056

// while1Log holds rows in the order in which they were written, which gives them their ids. It follows from the world
// alone: how often and when it is extended changes nothing.
type while1Log struct {
	// covered is how far the log goes: it has every row written by then. These are rows of calls that ended before
	// then, because a row is written after its call ended, so a call that is hung up at this very moment is yet to come.
	covered   time.Time
	rows      []while1Row
	forgotten int // how many rows there were before the first of rows
	pending   []while1Row
	first     map[int]int       // by call: the id of its first row
	recovered map[int]time.Time // by call: from when it is marked as called back
}

func newWhile1Log(start time.Time) while1Log {
	return while1Log{covered: start, first: map[int]int{}, recovered: map[int]time.Time{}}
}

func (l *while1Log) clone() *while1Log {
	c := *l
	c.rows, c.pending = slices.Clip(l.rows), slices.Clone(l.pending)
	c.first, c.recovered = maps.Clone(l.first), maps.Clone(l.recovered)
	return &c
}

// id is the id of l.rows[i].
func (l *while1Log) id(i int) int { return while1FirstID + l.forgotten + i }

// extend writes every row that is written by t. A world that forgets calls is asked in steps, so that none is
// forgotten before it is written down.
func (v *While1) extend(l *while1Log, t time.Time) {
	for l.covered.Before(t) {
		step := t
		if keep := v.world.cfg.Keep; keep > 0 {
			step = earliest(t, l.covered.Add(keep))
			l.forget(step.Add(-keep))
		}
		v.extendBy(l, step)
	}
}

func (v *While1) extendBy(l *while1Log, t time.Time) {
	for _, c := range v.world.Ended(l.covered.Add(-1), t.Add(-1)) { // both ends of this span are a moment later
		k := v.written(c)
		l.pending = append(l.pending, k.rows...)
		if c.Returns >= 0 && c.Answered() {
			l.recovered[c.Returns] = k.appears.Add(v.die(c, "recover").within(v.cfg.RecoverAfter))
		}
	}
	l.covered = t
	slices.SortFunc(l.pending, while1Row.compare)
	n := sort.Search(len(l.pending), func(i int) bool { return l.pending[i].written.After(t) })
	for _, row := range l.pending[:n] {
		if row.leg == 0 {
			l.first[row.call.N] = l.id(len(l.rows))
		}
		l.rows = append(l.rows, row)
	}
	l.pending = slices.Delete(l.pending, 0, n)
}

// compare puts rows in the order in which they are written; rows of one instant, in an order of their own.
func (r while1Row) compare(o while1Row) int {
	return cmp.Or(r.written.Compare(o.written), cmp.Compare(r.call.N, o.call.N), cmp.Compare(r.leg, o.leg))
}

// forget drops the rows that were written before t.
func (l *while1Log) forget(t time.Time) {
	n := sort.Search(len(l.rows), func(i int) bool { return !l.rows[i].written.Before(t) })
	for _, row := range l.rows[:n] {
		if row.leg == 0 {
			delete(l.first, row.call.N)
			delete(l.recovered, row.call.N)
		}
	}
	l.rows, l.forgotten = l.rows[n:], l.forgotten+n
}
