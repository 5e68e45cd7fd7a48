package pbxsim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// lineRest is how long a line is left alone after a call, so that one person's calls can be told apart.
const lineRest = 3 * time.Second

// nobody is the line of a party that has none: a withheld caller, the far side of a call to the outside.
const nobody = -1

// lines knows until when each telephone of a kind is taken.
type lines struct{ until []time.Time }

func newLines(n int) *lines { return &lines{until: make([]time.Time, n)} }

func (l *lines) free(i int, t time.Time) bool {
	return i == nobody || !l.until[i].Add(lineRest).After(t)
}

func (l *lines) hold(i int, until time.Time) {
	if i != nobody && until.After(l.until[i]) {
		l.until[i] = until
	}
}

// pick returns a line that is free at t; a taken one only when all are.
func (l *lines) pick(rng *rand.Rand, t time.Time) int {
	first := rng.IntN(len(l.until))
	for i := range l.until {
		if at := (first + i) % len(l.until); l.free(at, t) {
			return at
		}
	}
	return first
}

// channelRest is how long the PBX leaves a channel's name unused after a call.
const channelRest = 5 * time.Second

// channels gives names to channels and, like a PBX that counts in few digits, gives old ones again.
type channels map[string]*channelNames

type channelNames struct {
	used []channelUse
	made int
}

type channelUse struct {
	name  string
	until time.Time
}

// take returns a name that begins with prefix for a call from start to end.
func (c channels) take(rng *rand.Rand, prefix string, start, end time.Time) string {
	names := c[prefix]
	if names == nil {
		names = &channelNames{made: rng.IntN(0x10000)}
		c[prefix] = names
	}
	name, ok := names.again(start)
	if !ok {
		names.made += 7
		name = fmt.Sprintf("%s-%05x", prefix, names.made)
	}
	names.used = append(names.used, channelUse{name, end})
	return name
}

// again takes a name off the list that has rested at t. It looks at the three used longest ago: one of them may be of
// a call that lasts for hours, and goes to the end of the list.
func (n *channelNames) again(t time.Time) (string, bool) {
	for range min(3, len(n.used)) {
		oldest := n.used[0]
		n.used = n.used[1:]
		if !oldest.until.Add(channelRest).After(t) {
			return oldest.name, true
		}
		n.used = append(n.used, oldest)
	}
	return "", false
}
