package score

import "time"

// What is due when is worked out minute by minute: slowly, and so that it can be seen to be right.

const mostMinutes = 14 * 24 * 60

func (o CallbackOptions) open(t time.Time) bool { return o.Open == nil || o.Open(t) }

func nextMinute(t time.Time) time.Time { return t.Truncate(time.Minute).Add(time.Minute) }

func (o CallbackOptions) nextOpen(t time.Time) time.Time {
	for n := 0; !o.open(t) && n < mostMinutes; n++ {
		t = nextMinute(t)
	}
	return t
}

// due is when it has been open for d since t.
func (o CallbackOptions) due(t time.Time, d time.Duration) time.Time {
	if o.Open == nil {
		return t.Add(d)
	}
	for range mostMinutes {
		end := nextMinute(t)
		if o.open(t) {
			if left := end.Sub(t); d < left {
				return t.Add(d)
			}
			d -= end.Sub(t)
		}
		t = end
	}
	return time.Time{}
}

// by is when what could be told at t must have been: callbus was then at work for so long without a break, and, where that
// matters, it was open.
func (o CallbackOptions) by(t time.Time, whenOpen bool) time.Time {
	for {
		from := o.present(t)
		if whenOpen {
			from = o.openFor(from)
		}
		if from.Equal(t) {
			return t.Add(o.Late)
		}
		t = from
	}
}

// present is t, or the end of a stretch in which callbus was away, when that is too near.
func (o CallbackOptions) present(t time.Time) time.Time {
	for _, a := range o.Away {
		if a.From.Before(t.Add(o.Late)) && t.Before(a.To) {
			t = a.To
		}
	}
	return t
}

// openFor is t, or the next opening, when it closes too soon.
func (o CallbackOptions) openFor(t time.Time) time.Time {
	t = o.nextOpen(t)
	for m := nextMinute(t); m.Before(t.Add(o.Late)); m = nextMinute(m) {
		if !o.open(m) {
			return o.nextOpen(m)
		}
	}
	return t
}

func latest(t time.Time, others ...time.Time) time.Time {
	for _, u := range others {
		if u.After(t) {
			t = u
		}
	}
	return t
}
