package telsam

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// talking is the callinfo of a call whose two sides talk. It is the only one that the vendor publishes; every other
// word is a call in progress that nobody has answered yet, as far as we know.
const talking = "Konuşuyor"

// longest is the longest call that is believed.
const longest = 31 * 24 * time.Hour

type activeRow struct{ channel, duration, callType, callInfo, src, dst scalar.Value }

func readActive(r row) (f activeRow, err error) {
	members, err := fields(r)
	if err != nil {
		return f, err
	}
	for name, v := range members {
		if field := f.field(string(name)); field != nil {
			*field = v
		}
	}
	return f, nil
}

func (f *activeRow) field(name string) *scalar.Value {
	switch name {
	case "channel":
		return &f.channel
	case "duration":
		return &f.duration
	case "calltype":
		return &f.callType
	case "callinfo":
		return &f.callInfo
	case "src":
		return &f.src
	case "dst":
		return &f.dst
	}
	return nil
}

// ActiveCalls returns every call the PBX shows now.
func (c *Client) ActiveCalls(ctx context.Context) (ingest.Snapshot, error) {
	reply, rows, err := c.ask(ctx, "action=activecalls")
	if err != nil {
		return ingest.Snapshot{}, told("the active calls", err)
	}
	return c.snapshot(reply, rows), nil
}

func (c *Client) snapshot(reply vendorhttp.Reply, rows []row) ingest.Snapshot {
	s := ingest.Snapshot{Asked: reply.Asked, At: reply.At, Ahead: reply.Ahead}
	calls := newUnique(len(rows))
	for _, r := range rows {
		call, err := c.activeCall(r, reply.Asked, reply.At)
		if err != nil {
			s.Rejected = append(s.Rejected, c.redact.Rejected(r, err))
			continue
		}
		if gone := calls.add(call, r); gone != nil {
			s.Rejected = append(s.Rejected, c.redact.Rejected(gone, errTwice))
		}
	}
	s.Calls = calls.calls
	// The call behind a row that cannot be read goes on, and it may be any of those seen before: none may be taken to
	// have ended because it is not among the others.
	s.Partial = len(s.Rejected) > 0
	return s
}

func (c *Client) activeCall(r row, asked, at time.Time) (call ingest.ActiveCall, err error) {
	f, err := readActive(r)
	if err != nil {
		return call, err
	}
	t := scalar.Texts{}
	channel := t.Must("channel", f.channel, "the channel's name")
	callType, callInfo := t.Read("calltype", f.callType), t.Read("callinfo", f.callInfo)
	src, dst := t.Read("src", f.src), t.Read("dst", f.dst)
	if t.Err != nil {
		return call, t.Err
	}
	lasted, err := readLasted(f.duration)
	if err != nil {
		return call, err
	}
	call = c.sides(src, dst, callType)
	call.Channel, call.Began = c.clean(channel), began(asked, at, lasted)
	if isFax(call.To) {
		call.Media = events.Fax
	}
	call.Talking = isTalking(callInfo) && !withQueueOnly(call.Queue, dst) && call.Media != events.Fax
	if call.Talking && call.Direction == events.Inbound && call.To.Extension != nil {
		call.Agent = &events.Agent{Extension: call.To.Extension}
	}
	return call, nil
}

// readLasted reads for how long a call has lasted.
func readLasted(v scalar.Value) (time.Duration, error) {
	lasted, err := v.Clock()
	if err != nil {
		return 0, fmt.Errorf("duration: %w", err)
	}
	if lasted > longest {
		return 0, fmt.Errorf("duration: %s is longer than any call", lasted)
	}
	return lasted, nil
}

// isTalking knows the word with its letters composed and decomposed.
func isTalking(callInfo string) bool {
	return callInfo == talking || norm.NFC.String(callInfo) == talking
}

// sides reads who speaks with whom, and through which queue.
func (c *Client) sides(src, dst, callType string) ingest.ActiveCall {
	call := ingest.ActiveCall{From: c.party(src), To: c.party(dst)}
	if id := queueOf(callType); id != "" {
		call.Queue = c.queues.get(c.clean(id))
	}
	call.Direction = direction(call.From, call.To, call.Queue)
	call.ExternalNumber = ingest.Outside(call.Direction, call.From, call.To)
	return call
}

// queueOf returns the 630 of Kuyruk(630), a call through queue 630; "" for other types of calls.
func queueOf(callType string) string {
	id, isQueue := strings.CutPrefix(callType, "Kuyruk(")
	id, closed := strings.CutSuffix(id, ")")
	if !isQueue || !closed {
		return ""
	}
	return strings.TrimSpace(id)
}

// withQueueOnly tells whether what the caller talks to is the queue itself, its greeting or music: no person.
func withQueueOnly(queue *events.Queue, dst string) bool {
	return queue != nil && (dst == "" || dst == *queue.ID)
}

// began returns when a call began that is shown as having lasted so long. The PBX took the picture between asked and at,
// and cut off what was beyond the full second. The span is widened to whole milliseconds, though not into the future.
func began(asked, at time.Time, lasted time.Duration) ingest.Window {
	to := at.Add(-lasted).Add(time.Millisecond - time.Nanosecond).Truncate(time.Millisecond)
	if to.After(at) {
		to = at
	}
	return ingest.Window{From: asked.Add(-lasted - time.Second).Truncate(time.Millisecond), To: to}
}
