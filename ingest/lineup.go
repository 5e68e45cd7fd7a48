package ingest

// lineup finds the call of a row without a look into a map, and the calls that no row showed without a look at all the
// others. A PBX lists its calls in much the same order at every poll, so the row after the one just read most likely
// shows the call after the one just found. What has to be compared stands side by side here and not in the calls, which
// lie all over the memory: a call that has not changed is not touched. With 100,000 calls that is several times faster.
type lineup struct {
	last  []slot // in the order of the last snapshot
	shown []bool // for each of them, whether this one shows it too
	next  int    // in last: where the next row's call is expected
	now   []slot // in the order of this snapshot, so far

	searched int           // how many places were looked at one by one for calls that stood elsewhere than expected
	places   map[*call]int // in last, once that is too many
}

// slot is a call's place in the lineup, and what a row that shows it unchanged shows.
type slot struct {
	channel  string
	earliest int64 // began, in nanoseconds since 1970
	latest   int64
	row      rowParties
	talking  bool
	unsure   bool // a partial snapshot did not show it
	call     *call
}

func slotOf(c *call) slot {
	return slot{channel: c.channel, earliest: c.earliest, latest: c.latest, row: c.row, talking: c.talking, unsure: c.unsure, call: c}
}

// unchanged tells whether row says nothing new of the call in s.
func (s *slot) unchanged(row *ActiveCall) bool {
	return row.Channel == s.channel && !s.unsure && (s.talking || !row.Talking) &&
		row.To == s.row.to && row.Queue == s.row.queue && sameBegin(row, s.earliest, s.latest)
}

// lookAhead is how many calls that have ended since are passed over.
const lookAhead = 4

// turn begins the next snapshot.
func (l *lineup) turn(rows int) {
	clear(l.last)
	l.last, l.now, l.next = l.now, l.last[:0], 0
	l.searched, l.places = 0, nil
	if cap(l.now) < rows {
		l.now = make([]slot, 0, rows+rows/8)
	}
	if cap(l.shown) < len(l.last) {
		l.shown = make([]bool, cap(l.last))
	}
	l.shown = l.shown[:len(l.last)]
	clear(l.shown)
}

// unchanged tells whether row shows a call that stands where it is expected, and nothing new of it. Then it is noted
// that it was shown.
func (l *lineup) unchanged(row *ActiveCall) bool {
	for i := l.next; i < len(l.last) && i < l.next+lookAhead; i++ {
		if !l.shown[i] && l.last[i].unchanged(row) {
			l.shown[i], l.next = true, i+1
			l.now = append(l.now, l.last[i])
			return true
		}
	}
	return false
}

// find returns the call that held channel in the last snapshot, if it stands where it is expected.
func (l *lineup) find(channel string) *call {
	for i := l.next; i < len(l.last) && i < l.next+lookAhead; i++ {
		if l.last[i].channel == channel {
			return l.last[i].call
		}
	}
	return nil
}

// place returns where c stood in the last snapshot, or -1. Most likely that is further on; only a PBX that lists its calls
// in another order at every poll is worth a map of all.
func (l *lineup) place(c *call) int {
	for i := l.next; i < len(l.last) && l.searched < 2*len(l.last); i++ {
		if l.last[i].call == c {
			return i
		}
		l.searched++
	}
	if l.places == nil {
		l.places = make(map[*call]int, len(l.last))
		for i := range l.last {
			l.places[l.last[i].call] = i
		}
	}
	if i, ok := l.places[c]; ok {
		return i
	}
	return -1
}

// found notes that a row shows c, and tells whether it is the first to do so.
func (l *lineup) found(c *call) bool {
	i := l.place(c)
	if i >= 0 && l.shown[i] {
		return false
	}
	if i >= 0 {
		l.shown[i], l.next = true, i+1
	}
	return true
}

// keep puts c, as it is now, into the next lineup.
func (l *lineup) keep(c *call) { l.now = append(l.now, slotOf(c)) }

// missing calls f for each call of the last snapshot that this one does not show.
func (l *lineup) missing(f func(*call)) {
	for i, shown := range l.shown {
		if !shown {
			f(l.last[i].call)
		}
	}
}
