package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// A diaryWrite is one entry on its way to the stream.
type diaryWrite struct {
	msgs []*message
	done chan error
}

// Write is [sinks.Diary.Write].
func (d *Diary) Write(ctx context.Context, e sinks.Entry) error {
	w, err := d.encode(e)
	if err == nil {
		err = d.wait(ctx, w)
	}
	if err != nil {
		return fmt.Errorf("write page %s of sink %s: %w", e.Key, d.sink, err)
	}
	return nil
}

func (d *Diary) wait(ctx context.Context, w *diaryWrite) error {
	select {
	case d.writes <- w:
	case <-d.work.Done():
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// encode returns the messages of an entry: the page is the first, and expects its revision.
func (d *Diary) encode(e sinks.Entry) (*diaryWrite, error) {
	if !isToken(e.Key) {
		return nil, fmt.Errorf("%w: its key is not of [A-Za-z0-9_-]", ErrInvalid)
	}
	w := &diaryWrite{done: make(chan error, 1)}
	page := w.add(diaryPage+d.sink+"."+e.Key, e.Text)
	page.Header[hdrExpected] = []string{strconv.FormatUint(e.Revision, 10)}
	if e.Keep > 0 {
		page.Header[hdrTTL] = []string{e.Keep.Round(time.Second).String()}
	}
	if e.Aside != nil {
		aside := w.add(diaryAside+d.sink+"."+e.Key+"."+strconv.FormatUint(e.Revision, 10), e.Aside)
		aside.Header[hdrTTL] = []string{asideTTL}
	}
	if !e.Wake.IsZero() {
		at := e.Wake.UTC().Format(time.RFC3339Nano)
		alarm := w.add(diaryAlarm+d.sink+"."+e.Key, []byte(at))
		alarm.Header[hdrSchedule] = []string{"@at " + at}
		alarm.Header[hdrScheduleTarget] = []string{diaryDue + d.sink + "." + e.Key}
		alarm.Header[hdrScheduleTTL] = []string{dueTTL}
	}
	return w, d.addEvents(w, e)
}

func (d *Diary) addEvents(w *diaryWrite, e sinks.Entry) error {
	for _, ev := range e.Events {
		body, err := appendEvent(nil, ev, d.bus.nc.MaxPayload())
		if err != nil {
			return fmt.Errorf("%s of %s: %w", ev.Type, ev.Subject, err)
		}
		w.add(diaryOut+d.sink+"."+e.Key+"."+ev.ID, body).Header[hdrType] = []string{events.ContentType}
	}
	return nil
}

func (w *diaryWrite) add(subject string, data []byte) *message {
	m := &message{Msg: nats.Msg{Subject: subject, Header: nats.Header{}, Data: data}}
	w.msgs = append(w.msgs, m)
	return m
}

// mostOfEntry is more messages than an entry has but in a very rare case, in which the batch is refused and each goes alone.
const mostOfEntry = 50

// commit stores what is to be written, many entries in one batch when many wait: a batch costs a sync of the file, however much
// is in it.
func (d *Diary) commit(l *line) {
	defer l.close()
	for {
		select {
		case w := <-d.writes:
			d.commitAll(l, d.more(w))
		case <-d.work.Done():
			return
		}
	}
}

// more returns w and what else waits and fits into its batch. Of one page there is one entry: the others would be stale.
func (d *Diary) more(w *diaryWrite) []*diaryWrite {
	group, n, pages := []*diaryWrite{w}, len(w.msgs), map[string]bool{w.msgs[0].Subject: true}
	for n < batchMessages-mostOfEntry {
		select {
		case w := <-d.writes:
			if pages[w.msgs[0].Subject] {
				w.done <- sinks.ErrStale
				continue
			}
			group, n, pages[w.msgs[0].Subject] = append(group, w), n+len(w.msgs), true
		default:
			return group
		}
	}
	return group
}

// commitAll stores entries in one batch, or, when one of them is refused, each for itself.
func (d *Diary) commitAll(l *line, group []*diaryWrite) {
	var all []*message
	for _, w := range group {
		all = append(all, w.msgs...)
	}
	err := d.store(l, all)
	for _, w := range group {
		if err != nil && len(group) > 1 && !isTransient(err) {
			w.done <- stale(d.store(l, w.msgs))
			continue
		}
		w.done <- stale(err)
	}
}

func (d *Diary) store(l *line, msgs []*message) error {
	if len(msgs) > batchMessages {
		return errors.New("it is more than the server takes at once")
	}
	_, err := l.publishAll(msgs)
	return err
}

func stale(err error) error {
	if isAPI(err, codeWrongLastSequence) {
		return fmt.Errorf("%w: %w", sinks.ErrStale, err)
	}
	return err
}
