package stream

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// office is some processes that share out duties with a view that is always right: what is left to chance is who looks when.
type office struct {
	wishes   map[string]map[Duty]Wish // of each living process
	holdings map[Duty]holding
	free     map[Duty]time.Duration
	kept     map[string]map[Duty]bool
	moves    int
}

func newOffice() *office {
	return &office{wishes: map[string]map[Duty]Wish{}, holdings: map[Duty]holding{}, free: map[Duty]time.Duration{}, kept: map[string]map[Duty]bool{}}
}

func (o *office) comes(id string, wishes map[Duty]Wish) {
	o.wishes[id], o.kept[id] = wishes, map[Duty]bool{}
}

func (o *office) view(id string) view {
	v := view{me: id, kind: AccountDuty, wishes: o.wishes[id], holdings: o.holdings, free: o.free, kept: o.kept[id], calm: true}
	for id := range o.wishes {
		v.members = append(v.members, id)
	}
	slices.Sort(v.members)
	return v
}

// look lets one process do what it decides to do.
func (o *office) look(id string) {
	v := o.view(id)
	for d, m := range v.moves() {
		o.moves++
		h, w := o.holdings[d], o.wishes[id][d]
		switch m {
		case takeIt:
			o.kept[id][d] = o.free[d] >= freeTooLong
			h = h.taken(id, "t", w)
		case giveIt, yieldIt:
			h = h.released()
			delete(o.kept[id], d)
		case askIt:
			h = h.told(w)
			h.Asks = id
		case tellIt:
			h = h.told(w)
			h.Runs, h.Asks = w.Settings, ""
		}
		o.holdings[d] = h
	}
}

// pass lets half a second pass.
func (o *office) pass() {
	lonely := map[Duty]time.Duration{}
	for _, wishes := range o.wishes {
		for d := range wishes {
			if o.wishes[o.holdings[d].Owner] == nil {
				lonely[d] = o.free[d] + time.Second/2
			}
		}
	}
	o.free = lonely
}

func (o *office) ids() []string {
	var ids []string
	for id := range o.wishes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// settle lets all look in an order left to chance until nothing moves for longer than anything waits.
func (o *office) settle(t *rapid.T) {
	for quiet, rounds := 0, 0; quiet < 25; rounds++ {
		if rounds > 100 {
			t.Fatalf("it does not come to rest: %v", o.holdings)
		}
		before := o.moves
		for _, id := range rapid.Permutation(o.ids()).Draw(t, "order") {
			o.look(id)
		}
		o.pass()
		if quiet++; o.moves != before {
			quiet = 0
		}
	}
}

func (o *office) checkEven(t *rapid.T, duties []Duty) {
	n := map[string]int{}
	for id := range o.wishes {
		n[id] = 0
	}
	for _, d := range duties {
		owner := o.holdings[d].Owner
		if _, alive := n[owner]; !alive {
			t.Fatalf("%v is with %q, which does not live", d, owner)
		}
		n[owner]++
	}
	var counts []int
	for _, c := range n {
		counts = append(counts, c)
	}
	if slices.Max(counts)-slices.Min(counts) > 1 {
		t.Fatalf("not even: %v", n)
	}
}

func someDuties(n int) (duties []Duty, wishes map[Duty]Wish) {
	wishes = map[Duty]Wish{}
	for i := range n {
		d := Duty{AccountDuty, fmt.Sprintf("acme-%d", i)}
		duties = append(duties, d)
		wishes[d] = Wish{Settings: "a"}
	}
	return duties, wishes
}

// However processes come and go, the duties are shared out evenly, and no more move than must.
func TestSharesAreEvenAndStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOffice()
		duties, wishes := someDuties(rapid.IntRange(0, 40).Draw(t, "duties"))
		o.comes("p0", wishes)
		o.settle(t)
		for n := range rapid.IntRange(1, 6).Draw(t, "events") {
			had := len(o.wishes)
			before := o.moves
			if had > 1 && rapid.Bool().Draw(t, "goes") {
				gone := rapid.SampledFrom(o.ids()).Draw(t, "who")
				delete(o.wishes, gone)
				o.settle(t)
			} else {
				o.comes(fmt.Sprintf("p%d", n+1), wishes)
				o.settle(t)
			}
			o.checkEven(t, duties)
			if most := 2*(len(duties)/min(had, len(o.wishes))+1) + len(o.wishes); o.moves-before > most {
				t.Fatalf("%d moves for %d duties when %d became %d", o.moves-before, len(duties), had, len(o.wishes))
			}
		}
	})
}

// Where processes do not know the same duties, each duty that somebody knows is done all the same, and nothing goes back and forth.
func TestWhatOnlySomeKnowIsDone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOffice()
		duties, wishes := someDuties(rapid.IntRange(1, 20).Draw(t, "duties"))
		known := map[Duty]bool{}
		for p := range rapid.IntRange(1, 4).Draw(t, "processes") {
			some := map[Duty]Wish{}
			for _, d := range duties {
				if rapid.Bool().Draw(t, "knows") {
					some[d], known[d] = wishes[d], true
				}
			}
			o.comes(fmt.Sprintf("p%d", p), some)
		}
		o.settle(t)
		for d := range known {
			if _, knows := o.wishes[o.holdings[d].Owner][d]; !knows {
				t.Fatalf("%v is with %q", d, o.holdings[d].Owner)
			}
		}
	})
}

// Of processes with different settings, the one that got its last does the duty; when it is gone, another does.
func TestTheNewestSettingsWin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOffice()
		d := Duty{AccountDuty, "acme"}
		n := rapid.IntRange(1, 5).Draw(t, "processes")
		for _, p := range rapid.Permutation(slices.Collect(count(n))).Draw(t, "come") {
			o.comes(fmt.Sprintf("p%d", p), map[Duty]Wish{d: {Settings: fmt.Sprint(p), Since: time.Unix(int64(p), 0)}})
			o.settle(t)
		}
		for p := n - 1; p >= 0; p-- {
			if got, want := o.holdings[d].Owner, fmt.Sprintf("p%d", p); got != want {
				t.Fatalf("%s does it, want %s: %+v", got, want, o.holdings[d])
			}
			delete(o.wishes, fmt.Sprintf("p%d", p))
			if p > 0 {
				o.settle(t)
				break
			}
		}
		if len(o.wishes) > 0 && o.wishes[o.holdings[d].Owner] == nil {
			t.Fatalf("nobody does it when the newest is gone: %+v", o.holdings[d])
		}
	})
}

func count(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// A term lapses when its process vanished with it, and only then.
func TestWhichTermsLapse(t *testing.T) {
	w := Wish{Settings: "a"}
	h := holding{}.taken("p1", "t1", w)
	for name, c := range map[string]struct {
		from holding
		want []string
	}{
		"nobody had it":                         {holding{}, nil},
		"it was given back":                     {h.released(), nil},
		"its process vanished":                  {h, []string{"t1"}},
		"two vanished, one before it was ended": {h.taken("p2", "t2", w), []string{"t1", "t2"}},
		"an earlier life of the same process":   {holding{}.taken("p9", "t0", w), nil},
		"given back before an older one ended":  {h.taken("p2", "t2", w).released(), []string{"t1"}},
	} {
		if got := c.from.taken("p9", "t9", w).Lapsed; !slices.Equal(got, c.want) {
			t.Errorf("%s: lapsed %v, want %v", name, got, c.want)
		}
	}
}
