package callbacks

import (
	"container/heap"
	"sync"
	"time"

	"github.com/callbus/callbus/sinks"
)

// Wakes are the times at which pages are to be looked at, as far as this process knows them: of the pages that it wrote, and
// of those that it found when it began. They are punctual and cost nothing; the alarms of the diary are for what another
// process wrote that is gone.
type wakes struct {
	mu      sync.Mutex
	of      map[string]time.Time // by page: when
	queue   wakeQueue            // those, and some that are no more
	changed chan struct{}        // the first one is another
}

func newWakes() *wakes { return &wakes{of: map[string]time.Time{}, changed: make(chan struct{}, 1)} }

// set notes when a page is to be looked at, instead of what was noted before; zero: never.
func (w *wakes) set(a sinks.Alarm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.At.IsZero() {
		delete(w.of, a.Key)
		return
	}
	w.note(a)
}

// found notes when a page that was read a while ago is to be looked at. What was noted for it meanwhile stays, unless this is
// sooner.
func (w *wakes) found(a sinks.Alarm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if noted, is := w.of[a.Key]; !a.At.IsZero() && (!is || a.At.Before(noted)) {
		w.note(a)
	}
}

func (w *wakes) note(a sinks.Alarm) {
	if w.of[a.Key].Equal(a.At) {
		return
	}
	w.of[a.Key] = a.At
	heap.Push(&w.queue, a)
	if w.queue[0] != a {
		return
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// due takes the first that is due, or tells when that will be; zero if there is none.
func (w *wakes) due(now time.Time) (a sinks.Alarm, is bool, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) > 0 {
		a := w.queue[0]
		noted := w.of[a.Key].Equal(a.At)
		if noted && a.At.After(now) {
			return sinks.Alarm{}, false, a.At
		}
		heap.Pop(&w.queue)
		if noted {
			delete(w.of, a.Key)
			return a, true, next
		}
	}
	return a, false, next
}

// wakeQueue is a heap, the earliest first.
type wakeQueue []sinks.Alarm

func (q wakeQueue) Len() int           { return len(q) }
func (q wakeQueue) Less(i, j int) bool { return q[i].At.Before(q[j].At) }
func (q wakeQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *wakeQueue) Push(a any)        { *q = append(*q, a.(sinks.Alarm)) }

func (q *wakeQueue) Pop() any {
	last := len(*q) - 1
	a := (*q)[last]
	*q = (*q)[:last]
	return a
}
