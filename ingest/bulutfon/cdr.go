package bulutfon

import (
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// record says what a row says in callbus's terms.
func (c *Client) record(f facts, r row) ingest.CDR {
	id := c.clean(f.uuid)
	call := events.Call{
		VendorIDs:    map[string]string{"uuid": id},
		Direction:    f.direction,
		Media:        f.media,
		From:         c.from(f),
		To:           c.party(f.callee),
		StartedAt:    &f.start,
		EndedAt:      &f.end,
		TotalSeconds: seconds(f.start, f.end),
		Hangup:       events.Hangup{By: events.ByUnknown},
		Recording:    f.recording,
		Price:        f.price,
	}
	call.ExternalNumber = ingest.Outside(call.Direction, call.From, call.To)
	if f.cause != "" {
		call.VendorResult = new(c.clean(f.cause))
		call.Hangup.Cause = call.VendorResult
	}
	undecided := f.judge(&call)
	if c.raw {
		call.Raw = c.redact.Raw(r)
	}
	return ingest.CDR{Key: id, Call: call, Undecided: undecided}
}

// from returns who called. The extension that a row names is in most samples the number that the call is shown with,
// which says nothing new.
func (c *Client) from(f facts) events.Party {
	p := c.party(f.caller)
	if f.direction != events.Inbound && f.extension != f.caller && f.extension != "" {
		p.Extension = c.party(f.extension).Raw
	}
	return p
}

func seconds(from, to time.Time) *float64 { return new(to.Sub(from).Seconds()) }
