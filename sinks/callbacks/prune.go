package callbacks

import (
	"slices"
	"time"
)

// most of each kind of call that is kept of one number, besides those of open cases: a robot may ring all day.
var most = map[Kind]int{Missed: 100, Contact: 16, Attempt: 100, Void: 50}

// prune lets go of what matters no more.
func (t *teller) prune() {
	old := t.now.Add(-t.rules.horizon())
	t.Ended = slices.DeleteFunc(t.Ended, func(e Ended) bool { return e.At.Before(old) })
	left := map[Kind]int{}
	for _, c := range t.Calls {
		if c.Case == "" {
			left[c.Kind]++
		}
	}
	t.Calls = slices.DeleteFunc(t.Calls, func(c Call) bool { // the oldest come first
		if c.Case != "" {
			return false
		}
		if c.Began.Before(old) || left[c.Kind] > most[c.Kind] {
			left[c.Kind]--
			return true
		}
		return false
	})
	for i := range t.Cases {
		t.shorten(&t.Cases[i])
	}
}

// shorten keeps of a case's calls the first, and the last ones.
func (t *teller) shorten(k *Case) {
	members := t.members(k.ID)
	over := len(members) - mostOfCase
	if over <= 0 {
		return
	}
	gone := map[string]bool{}
	for _, c := range members[1 : 1+over] {
		gone[c.ID] = true
	}
	t.Calls = slices.DeleteFunc(t.Calls, func(c Call) bool { return gone[c.ID] })
	k.More += over
}

// forgetAfter is how long a caller of whom nothing is open is kept; 0: until something closes.
func (c Caller) forgetAfter(r Rules) time.Duration {
	if len(c.Cases) > 0 {
		return 0
	}
	return r.horizon()
}
