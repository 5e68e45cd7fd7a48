package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// DiaryName is the stream of what sinks look at again at a time. It is made when the first sink needs it.
const DiaryName = "CALLBUS_CALLBACKS"

// The subjects of a diary are <kind>.<sink>.<key>.
const (
	diaryPage  = "callbacks.page."  // the page
	diaryAlarm = "callbacks.alarm." // a schedule of the server
	diaryDue   = "callbacks.due."   // what that publishes
	diaryOut   = "callbacks.out."   // events on their way to the stream of events
	diaryAside = "callbacks.aside." // pages that could not be read
)

// diaryStream holds pages, alarms, and events on their way. Pages and alarms stay until they are replaced: it has no age.
func diaryStream(s Settings) jetstream.StreamConfig {
	c := eventStream(s)
	c.Name, c.Description, c.Subjects = DiaryName, "Obligations to call back, and their alarms", []string{"callbacks.>"}
	c.MaxMsgsPerSubject, c.MaxAge, c.Duplicates = 1, 0, 0
	c.AllowMsgSchedules, c.AllowMsgTTL = true, true
	return c
}

const (
	hdrSchedule       = "Nats-Schedule"
	hdrScheduleTarget = "Nats-Schedule-Target"
	hdrScheduleTTL    = "Nats-Schedule-TTL"
	hdrTTL            = jetstream.MsgTTLHeader

	dueTTL   = "1h"        // of an alarm that went off: who begins after it looks at all pages
	asideTTL = "8760h0m0s" // of a page that could not be read
)

// A Diary is [sinks.Diary], in a stream of its own: the page, its alarm (a message schedule of the server) and the events are
// one atomic batch, in which the page expects its revision. The events are in that stream until they are in the stream of
// events, where each is put once. What is not published when a process ends, the next Diary of the sink publishes.
type Diary struct {
	bus  *Bus
	sink string
	log  *slog.Logger

	writes  chan *diaryWrite
	work    context.Context // done when it is closed
	end     context.CancelFunc
	working sync.WaitGroup
}

var _ sinks.Diary = (*Diary)(nil)

// Diary returns the diary of a sink, and makes its stream if that is not there. It waits for a server that is away until ctx is
// done. A Diary that is not needed any more is to be closed.
func (b *Bus) Diary(ctx context.Context, sink string, log *slog.Logger) (*Diary, error) {
	what := "open the diary of sink " + sink
	if !isToken(sink) {
		return nil, fmt.Errorf("%s: %w: its name is not of [A-Za-z0-9_-]", what, ErrInvalid)
	}
	if err := b.ensureDiary(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	d, err := b.newDiary(ctx, sink, log)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	d.working.Go(func() { d.relay(d.work) })
	return d, nil
}

// newDiary returns a Diary that reads and writes, and publishes nothing.
func (b *Bus) newDiary(ctx context.Context, sink string, log *slog.Logger) (*Diary, error) {
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	d := &Diary{bus: b, sink: sink, log: logOr(log).With("sink", sink), writes: make(chan *diaryWrite), work: work, end: end}
	l, err := newLine(b.nc, DiaryName, work.Done())
	if err != nil {
		end()
		return nil, err
	}
	d.working.Go(func() { d.commit(l) })
	return d, nil
}

func (b *Bus) ensureDiary(ctx context.Context) error {
	return retry(ctx, "set up "+DiaryName, func(ctx context.Context) error { return ensureStream(ctx, b.js, diaryStream(b.settings)) })
}

// Close ends what the Diary does in this process. Callers still in Write get [ErrClosed].
func (d *Diary) Close() {
	d.end()
	d.working.Wait()
}

// Page is [sinks.Diary.Page].
func (d *Diary) Page(ctx context.Context, key string) (sinks.Page, error) {
	p := sinks.Page{Key: key}
	if !isToken(key) {
		return p, fmt.Errorf("read page %q of sink %s: %w: its key is not of [A-Za-z0-9_-]", key, d.sink, ErrInvalid)
	}
	err := try(ctx, func(ctx context.Context) (err error) {
		p.Text, p.Revision, err = d.bus.lastDirect(ctx, DiaryName, diaryPage+d.sink+"."+key)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("read page %s of sink %s: %w", key, d.sink, err)
	}
	return p, nil
}

// lastDirect returns the last message on a subject, as any replica knows it; sequence 0 if there is none.
func (b *Bus) lastDirect(ctx context.Context, stream, subject string) (text []byte, seq uint64, err error) {
	m, err := b.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: "$JS.API.DIRECT.GET." + stream + "." + subject})
	if err != nil {
		return nil, 0, err
	}
	switch status := m.Header.Get("Status"); status {
	case "":
		seq, err = strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		return m.Data, seq, err
	case "404":
		return nil, 0, nil
	default:
		return nil, 0, fmt.Errorf("look for the last message on %s: %s %s", subject, status, m.Header.Get("Description"))
	}
}

