package stream

import (
	"cmp"
	"slices"
	"sync"
)

// givenBack is what was given back without a wait, in the order of the stream, for each of the two consumers.
type givenBack struct {
	mu sync.Mutex
	of [2][]*delivery
}

func (g *givenBack) add(d *delivery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := &g.of[d.slot.consumer()]
	if i, there := find(*of, d); !there {
		*of = slices.Insert(*of, i, d)
	}
}

// first returns the first, nil if there is none.
func (g *givenBack) first(copied bool) *delivery {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := g.of[slot{copied: copied}.consumer()]
	if len(of) == 0 {
		return nil
	}
	return of[0]
}

func (g *givenBack) drop(d *delivery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := &g.of[d.slot.consumer()]
	if i, there := find(*of, d); there {
		*of = slices.Delete(*of, i, i+1)
	}
}

func find(of []*delivery, d *delivery) (int, bool) {
	return slices.BinarySearchFunc(of, d, func(a, b *delivery) int { return cmp.Compare(a.slot.seq, b.slot.seq) })
}
