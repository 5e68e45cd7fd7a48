package sinks

// mostAhead is how many times as many events as there are lanes are in hand at most, beside those that the lanes have.
const mostAhead = 4

// An ahead is how much is fetched before a lane can have it. What waits in hand gets old, and so it is little: as many events
// as there are lanes. Where an endpoint takes those faster than the next are fetched, and lanes have nothing to do meanwhile,
// it is more.
type ahead struct {
	times int // as many as there are lanes, beside the first time
	asked int // how many events were asked for last
}

// ask returns how many events to fetch, with so many lanes and so many events in hand; none before it is worth asking.
func (a *ahead) ask(lanes, inHand int) int {
	a.asked = 0
	if want := lanes * (1 + a.times); inHand <= want {
		a.asked = lanes + want - inHand
	}
	return a.asked
}

// came notes how many events came, and whether lanes had nothing to do.
func (a *ahead) came(n int, idle bool) {
	if idle && n == a.asked && n > 0 {
		a.times = min(a.times+1, mostAhead-1)
	}
}

// rest makes it less, now and then: an endpoint may have become slower.
func (a *ahead) rest() { a.times = max(a.times-1, 0) }
