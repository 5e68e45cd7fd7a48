package telsam

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

var _ ingest.Hanger = (*Client)(nil)

var errNoChannel = errors.New("no channel is named")

// HangupID returns the channel of a call that the list of active calls showed.
func (c *Client) HangupID(call events.Call) string { return call.VendorIDs["channel"] }

// Hangup ends the call on a channel. The vendor publishes no answer for it: success=false is taken to say that there is
// no such channel, since the same credentials have shown it a moment ago.
func (c *Client) Hangup(ctx context.Context, channel string) error {
	if strings.TrimSpace(channel) == "" {
		return told("the end of a call", errNoChannel)
	}
	_, _, err := c.ask(ctx, "action=hangupcall&channel="+escape(channel))
	if errors.Is(err, errRefused) {
		err = fmt.Errorf("%w: the PBX answers success=false", ingest.ErrNoSuchCall)
	}
	if err != nil && !saysDone(err) {
		return told("the end of a call", err)
	}
	return nil
}
