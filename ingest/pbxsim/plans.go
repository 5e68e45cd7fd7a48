package pbxsim

import "time"

// plan is a call that will follow from an earlier one.
type plan struct {
	at     time.Time
	order  int // tells apart plans for the same instant: the earlier made goes first
	why    why
	intent intent
	after  int // N of the earlier call
}

type why int

const (
	twin why = iota
	redial
	returned
)

// plans is a heap of plans, the earliest on top.
type plans []plan

func (p plans) Len() int      { return len(p) }
func (p plans) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *plans) Push(x any)   { *p = append(*p, x.(plan)) }

func (p plans) Less(i, j int) bool {
	if !p[i].at.Equal(p[j].at) {
		return p[i].at.Before(p[j].at)
	}
	return p[i].order < p[j].order
}

func (p *plans) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}
