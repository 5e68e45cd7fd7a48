package pbxsim

import (
	"fmt"
	"math/rand/v2"
)

// PBX is the invented exchange: who can be called, and by which lines.
type PBX struct {
	Extensions []Extension
	Queues     []*Queue
	Menus      []string
	Trunks     []Trunk
}

// Extension is a telephone and the person at it.
type Extension struct{ Number, Name string }

// Queue is a queue, whose members are rung one after another, or a ring group, whose members are rung at once.
type Queue struct {
	ID, Name string
	Group    bool
	Members  []string // extensions
}

// Trunk is a line to the outside.
type Trunk struct {
	Name string
	DID  string // the number by which it is called, E.164
}

// firstExtension is 101 for a small PBX. A larger one has four digits, so that no extension looks like a queue (6xx).
func firstExtension(n int) int {
	if n <= 400 {
		return 101
	}
	return 1001
}

func newPBX(c Config, rng *rand.Rand) PBX {
	var p PBX
	for i := range c.Extensions {
		p.Extensions = append(p.Extensions, Extension{Number: fmt.Sprint(firstExtension(c.Extensions) + i), Name: inventName(rng)})
	}
	for i := range c.Queues {
		p.Queues = append(p.Queues, p.newQueue(i, rng))
	}
	p.Menus = []string{"700", "701"}
	for i := range c.Trunks {
		p.Trunks = append(p.Trunks, Trunk{Name: fmt.Sprintf("Trunk%d", 210+i), DID: fmt.Sprintf("+908500000%03d", 100+i)})
	}
	return p
}

var queueNames = []string{"Satış", "Destek", "Muhasebe", "Teknik Servis", "Danışma"}

// newQueue returns the i-th queue: 600, 610, ... so that the numbers are spread, as people spread them.
func (p *PBX) newQueue(i int, rng *rand.Rand) *Queue {
	q := &Queue{ID: fmt.Sprint(600 + i*10%100 + i/10), Name: queueNames[i%len(queueNames)], Group: i%2 == 1}
	size := min(3+rng.IntN(5), len(p.Extensions))
	for _, at := range rng.Perm(len(p.Extensions))[:size] {
		q.Members = append(q.Members, p.Extensions[at].Number)
	}
	return q
}

// queues returns those that are ring groups, or those that are not; all when there are none of the kind.
func (p *PBX) queues(group bool) []*Queue {
	var of []*Queue
	for _, q := range p.Queues {
		if q.Group == group {
			of = append(of, q)
		}
	}
	if len(of) == 0 {
		return p.Queues
	}
	return of
}

var (
	givenNames  = []string{"Ayşe", "Mehmet", "Zeynep", "Can", "Elif", "Murat", "Deniz", "Fatma", "Emre", "Selin"}
	familyNames = []string{"Örnek", "Deneme", "Temsili", "Hayali", "Kurgu", "Taslak"}
)

// inventName returns a name that nobody has: the family names mean example, trial, imaginary and so on.
func inventName(rng *rand.Rand) string {
	return givenNames[rng.IntN(len(givenNames))] + " " + familyNames[rng.IntN(len(familyNames))]
}
