package bulutfon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// Detail asks for the way that an incoming call took. Of other calls the vendor keeps none, and is not asked.
func (c *Client) Detail(ctx context.Context, call events.Call) (ingest.Detail, error) {
	d, err := c.detail(ctx, call)
	if err != nil {
		return ingest.Detail{}, told("the detail of a call", err)
	}
	return d, nil
}

func (c *Client) detail(ctx context.Context, call events.Call) (d ingest.Detail, err error) {
	id := call.VendorIDs["uuid"]
	if call.Direction != events.Inbound || !isID(id) {
		return d, fmt.Errorf("%w: it is kept of incoming calls that have a uuid", ingest.ErrNoDetail)
	}
	reply, a, err := c.ask(ctx, "", "cdrs", id)
	if err != nil {
		return d, c.notFound(err)
	}
	if r, said := c.refusal(a); said && r.code == http.StatusNotFound && a.cdr == nil {
		return d, fmt.Errorf("%w: the vendor says %q", ingest.ErrNoDetail, r.words)
	}
	v, err := readFields(a.cdr)
	if err != nil {
		return d, c.missing(a, "cdr")
	}
	if told, err := v.uuid.Text(); err != nil || told != id {
		return d, fmt.Errorf("%w: it is the detail of another call", ingest.ErrForeign)
	}
	d = ingest.Detail{Key: id, Asked: reply.Asked, At: reply.At}
	return d, c.describe(&d, v)
}

// describe adds what v tells of a call beyond its row.
func (c *Client) describe(d *ingest.Detail, v fields) error {
	w, err := c.way(v.flow)
	if err != nil {
		return err
	}
	d.Flow, d.Queue = w.flow(), w.queue()
	missing, err := readMissing(v.missingCall)
	if err != nil {
		return fmt.Errorf("%w: its missing_call cannot be read", ingest.ErrForeign)
	}
	if missing != nil && *missing {
		d.Answered = new(false) // the vendor's word goes before everything
		return nil
	}
	d.Answered, d.Agent, d.AnsweredAt = w.answer()
	if t, err := c.time("answer_time", v.answerTime); err == nil && t.IsZero() && d.Answered == nil {
		d.Answered = new(false) // nothing picked it up at all
	}
	return nil
}

// notFound says of an error that there is no such detail, if it says so.
func (c *Client) notFound(err error) error {
	status := (*vendorhttp.StatusError)(nil)
	if errors.As(err, &status) && status.Code == http.StatusNotFound && !errors.Is(err, ingest.ErrCredentials) {
		return fmt.Errorf("%w: %w", ingest.ErrNoDetail, err)
	}
	return err
}

// isID tells whether s holds nothing but letters, digits, - and _, and so may stand in a path as it is.
func isID(s string) bool {
	return s != "" && strings.Trim(s, "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
