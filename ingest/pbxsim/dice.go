package pbxsim

import "time"

// die is rolled for one matter of one call. It always shows the same, so that a vendor's view of a call does not depend
// on who asks, or when.
type die uint64

// dieOf returns the die of matter (any fixed word) of call n.
func dieOf(seed uint64, n int, matter string) die {
	h := seed*0x9e3779b97f4a7c15 + uint64(n) + 1
	for i := range len(matter) {
		h = (h ^ uint64(matter[i])) * 0x100000001b3
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9 // splitmix64's finish: neighbouring calls must not look alike
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return die(h ^ h>>31)
}

// share is the die as a fraction, from 0 up to but not including 1.
func (d die) share() float64 { return float64(d>>11) / (1 << 53) }

func (d die) chance(p float64) bool { return d.share() < p }

func (d die) of(n int) int { return int(d.share() * float64(n)) }

func (d die) within(s Span) time.Duration {
	return s.Min + time.Duration(d.share()*float64(s.Max-s.Min))
}
