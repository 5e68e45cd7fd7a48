package while1

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// HangupID returns "": the vendor's rows do not tell the channel of a call, and it is gone when there are rows.
func (c *Client) HangupID(events.Call) string { return "" }

// Hangup hangs up the channel of that name, such as PJSIP/john-doe-00000027. The vendor hangs up all channels when none
// is named: what is not a technology, a slash and a name is refused before anything is sent.
func (c *Client) Hangup(ctx context.Context, channel string) error {
	if !isChannel(channel) {
		return errors.New("hang up: not the name of a channel, expected one such as PJSIP/john-doe-00000027; nothing was sent")
	}
	question := params{{"action", "hangup"}, {"data[channel]", channel}}
	_, _, err := c.ask(c.request(ctx, "channel", question), question)
	if said := (*refusal)(nil); errors.As(err, &said) && said.kind == nil && unknownChannel(said.messages) {
		err = fmt.Errorf("%w: %w", ingest.ErrNoSuchCall, err)
	}
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}

// isChannel tells whether name names one channel.
func isChannel(name string) bool {
	technology, rest, found := strings.Cut(name, "/")
	odd := func(r rune) bool { return r <= ' ' || r == '*' || r == ',' || r == 0x7f }
	return found && technology != "" && rest != "" && !strings.ContainsFunc(name, odd)
}

// unknownChannel tells whether the vendor says that there is no such channel. Its wording is not published.
func unknownChannel(messages string) bool {
	text := strings.ToLower(messages)
	for _, words := range []string{"no such channel", "no channel", "not found", "unknown channel", "does not exist",
		"doesn't exist", "nu exista", "nu există", "inexistent", "negasit", "nu a fost gasit", "nu a fost găsit"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
