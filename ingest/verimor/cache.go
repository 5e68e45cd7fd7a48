package verimor

import (
	"strings"
	"sync"

	"github.com/callbus/callbus/ingest/scalar"
)

// cached bounds the memory of a cache: about 100 bytes each.
const cached = 20_000

// A cache makes the same value once for the same text, as ingest.Numbers does for parties: most names, results and queues
// of an account come again and again. It may be used concurrently.
type cache[V any] struct {
	make  func(text string) V
	mu    sync.Mutex
	known map[string]V
}

func newCache[V any](from func(text string) V) *cache[V] {
	return &cache[V]{make: from, known: map[string]V{}}
}

func (c *cache[V]) get(text string) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.known[text]; ok {
		return v
	}
	if len(c.known) >= cached {
		clear(c.known)
	}
	text = strings.Clone(text) // not to keep alive what it was cut from
	v := c.make(text)
	c.known[text] = v
	return v
}

// optional returns what c has for the text that v holds, and the zero value where it holds none.
func (c *cache[V]) optional(v scalar.Value) (none V) {
	text, err := v.Text()
	if err != nil || text == "" {
		return none
	}
	return c.get(text)
}
