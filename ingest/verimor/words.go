package verimor

import (
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/scalar"
)

// word reads a text without the key; nil where there is none.
func (c *Client) word(v scalar.Value) *string {
	text, err := v.Text()
	if err != nil || text == "" {
		return nil
	}
	return new(c.clean(text))
}

// text returns what word does, and "" where there is none.
func (c *Client) text(v scalar.Value) string {
	if word := c.words.get(v); word != nil {
		return *word
	}
	return ""
}

// queue reads the number of a queue or ring group; nil where there is none.
func (c *Client) queue(v scalar.Value) *events.Queue {
	if id := c.word(v); id != nil {
		return &events.Queue{ID: id}
	}
	return nil
}

// A side is the number that stands for one side of a call, or why it cannot be read.
type side struct {
	party events.Party
	err   error
}

func (c *Client) side(v scalar.Value) side {
	raw, err := v.Text()
	if err != nil {
		return side{err: err}
	}
	if strings.Trim(raw, "+0123456789 ()-./") != "" || strings.Contains(raw, c.key) {
		raw = c.redact.Text(raw)
	}
	return side{party: c.numbers.Party(raw)}
}

// clean returns text without the key. A row may hold anything, also an echo of the request. Ids are looked at by the
// thousand, and most of them are letters, digits and hyphens: those spell the key as it is, or not at all.
func (c *Client) clean(text string) string {
	if strings.Trim(text, idLetters) == "" && !strings.Contains(text, c.key) {
		return text
	}
	return c.redact.Text(text)
}

const idLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"
