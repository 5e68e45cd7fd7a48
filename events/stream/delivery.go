package stream

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/sinks"
)

// A delivery is one stored event on its way to a sink.
type delivery struct {
	backlog *Backlog
	m       *nats.Msg
	slot    slot
	subject string
	seq     uint64
	stored  time.Time
}

var _ sinks.Message = (*delivery)(nil)

func (d *delivery) Body() []byte      { return d.m.Data }
func (d *delivery) Subject() string   { return d.subject }
func (d *delivery) Seq() uint64       { return d.seq }
func (d *delivery) Stored() time.Time { return d.stored }

// What a consumer is told about a message.
const (
	acknowledged = "+ACK"
	inProgress   = "+WPI"
	giveBack     = "-NAK"
)

func notAcknowledged(after time.Duration) string {
	return fmt.Sprintf(`%s {"delay":%d}`, giveBack, after)
}

// Done does not wait for the server's answer. If what it says is lost, the message comes again within the process's life, is
// known, and not handed over; only if the process ends as well it may be delivered twice. So an error is no reason to do
// anything.
func (d *delivery) Done(context.Context) error {
	d.backlog.ledger.finish(d.slot)
	return d.answer(acknowledged)
}

// Back gives it back. Without a wait it stays here, in the order of the stream: the server would send again in the order in
// which it was told. Should it not be fetched again, the server sends it when its time is over, as it does when this process
// ends.
func (d *delivery) Back(_ context.Context, after time.Duration) error {
	if after <= 0 {
		d.backlog.given.add(d)
	}
	d.backlog.ledger.back(d.slot, time.Now().Add(after))
	if after <= 0 {
		return nil
	}
	return d.answer(notAcknowledged(after))
}

func (d *delivery) Working(context.Context) error {
	d.backlog.ledger.working(d.slot, time.Now())
	return d.answer(inProgress)
}

func (d *delivery) answer(word string) error {
	if word == acknowledged {
		d.backlog.lastDone[d.slot.consumer()].Store(d.m)
	}
	if err := d.backlog.bus.nc.Publish(d.m.Reply, []byte(word)); err != nil {
		return fmt.Errorf("tell the bus about event %d of sink %s: %w", d.seq, d.backlog.config.Sink, err)
	}
	return nil
}

// Headers of a copy, which say what it is a copy of.
const (
	hdrSeq    = "Callbus-Sequence"
	hdrStored = "Callbus-Stored"
)

// delivery returns what came; false if it is no copy that callbus made, which is thrown away.
func (l *Backlog) delivery(q *queue, a arrival) (*delivery, bool) {
	d := &delivery{backlog: l, m: a.m, slot: slot{q.copied, a.seq}, subject: a.m.Subject, seq: a.seq, stored: a.stored}
	if !q.copied {
		return d, true
	}
	subject, err := d.readCopy()
	if err != nil {
		l.log.Warn("a message in "+ReplayName+" is no copy of an event, and is passed by", "sequence", a.seq, "error", err)
		l.acknowledge(d)
		return nil, false
	}
	d.subject = subject
	return d, true
}

func (d *delivery) readCopy() (subject string, err error) {
	if d.seq, err = strconv.ParseUint(d.m.Header.Get(hdrSeq), 10, 64); err != nil {
		return "", err
	}
	if d.stored, err = time.Parse(time.RFC3339Nano, d.m.Header.Get(hdrStored)); err != nil {
		return "", err
	}
	return strings.TrimPrefix(d.m.Subject, copySubject(d.backlog.config.Sink, "")), nil
}
