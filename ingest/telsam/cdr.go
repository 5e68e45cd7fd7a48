package telsam

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/wallclock"
)

// soonest is how far a record may lie ahead of our clock: more than any error of a time zone, which is no reason to
// hide calls.
const soonest = 48 * time.Hour

// oldest is before the vendor had customers.
var oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// CDRs reads the records of calls that began in w, an hour to a page, the newest first. The vendor is asked for a little
// more than w, and records beyond it are left in. A record whose start the PBX's clock showed twice, in the hour that is
// repeated when summer time ends, is read as it was before, else as not in the future, else as in w, else as the earlier.
func (c *Client) CDRs(ctx context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		for part := range pieces(w) {
			page, err := c.page(ctx, w, part)
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

func (c *Client) page(ctx context.Context, w, part ingest.Window) (ingest.Page, error) {
	reply, rows, err := c.ask(ctx, question(part, c.clock.zone))
	if err != nil {
		return ingest.Page{}, told("call records", err)
	}
	page := ingest.Page{Asked: reply.Asked, At: reply.At, Ahead: reply.Ahead, Window: part}
	for _, r := range rows {
		record, err := c.record(r, w, reply.At)
		if err != nil {
			page.Rejected = append(page.Rejected, c.redact.Rejected(r, err))
			continue
		}
		page.Records = append(page.Records, record)
	}
	return page, nil
}

func (c *Client) record(r row, w ingest.Window, at time.Time) (ingest.CDR, error) {
	f, err := readCDR(r)
	if err != nil {
		return ingest.CDR{}, err
	}
	f.id, f.callType, f.queue = c.clean(f.id), c.callType(f.callType), c.clean(f.queue)
	possible := wallclock.Readings(f.wall, c.clock.zone)
	if possible[0].Before(oldest) || possible[0].After(at.Add(soonest)) {
		return ingest.CDR{}, fmt.Errorf("calldate: %q is not a date on which a call can have been, expected 2000 to now", f.calldate)
	}
	key := recordKey(f.callType, f.id, possible)
	call := c.call(f, c.clock.read(key, possible, f.lasted, w, at))
	if c.raw {
		call.Raw = c.redact.Raw(r)
	}
	return ingest.CDR{Key: key, Call: call}, nil
}

// call says what a record says in callbus's terms.
func (c *Client) call(f facts, start time.Time) events.Call {
	call := events.Call{
		VendorIDs:    f.ids(),
		Media:        f.media(),
		From:         c.party(f.src),
		To:           c.party(f.dst),
		StartedAt:    &start,
		EndedAt:      new(start.Add(f.lasted)),
		TotalSeconds: &f.seconds,
		Hangup:       events.Hangup{By: events.ByUnknown},
		Recording:    f.recording(),
	}
	if f.queue != "" {
		call.Queue = c.queues.get(f.queue)
	}
	call.Direction = directionOf(f.callType, call)
	call.ExternalNumber = ingest.Outside(call.Direction, call.From, call.To)
	judged(&call, c.word(f.disposition))
	return call
}

// judged adds to call how it went.
func judged(call *events.Call, disposition string) {
	v := judge(disposition)
	inbound := call.Direction == events.Inbound
	call.Outcome = &v.outcome
	call.Missed = new(inbound && v.reason != "")
	if *call.Missed {
		call.MissedReason = new(v.missed(call.Queue))
	}
	if v.outcome == events.Answered && inbound {
		call.Agent = agent(call)
	}
	if v.outcome != events.Answered && v.outcome != events.UnknownOutcome {
		call.TalkSeconds = new(0.0)
	}
	if disposition != "" {
		call.VendorResult = &disposition
	}
}

// agent returns who answered: the extension that was called last. A record that names the queue in its place does not
// tell.
func agent(call *events.Call) *events.Agent {
	ext := call.To.Extension
	if ext == nil || call.Queue != nil && call.Queue.ID != nil && *call.Queue.ID == *ext {
		return nil
	}
	return &events.Agent{Extension: ext}
}

// word returns a disposition as it is published. One that is not known may be anything, also an echo of the request.
func (c *Client) word(disposition string) string {
	if _, known := verdicts[plainWord(disposition)]; known {
		return disposition
	}
	return c.redact.Text(disposition)
}

// callType returns a calltype as it is published, likewise.
func (c *Client) callType(word string) string {
	if _, known := directions[strings.ToLower(word)]; known {
		return word
	}
	return c.clean(word)
}
