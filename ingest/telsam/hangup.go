package telsam

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

var _ ingest.Hanger = (*Client)(nil)

var (
	errNoChannel = errors.New("no channel is named")
	errAlike     = errors.New("two channels are alike but for credentials that callbus does not show; nothing is ended")
)

// HangupID returns the channel of a call that the list of active calls showed.
func (c *Client) HangupID(call events.Call) string { return call.VendorIDs["channel"] }

// Hangup ends the call on a channel. The vendor publishes no answer for it: success=false is taken to say that there is
// no such channel, though it may as well refuse the credentials. A channel whose name had to be redacted is looked up
// first in the list of active calls.
func (c *Client) Hangup(ctx context.Context, channel string) error {
	if err := c.hangup(ctx, channel); err != nil {
		return told("the end of a call", err)
	}
	return nil
}

func (c *Client) hangup(ctx context.Context, channel string) (err error) {
	if strings.TrimSpace(channel) == "" {
		return errNoChannel
	}
	if strings.Contains(channel, secret.Hidden) {
		if channel, err = c.unhidden(ctx, channel); err != nil {
			return err
		}
	}
	_, _, err = c.ask(ctx, "action=hangupcall&channel="+vendorhttp.Escape(channel))
	switch {
	case errors.Is(err, errRefused):
		return fmt.Errorf("%w, or else %w: the PBX answers success=false to both", ingest.ErrNoSuchCall, ingest.ErrCredentials)
	case saysDone(err):
		return nil
	}
	return err
}

// unhidden returns the channel that is shown as hidden.
func (c *Client) unhidden(ctx context.Context, hidden string) (channel string, err error) {
	_, rows, err := c.ask(ctx, "action=activecalls")
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		f, _ := readActive(r) // one that cannot be read was shown to nobody
		name, err := f.channel.Text()
		if err != nil || c.clean(name) != hidden {
			continue
		}
		if channel != "" && name != channel {
			return "", errAlike
		}
		channel = name
	}
	if channel == "" {
		return "", ingest.ErrNoSuchCall
	}
	return channel, nil
}
