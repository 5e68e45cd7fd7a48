package verimor

import (
	"context"
	"fmt"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// Detail asks for the way that call took: the numbers that were called one after another or at once, and who answered.
func (c *Client) Detail(ctx context.Context, call events.Call) (ingest.Detail, error) {
	id := c.RecordKey(call)
	if !isPart(id) {
		return ingest.Detail{}, fmt.Errorf("%w: %w", ingest.ErrNoDetail, errNoID)
	}
	d, err := c.detail(ctx, call, id)
	if err != nil {
		return ingest.Detail{}, told("the detail of call "+id, err)
	}
	return d, nil
}

func (c *Client) detail(ctx context.Context, call events.Call, id string) (d ingest.Detail, err error) {
	reply, err := c.get(ctx, c.address("", "cdrs", id))
	if err != nil && says(err, "cannot find call") {
		return d, ingest.ErrNoDetail
	}
	if err != nil {
		return d, err
	}
	f, legs, err := c.openDetail(reply, id)
	if err != nil {
		return d, err
	}
	w := c.way(call, f, legs)
	d = ingest.Detail{Key: id, Asked: reply.Asked, At: reply.At, Flow: w.steps(), Queue: c.queues.get(f.queue)}
	if l := w.answerer(); l != nil {
		d.Agent, d.AnsweredAt = w.agent(l), l.answered
	}
	return d, nil
}

// openDetail reads a detail's envelope: the record, and beside it the legs of the call, which may be left out.
func (c *Client) openDetail(reply vendorhttp.Reply, id string) (f *fields, legs []leg, err error) {
	if !scalar.Valid(reply.Body) {
		return f, nil, notJSON(reply.Body)
	}
	record, flow, err := unwrap(reply.Body, "cdr", "call_flow")
	if err != nil {
		return f, nil, err
	}
	if f, err = readFields(record); err != nil {
		return f, nil, fmt.Errorf("%w: it has no cdr", ingest.ErrForeign)
	}
	if of, err := c.id(f.uuid); err == nil && of != id {
		return f, nil, fmt.Errorf("%w: it is the detail of another call", ingest.ErrForeign)
	}
	if flow.Kind() < scalar.Scalar {
		return f, nil, nil
	}
	rows, err := flow.Elements()
	if err != nil {
		return f, nil, fmt.Errorf("%w: call_flow is not a list", ingest.ErrForeign)
	}
	for r := range rows {
		l, err := c.leg(r, reply.At)
		if err != nil {
			return f, nil, fmt.Errorf("%w: call_flow: %w", ingest.ErrForeign, err)
		}
		legs = append(legs, l)
	}
	return f, legs, nil
}
