package callbacks

import (
	"slices"
	"sync"

	"github.com/callbus/callbus/events"
)

// openStatuses are those of a case that is open.
var openStatuses = [...]events.CallbackStatus{
	events.StatusWatching, events.StatusHeld, events.StatusNotified, events.StatusAttempted, events.StatusSnoozed,
}

// standing is how many cases of a page are open, by their status.
type standing [len(openStatuses)]int32

func (c Caller) standing() (s standing) {
	for _, k := range c.Cases {
		if i := slices.Index(openStatuses[:], k.Status); i >= 0 {
			s[i]++
		}
	}
	return s
}

// A board counts the open cases of all pages, as far as this process knows: of those that it wrote, and of those that a review
// found. A review reads for a while, so what was written since it began is newer than what it finds.
type board struct {
	mu    sync.Mutex
	of    map[string]standing // by page, where there is one
	all   standing
	known map[string]bool // pages that were written or found since the review began; nil while none is under way
}

func newBoard() *board { return &board{of: map[string]standing{}} }

// set notes what was written.
func (b *board) set(page string, s standing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(page, s)
	if b.known != nil {
		b.known[page] = true
	}
}

// begin begins a review.
func (b *board) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = map[string]bool{}
}

// found notes what the review found.
func (b *board) found(page string, s standing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.known[page] {
		b.put(page, s)
		b.known[page] = true
	}
}

// end ends the review. A page that it did not find, if it saw all of them, is gone.
func (b *board) end(whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for page := range b.of {
		if whole && !b.known[page] {
			b.put(page, standing{})
		}
	}
	b.known = nil
}

func (b *board) put(page string, s standing) {
	for i, n := range b.of[page] {
		b.all[i] += s[i] - n
	}
	if s == (standing{}) {
		delete(b.of, page)
	} else {
		b.of[page] = s
	}
}

// Open returns how many obligations are open, by their status.
func (s *Sink) Open() map[events.CallbackStatus]int {
	s.board.mu.Lock()
	defer s.board.mu.Unlock()
	all := map[events.CallbackStatus]int{}
	for i, status := range openStatuses {
		all[status] = int(s.board.all[i])
	}
	return all
}
