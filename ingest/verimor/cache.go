package verimor

import (
	"sync"

	"github.com/callbus/callbus/ingest/scalar"
)

// cached bounds the memory of a cache: about 100 bytes each.
const cached = 20_000

// A cache reads a value once and gives the same result whenever the vendor writes it again, as ingest.Numbers does for
// parties: most names, results, queues and durations of an account come again and again, and a look into a map costs
// less than to read them. It may be used concurrently.
type cache[V any] struct {
	read  func(scalar.Value) V
	mu    sync.Mutex
	known map[string]V // by the value as it is written
}

func newCache[V any](read func(scalar.Value) V) *cache[V] {
	return &cache[V]{read: read, known: map[string]V{}}
}

func (c *cache[V]) get(v scalar.Value) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known[string(v)]; ok {
		return known
	}
	if len(c.known) >= cached {
		clear(c.known)
	}
	read := c.read(v)
	c.known[string(v)] = read
	return read
}
