package stream

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// takeAgain is how long after a duty could not be begun it is tried again.
const takeAgain = 10 * time.Second

// calmAfter is how long after a process came or went nothing is given away for evenness: several often come together.
const calmAfter = 2 * time.Second

// step does what is to be done now.
func (r *Roster) step(ctx context.Context, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lookForOwners(now)
	r.stopStrangers(ctx)
	r.adopt(ctx, now)
	if r.sure(now) {
		for _, k := range r.config.Kinds {
			v := r.view(k, now)
			for d, m := range v.moves() {
				r.move(ctx, d, m)
			}
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// sure tells whether this process hears what goes on.
func (r *Roster) sure(now time.Time) bool { return now.Sub(r.heard) <= breakAfter }

// lookForOwners notes which duties have no living owner, and since when.
func (r *Roster) lookForOwners(now time.Time) {
	for d := range r.wishes {
		if _, known := r.holdings[d]; !known {
			r.holdings[d] = kept{}
		}
	}
	owners := map[string]bool{}
	for d, k := range r.holdings {
		if k.Owner != "" && !owners[k.Owner] {
			owners[k.Owner] = true
			r.look(k.Owner, now)
		}
		switch dead := k.Owner == "" || r.dead(k.Owner, now); {
		case !dead:
			k.free = time.Time{}
		case k.free.IsZero():
			k.free = now
		default:
			continue
		}
		r.holdings[d] = k
	}
	maps.DeleteFunc(r.absent, func(id string, _ time.Time) bool { return !owners[id] })
}

func (r *Roster) look(id string, now time.Time) {
	_, here := r.members[id]
	_, known := r.absent[id]
	switch {
	case here:
		delete(r.absent, id)
	case !known:
		r.absent[id] = now
	}
}

// dead tells whether a process is gone for good. One that is not sure what it hears calls nobody dead.
func (r *Roster) dead(id string, now time.Time) bool {
	absent, ok := r.absent[id]
	return ok && id != r.config.ID && r.sure(now) && now.Sub(r.steady) >= deadAfter && now.Sub(absent) >= deadAfter
}

// stopStrangers drops what another process has taken, and what this one is not to do any more.
func (r *Roster) stopStrangers(ctx context.Context) {
	for d, l := range r.mine {
		k := r.holdings[d]
		_, wanted := r.wishes[d]
		switch {
		case r.busy[d] != 0:
		case k.Owner != r.config.ID:
			r.log.Warn("another process has taken over: this one had not been heard of", "duty", d.String(), "process", k.Owner)
			r.do(ctx, d, stopIt, func() error { r.drop(d, l); return nil })
		case !wanted:
			r.do(ctx, d, stopIt, func() error { r.drop(d, l); return r.strike(ctx, d) })
		}
	}
}

// adopt begins what the bucket says this process has and it does not do: an earlier life of its name had it, or the answer to its
// own taking was lost, or it could not begin.
func (r *Roster) adopt(ctx context.Context, now time.Time) {
	for d, k := range r.holdings {
		if k.Owner != r.config.ID || r.busy[d] != 0 {
			continue
		}
		l := r.mine[d]
		_, wanted := r.wishes[d]
		switch {
		case l == nil && wanted:
			r.do(ctx, d, beginIt, func() error { return r.begin(ctx, d) })
		case l == nil && now.Sub(r.began) > takeAgain: // until then not all of its wishes may be known
			r.do(ctx, d, stopIt, func() error { return r.strike(ctx, d) })
		case l != nil && l.failed && now.After(l.retry):
			r.do(ctx, d, beginIt, func() error { return r.begin(ctx, d) })
		}
	}
}

func (r *Roster) view(k DutyKind, now time.Time) view {
	v := view{
		me: r.config.ID, kind: k, wishes: map[Duty]Wish{}, holdings: map[Duty]holding{}, free: map[Duty]time.Duration{}, kept: map[Duty]bool{},
		calm: now.Sub(r.moved) >= calmAfter,
	}
	for id, m := range r.members {
		if slices.Contains(m.Kinds, k) {
			v.members = append(v.members, id)
		}
	}
	for d, held := range r.holdings {
		if d.Kind != k {
			continue
		}
		switch r.busy[d] {
		case takeIt:
			held.Owner, held.free = v.me, time.Time{}
		case giveIt, yieldIt:
			v.moving++
			continue
		}
		v.holdings[d] = held.holding
		if !held.free.IsZero() {
			v.free[d] = now.Sub(held.free)
		} else if !slices.Contains(v.members, held.Owner) {
			v.members = append(v.members, held.Owner) // its key is gone, but not for long enough
		}
	}
	slices.Sort(v.members)
	for d, w := range r.wishes {
		if d.Kind == k && r.busy[d] == 0 {
			v.wishes[d] = w
			v.kept[d] = r.mine[d] != nil && r.mine[d].overdue
		}
	}
	return v
}

// move begins one move.
func (r *Roster) move(ctx context.Context, d Duty, m move) {
	k, w, l := r.holdings[d], r.wishes[d], r.mine[d]
	switch m {
	case takeIt:
		r.do(ctx, d, m, func() error { return r.take(ctx, d, k, w) })
	case giveIt:
		r.do(ctx, d, m, func() error { r.drop(d, l); return r.release(ctx, d) })
	case yieldIt:
		r.log.Warn("another process has newer settings, and takes over", "duty", d.String(), "process", k.Asks)
		r.do(ctx, d, m, func() error { r.drop(d, l); return r.release(ctx, d) })
	case askIt:
		r.log.Warn("another process works with older settings than this one's; asking it to let go", "duty", d.String(), "process", k.Owner)
		asked := k.told(w)
		asked.Asks = r.config.ID
		r.do(ctx, d, m, func() error { return r.write(ctx, d, asked, k.revision) })
	case tellIt:
		told := k.told(w)
		told.Runs, told.Asks = w.Settings, ""
		r.do(ctx, d, m, func() error { return r.write(ctx, d, told, k.revision) })
	}
}

// do does one thing about d, and no other meanwhile. What fails shows in the bucket, and is seen to from there.
func (r *Roster) do(ctx context.Context, d Duty, m move, f func() error) {
	r.busy[d] = m
	r.work.Go(func() {
		r.slots <- struct{}{}
		err := f()
		if errors.Is(err, errOvertaken) {
			err = r.lookUp(ctx, d) // so that it does not depend on what the watch brings
		}
		<-r.slots
		if err != nil && ctx.Err() == nil {
			r.log.Error("cannot do what is this process's share; trying again", "duty", d.String(), "error", err)
		}
		r.mu.Lock()
		delete(r.busy, d)
		r.mu.Unlock()
		r.poke()
	})
}

// giveBackFor is how long giving back may take: then the others notice by themselves.
const giveBackFor = 10 * time.Second

// giveBack drops all that this process has, and gives it back.
func (r *Roster) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, giveBackFor)
	defer cancel()
	r.work.Wait() // what is being taken is had then
	r.mu.Lock()
	for d, l := range r.mine {
		r.do(ctx, d, giveIt, func() error {
			if r.drop(d, l); r.config.Lasting {
				return nil
			}
			return r.release(ctx, d)
		})
	}
	r.mu.Unlock()
	r.work.Wait()
}
