package telsam

import (
	"strings"
	"sync"

	"github.com/callbus/callbus/events"
)

// queuesKept bounds the memory of queues; no PBX has as many.
const queuesKept = 10_000

// queues gives the same pointer for the same queue, as ingest.Numbers does for parties: whoever compares two snapshots
// sees at once what has not changed.
type queues struct {
	mu    sync.Mutex
	known map[string]*events.Queue
}

func (q *queues) get(id string) *events.Queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	if queue, ok := q.known[id]; ok {
		return queue
	}
	if len(q.known) >= queuesKept {
		clear(q.known)
	}
	id = strings.Clone(id) // not to keep alive what it was cut from
	queue := newQueue(id)
	q.known[id] = queue
	return queue
}

func newQueue(id string) *events.Queue { return &events.Queue{ID: &id} }
