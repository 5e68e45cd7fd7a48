package stream

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// A view is what one process knows of those that share the bus, and of who does what. Each decides by its own view what to take and
// what to give; the bucket lets only one of two have what both take.
type view struct {
	me       string
	kind     DutyKind
	members  []string // that are alive and do duties of this kind, me among them
	wishes   map[Duty]Wish
	holdings map[Duty]holding
	free     map[Duty]time.Duration // for how long a duty of my wishes has had no living owner
	kept     map[Duty]bool          // duties that nobody else wanted for a while
	moving   int                    // duties that I am giving away
	calm     bool                   // nobody came or went lately
}

// How long a duty may be without an owner before it is taken whatever the share: the processes that should may not know of it,
// or may not get to it. And how much longer by one that has older settings than another, which is gone, had.
const (
	freeTooLong     = 3 * time.Second
	newerGoneForTwo = 10 * time.Second
)

// A move is what a process does about one duty.
type move int

const (
	takeIt  move = iota + 1 // it has no owner
	giveIt                  // it is more than my share, and somebody has less
	yieldIt                 // another process has newer settings and asks for it
	askIt                   // I have newer settings than its owner
	tellIt                  // my settings are the newest: say so
	beginIt                 // it is mine already
	stopIt                  // it is not mine any more, or is not to be done by me
)

// moves decides what to do now, of the first five moves. It is even, in that no two processes differ by more than one duty where all of them know all
// duties; and it is stable, in that nothing moves once it is even.
func (v view) moves() map[Duty]move {
	all := map[Duty]move{}
	var free []Duty
	for d, w := range v.wishes {
		h := v.holdings[d]
		newest := h.newest(w)
		switch {
		case h.Owner == v.me && !newest && h.Asks != v.me && v.alive(h.Asks):
			all[d] = yieldIt
		case h.Owner == v.me && newest && (h.Settings != w.Settings || h.Runs != w.Settings):
			all[d] = tellIt
		case h.Owner == v.me:
		case v.alive(h.Owner):
			if newest && h.Runs != w.Settings && h.Asks != v.me {
				all[d] = askIt
			}
		case newest || v.free[d] >= newerGoneForTwo:
			free = append(free, d)
		}
	}
	v.take(all, free)
	if v.calm && len(free) == 0 {
		v.give(all)
	}
	return all
}

func (v view) alive(id string) bool { return slices.Contains(v.members, id) }

// take takes of free up to my share; first those that every process would leave to me, so that two do not reach for the same.
func (v view) take(all map[Duty]move, free []Duty) {
	if len(free) == 0 {
		return
	}
	v.sort(free)
	owned := v.owned()
	room := v.share(owned, len(free)) - owned[v.me]
	for i, d := range free {
		if i < room || v.free[d] >= freeTooLong {
			all[d] = takeIt
		}
	}
}

// give gives back what is more than my share, if others have less than theirs: the duties that I would take last.
func (v view) give(all map[Duty]move) {
	owned := v.owned()
	spare := owned[v.me] - v.share(owned, 0)
	least := owned[slices.MinFunc(v.members, func(a, b string) int { return cmp.Compare(owned[a], owned[b]) })]
	if spare <= 0 || owned[v.me]-least < 2 {
		return
	}
	var mine []Duty
	for d := range v.wishes {
		if v.holdings[d].Owner == v.me && all[d] == 0 && !v.kept[d] {
			mine = append(mine, d)
		}
	}
	v.sort(mine)
	for _, d := range mine[max(0, len(mine)-spare):] {
		all[d] = giveIt
	}
}

// owned returns how many duties of the kind each living process has.
func (v view) owned() map[string]int {
	n := make(map[string]int, len(v.members))
	for _, id := range v.members {
		n[id] = 0
	}
	for d, h := range v.holdings {
		if _, alive := n[h.Owner]; alive && d.Kind == v.kind {
			n[h.Owner]++
		}
	}
	return n
}

// share returns how many duties are mine, when free ones are to be shared out as well. Where they do not divide, those who have most
// already have one more than the others, so that nothing moves for its sake.
func (v view) share(owned map[string]int, free int) int {
	total := free + v.moving
	for _, n := range owned {
		total += n
	}
	byOwned := slices.SortedFunc(maps.Keys(owned), func(a, b string) int {
		return cmp.Or(cmp.Compare(owned[b], owned[a]), cmp.Compare(a, b))
	})
	each, more := total/len(byOwned), total%len(byOwned)
	if slices.Index(byOwned, v.me) < more {
		return each + 1
	}
	return each
}

// sort puts first the duties that are mine rather than another process's, if it were for chance alone; in an order of my own.
func (v view) sort(duties []Duty) {
	mine := make(map[Duty]uint64, len(duties)) // how many others come before me, then a number of my own
	for _, d := range duties {
		weight := chance(v.me, d)
		for _, id := range v.members {
			if id != v.me && chance(id, d) > weight {
				mine[d] += 1 << 56
			}
		}
		mine[d] += weight >> 8
	}
	slices.SortFunc(duties, func(a, b Duty) int { return cmp.Or(cmp.Compare(mine[a], mine[b]), cmp.Compare(a.Name, b.Name)) })
}

// chance is a number that all processes compute alike (rendezvous hashing).
func chance(id string, d Duty) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id + "\x00" + d.Name))
	x := h.Sum64() // mixed further: fnv's upper bits differ little for names that differ at their end
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}
