package hours

import (
	"cmp"
	"iter"
	"time"
)

// patience is for how long an opening is looked for.
const patience = 10 * 8766 * time.Hour // ten years

// Calendar is when a business is open. The zero Calendar never is. [Parse] makes others.
type Calendar struct {
	zone     *time.Location
	week     week
	holidays holidays
}

// Open tells whether it is open at t.
func (c Calendar) Open(t time.Time) bool {
	ahead, _ := c.clock(t)
	wall := t.UTC().Add(ahead)
	for range c.shown(wall, wall.Add(1)) {
		return true
	}
	return false
}

// NextOpen returns the first instant that is open and not before t: t itself, when that is. It returns the zero time when
// there is none for ten years.
func (c Calendar) NextOpen(t time.Time) time.Time { return c.AddBusiness(t, 0) }

// AddBusiness returns the instant at which it will have been open for d since t. Where d is used up as it closes, that is
// the next opening, since nobody is there to be told any sooner. It returns the zero time when there is no opening for ten
// years, and for a t that is zero. A d below 0 counts as 0.
func (c Calendar) AddBusiness(t time.Time, d time.Duration) time.Time {
	d = max(d, 0)
	for from, to := range c.stretches(t) {
		open := to.Sub(from)
		if d < open {
			return from.Add(d)
		}
		d -= open
	}
	return time.Time{}
}

// stretches yields from when to when it is open, from t on, in order. They end when ten years passed without one.
func (c Calendar) stretches(t time.Time) iter.Seq2[time.Time, time.Time] {
	return func(yield func(from, to time.Time) bool) {
		if t.IsZero() {
			return
		}
		at := t.UTC() // and without what a monotonic clock said
		for giveUp := at.Add(patience); at.Before(giveUp); {
			ahead, change := c.clock(at)
			until := earlier(change, giveUp)
			for from, to := range c.shown(at.Add(ahead), until.Add(ahead)) {
				if !yield(from.Add(-ahead), to.Add(-ahead)) {
					return
				}
				giveUp = to.Add(patience - ahead)
			}
			at = until
		}
	}
}

// clock returns by how much the clock on the wall is ahead of UTC at t, and a moment until which it stays so.
func (c Calendar) clock(t time.Time) (ahead time.Duration, until time.Time) {
	local := t.In(cmp.Or(c.zone, time.UTC))
	_, seconds := local.Zone()
	_, until = local.ZoneBounds()
	switch {
	case until.IsZero(): // it is never changed again
		until = t.Add(patience)
	case !until.After(t): // for package time every year has 365 days: on the last day of a leap year, this is its begin
		until = t.Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return time.Duration(seconds) * time.Second, until
}

// shown yields the stretches that are open between two times that the clock on the wall shows, while nobody changes it.
// Such a time is a time.Time in UTC that shows the same.
func (c Calendar) shown(from, until time.Time) iter.Seq2[time.Time, time.Time] {
	return func(yield func(begin, end time.Time) bool) {
		at := from
		for d := dayOf(from) - 1; d.midnight().Before(until); d++ { // what began the day before may last until now
			for _, w := range c.begins(d) {
				begin, end := w.on(d)
				begin, end = later(begin, at), earlier(end, until)
				if !begin.Before(end) {
					continue
				}
				if !yield(begin, end) {
					return
				}
				at = end
			}
		}
	}
}

// begins returns the windows that begin on d.
func (c Calendar) begins(d day) []window {
	if special, ok := c.holidays.dates[d]; ok {
		return special
	}
	if len(c.holidays.yearly) > 0 && c.holidays.yearly[d.yearday()] {
		return nil
	}
	return c.week[d.weekday()]
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
