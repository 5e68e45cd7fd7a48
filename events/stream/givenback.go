package stream

import (
	"cmp"
	"slices"
	"sync"
)

// givenBack is what was given back without a wait, in the order of the stream, for each of the two consumers.
type givenBack struct {
	mu   sync.Mutex
	of   [2][]*delivery
	came chan struct{} // says that there is something
}

func newGivenBack() *givenBack { return &givenBack{came: make(chan struct{}, 1)} }

func (g *givenBack) add(d *delivery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := &g.of[d.slot.consumer()]
	i, there := slices.BinarySearchFunc(*of, d, func(a, b *delivery) int { return cmp.Compare(a.slot.seq, b.slot.seq) })
	if there {
		return
	}
	*of = slices.Insert(*of, i, d)
	select {
	case g.came <- struct{}{}:
	default:
	}
}

// first takes the first, nil if there is none.
func (g *givenBack) first(copied bool) *delivery {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := &g.of[slot{copied: copied}.consumer()]
	if len(*of) == 0 {
		return nil
	}
	d := (*of)[0]
	(*of)[0] = nil
	*of = (*of)[1:]
	return d
}
