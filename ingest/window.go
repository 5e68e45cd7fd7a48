package ingest

import "slices"

// merged returns ws with those that touch made one, newest first.
func merged(ws []Window) []Window {
	slices.SortFunc(ws, func(a, b Window) int { return b.To.Compare(a.To) })
	out := ws[:0]
	for _, w := range ws {
		if last := len(out) - 1; last >= 0 && !w.To.Before(out[last].From) {
			if w.From.Before(out[last].From) {
				out[last].From = w.From
			}
			continue
		}
		out = append(out, w)
	}
	return out
}
