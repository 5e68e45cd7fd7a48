package ingest

// Remembered returns how many entries t holds in all, wherever: what must not grow for ever.
func (t *Tracker) Remembered() int {
	n := len(t.byID) + len(t.byRecord) + len(t.live) + len(t.gone) + len(t.awaiting) + len(t.lineup.last) + len(t.lineup.now) +
		len(t.held) + len(t.wanting)
	for _, cs := range t.byChannel {
		n += len(cs)
	}
	for _, p := range []parties{t.unjoined, t.unseen} {
		for _, cs := range p {
			n += len(cs)
		}
	}
	return n
}