// Pages is [sinks.Diary.Pages].
func (d *Diary) Pages(ctx context.Context) iter.Seq2[sinks.Page, error] {
	prefix := diaryPage + d.sink + "."
	r := reader{js: d.bus.js, stream: DiaryName, filters: []string{prefix + ">"}}
	return func(yield func(sinks.Page, error) bool) {
		for m, err := range r.messages(ctx) {
			if err != nil {
				yield(sinks.Page{}, fmt.Errorf("read the pages of sink %s: %w", d.sink, err))
				return
			}
			if !yield(sinks.Page{Key: strings.TrimPrefix(m.Subject(), prefix), Text: m.Data(), Revision: m.seq}, nil) {
				return
			}
		}
	}
}

// Alarms is [sinks.Diary.Alarms].
func (d *Diary) Alarms(ctx context.Context) iter.Seq2[sinks.Alarm, error] {
	prefix := diaryDue + d.sink + "."
	r := reader{js: d.bus.js, stream: DiaryName, filters: []string{prefix + ">"}, follow: true}
	r.fromEnd(ctx)
	now := r.next
	r.next = 1
	return func(yield func(sinks.Alarm, error) bool) {
		for m, err := range r.messages(ctx) {
			if err != nil {
				yield(sinks.Alarm{}, fmt.Errorf("wait for the alarms of sink %s: %w", d.sink, err))
				return
			}
			if m.seq < now && d.isWrittenSince(ctx, strings.TrimPrefix(m.Subject(), prefix), m.seq) {
				continue
			}
			at, err := time.Parse(time.RFC3339Nano, string(m.Data()))
			if err != nil { // somebody else's
				at = time.Now()
			}
			if !yield(sinks.Alarm{Key: strings.TrimPrefix(m.Subject(), prefix), At: at}, nil) {
				return
			}
		}
	}
}

// isWrittenSince tells whether the page was written after its alarm went off, which was stored as seq: by whoever was given it.
func (d *Diary) isWrittenSince(ctx context.Context, key string, seq uint64) bool {
	p, err := d.Page(ctx, key)
	return err == nil && p.Revision > seq
}

// relay puts events from the diary's stream into the stream of events, in their order, until ctx is done, and then lets go of
// them. Another process may do the same: each event is stored once.
func (d *Diary) relay(ctx context.Context) {
	r := reader{js: d.bus.js, stream: DiaryName, filters: []string{diaryOut + d.sink + ".>"}, follow: true, next: 1}
	came := make(chan stored, batchMessages)
	d.working.Go(func() {
		defer close(came)
		for m, err := range r.messages(ctx) {
			if err != nil {
				d.log.Error("events of the sink are not published any more; restart callbus", "error", err)
				return
			}
			came <- m
		}
	})
	last, purged := uint64(0), time.Now()
	defer func() { d.purge(context.WithoutCancel(ctx), last) }()
	for m := range came {
		all := []stored{m}
		for len(came) > 0 {
			all = append(all, <-came)
		}
		if ctx.Err() != nil || !d.publish(ctx, all) {
			continue
		}
		last = all[len(all)-1].seq
		if time.Since(purged) > purgeEvery {
			d.purge(ctx, last)
			purged = time.Now()
		}
	}
}

// purgeEvery is how often what is published is cleared away, at most: the server looks through the whole stream for it.
const purgeEvery = time.Minute

// publish puts events into their stream. One that it will never take is said aloud and passed over.
func (d *Diary) publish(ctx context.Context, all []stored) bool {
	var evs []events.Event
	for _, m := range all {
		e, err := events.Parse(m.Data())
		if err != nil {
			d.log.Error("an event of the sink cannot be read, and is not published", "subject", m.Subject(), "error", err)
			continue
		}
		evs = append(evs, e)
	}
	for len(evs) > 0 {
		err := d.bus.Publish(ctx, evs...)
		id, refused := refusedEvent(err)
		switch {
		case err == nil:
			return true
		case !refused:
			return false // ctx is done, or the bus closed
		}
		d.log.Error("an event of the sink is refused, and not published", "error", err)
		for len(evs) > 0 && evs[0].ID != id {
			evs = evs[1:]
		}
		evs = evs[min(1, len(evs)):]
	}
	return true
}

// refusedEvent returns the id of the event that the stream will not take.
func refusedEvent(err error) (id string, is bool) {
	var c *ConflictError
	var r *RefusedError
	switch {
	case errors.As(err, &c):
		return c.Event.ID, true
	case errors.As(err, &r):
		return r.Event.ID, true
	}
	return "", false
}

// purge lets go of what is published. What stays is published again, which does no harm.
func (d *Diary) purge(ctx context.Context, last uint64) {
	if last == 0 || !d.bus.nc.IsConnected() {
		return
	}
	err := try(ctx, func(ctx context.Context) error {
		body, err := json.Marshal(map[string]any{"filter": diaryOut + d.sink + ".>", "seq": last + 1})
		if err != nil {
			return err
		}
		_, err = d.bus.nc.RequestWithContext(ctx, "$JS.API.STREAM.PURGE."+DiaryName, body)
		return err
	})
	if err != nil && ctx.Err() == nil {
		d.log.Debug("what is published is not cleared away yet", "error", err)
	}
}
