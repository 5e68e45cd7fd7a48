package ingest

// lineup finds the call of a row without a look into a map, and the calls that no row showed without a look at all the
// others. A PBX lists its calls in much the same order at every poll, so the row after the one just read most likely
// shows the call after the one just found. With 100,000 calls that is several times faster.
type lineup struct {
	last  []*call // in the order of the last snapshot
	shown []bool  // for each of them, whether this one shows it too
	next  int     // in last: where the next row's call is expected
	now   []*call // in the order of this snapshot, so far
}

// lookAhead is how many calls that have ended since are passed over.
const lookAhead = 4

// turn begins the next snapshot.
func (l *lineup) turn(rows int) {
	clear(l.last)
	l.last, l.now, l.next = l.now, l.last[:0], 0
	if cap(l.now) < rows {
		l.now = make([]*call, 0, rows+rows/8)
	}
	if cap(l.shown) < len(l.last) {
		l.shown = make([]bool, cap(l.last))
	}
	l.shown = l.shown[:len(l.last)]
	clear(l.shown)
}

// find returns the call that held channel in the last snapshot, if it stands where it is expected.
func (l *lineup) find(channel string) *call {
	for i := l.next; i < len(l.last) && i < l.next+lookAhead; i++ {
		if c := l.last[i]; c.channel == channel {
			return c
		}
	}
	return nil
}

// found notes that the next row shows c, whether it was expected or not.
func (l *lineup) found(c *call) {
	if c.place < len(l.last) && l.last[c.place] == c {
		l.shown[c.place] = true
		l.next = c.place + 1
	}
	c.place = len(l.now)
	l.now = append(l.now, c)
}

// missing calls f for each call of the last snapshot that this one does not show.
func (l *lineup) missing(f func(*call)) {
	for i, shown := range l.shown {
		if !shown {
			f(l.last[i])
		}
	}
}
