package stream

import "time"

// A pace decides which is quicker for so many messages: one after another, or one batch. That depends on the server: how long
// it takes to sync a file, whether it syncs at all, how far away it is, how many replicas it waits for. So it is measured as it goes.
type pace struct {
	one   time.Duration // what one message takes, published for itself
	batch time.Duration // what a batch takes before it counts how many messages are in it
}

const (
	perBatched = 12 * time.Microsecond // what one more message adds to a batch, about
	mostAlone  = 100                   // beyond it a batch has always been quicker
)

// newPace begins with what was measured on two cores and a virtual disk: a batch is worth it from about 12 messages with one replica, which
// keeps the batch in files of its own, and from 2 with several, which keep it in memory.
func newPace(replicas int) pace {
	if replicas > 1 {
		return pace{one: 1200 * time.Microsecond, batch: 1300 * time.Microsecond}
	}
	return pace{one: 250 * time.Microsecond, batch: 3 * time.Millisecond}
}

// alone tells whether n messages are better published one by one.
func (p *pace) alone(n int) bool {
	return n <= 1 || n <= mostAlone && time.Duration(n)*p.one <= p.batch+time.Duration(n)*perBatched
}

func (p *pace) oneTook(d time.Duration) { p.one = mixed(p.one, d) }

func (p *pace) batchTook(d time.Duration, n int) {
	p.batch = mixed(p.batch, max(d-time.Duration(n)*perBatched, 0))
}

// mixed moves the estimate towards what was just measured, but lets one slow sync not count for much.
func mixed(estimate, measured time.Duration) time.Duration {
	return estimate + (min(measured, 4*estimate+time.Microsecond)-estimate)/16
}
