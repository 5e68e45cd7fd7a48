package while1

import (
	"strings"
	"sync"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// wordsKept bounds the memory of words; no PBX has as many names, queues and results.
const wordsKept = 20_000

// words takes secrets out of the vendor's texts. They are few, and in every row again, so each is looked through once.
type words struct {
	redact vendorhttp.Redactor
	mu     sync.Mutex
	known  map[string]string
}

func newWords(r vendorhttp.Redactor) *words { return &words{redact: r, known: map[string]string{}} }

func (w *words) clean(text string) string {
	if text == "" {
		return ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if clean, ok := w.known[text]; ok {
		return clean
	}
	if len(w.known) >= wordsKept {
		clear(w.known)
	}
	text = strings.Clone(text)
	clean := w.redact.Text(text)
	w.known[text] = clean
	return clean
}

// party reads a side of a call. What is a word and no number may be anything, also an echo of the request.
func (c *Client) party(raw string) events.Party {
	if strings.Trim(raw, "+0123456789 ()-./") != "" {
		raw = c.words.clean(raw)
	}
	return c.numbers.Party(raw)
}

// told returns a pointer to text, or nil where it says nothing.
func told(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
