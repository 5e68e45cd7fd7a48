package ingest_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// FuzzTracker shows a tracker whatever the bytes say, sense or nonsense, and now and then cuts it off. Nothing can be held
// against a truth, for there is none: but whatever is seen, every call begins once and ends at most once.
func FuzzTracker(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x10\x01\x01\x01\x00\x01\x00\x01\x00\x20\x00\x01\x20\x11\x01\x02\x02\x01\x01\x01"))
	f.Add([]byte("\x00\x01\x02\x01\x01\x01\x01\x01\x01\x01\x01\x04\x00\x02\x00\x00\x05\x00\x01\x02\x01\x01\x03\x00\x00\x05\x00"))
	f.Add(slices.Repeat([]byte("\x00\x05\x03\x01\x02\x03\x04\x05\x06\x07\x08\x01\x05\x02\x03\x04\x05\x06\x07\x08\x02\x04\x03"), 20))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 1024 {
			return // a long story tells no more than a few short ones, and takes longer
		}
		s := &nonsense{script: script, now: epoch}
		life := &telling{t: t, tracker: ingest.NewTracker(fuzzConfig(epoch)), told: map[string][]events.Type{}, ids: map[string]bool{}}
		for len(s.script) > 0 {
			evs := life.tracker.Observe(s.observation())
			if s.pick(8) > 0 {
				life.publish(evs)
				continue
			}
			life.publish(evs[:s.pick(len(evs)+1)])
			life.restart(s.now)
		}
	})
}

func fuzzConfig(since time.Time) ingest.TrackerConfig {
	cfg := testConfig()
	cfg.Since, cfg.Settings.First = since, ingest.FromBackfill
	return cfg
}

// telling keeps what a tracker published and holds it to what must always be so.
type telling struct {
	t       *testing.T
	tracker *ingest.Tracker
	stream  []events.Event
	told    map[string][]events.Type
	ids     map[string]bool
}

func (r *telling) publish(evs []events.Event) {
	for _, e := range evs {
		valid(r.t, e)
		if r.ids[e.ID] {
			r.t.Fatalf("%s of %s is published twice", e.Type, e.Subject)
		}
		r.ids[e.ID] = true
		r.stream = append(r.stream, overTheWire(r.t, e))
		if _, ok := e.Call(); ok {
			r.told[e.Subject] = append(r.told[e.Subject], e.Type)
			r.inOrder(e.Subject)
		}
	}
}

// inOrder holds the last event of a call against those before it.
func (r *telling) inOrder(id string) {
	types := r.told[id]
	before, last := types[:len(types)-1], types[len(types)-1]
	over := slices.Contains(before, events.CallEnded)
	switch {
	case (last == events.CallStarted) != (len(before) == 0):
		r.t.Fatalf("call %s: %v: started first, and once", id, types)
	case last != events.CallAmended && slices.Contains(before, last):
		r.t.Fatalf("call %s: %v: %s twice", id, types, last)
	case over && last == events.CallAnswered:
		r.t.Fatalf("call %s: %v: answered after its end", id, types)
	case !over && (last == events.CallMissed || last == events.CallAmended):
		r.t.Fatalf("call %s: %v: %s before its end", id, types, last)
	}
}

func (r *telling) restart(now time.Time) {
	r.tracker = ingest.NewTracker(fuzzConfig(now))
	for _, e := range r.stream {
		r.tracker.Restore(e)
	}
}

// nonsense makes observations of a script.
type nonsense struct {
	script []byte
	now    time.Time
}

// pick returns the next byte of the script, less than n; 0 when it is over.
func (s *nonsense) pick(n int) int {
	if len(s.script) == 0 {
		return 0
	}
	b := s.script[0]
	s.script = s.script[1:]
	return int(b) % n
}

func (s *nonsense) bool() bool { return s.pick(2) == 1 }

// span is a length of time, of a millisecond to a month, sometimes less than nothing.
func (s *nonsense) span() time.Duration {
	unit := [...]time.Duration{time.Millisecond, 100 * time.Millisecond, time.Second, time.Second, 10 * time.Second, time.Minute, time.Hour, 24 * time.Hour}[s.pick(8)]
	d := time.Duration(s.pick(32)) * unit
	if s.pick(16) == 0 {
		return -d
	}
	return d
}

func (s *nonsense) observation() ingest.Observation {
	s.now = s.now.Add(s.span())
	asked := s.now.Add(-s.span())
	switch s.pick(8) {
	case 0:
		return ingest.Failure{List: s.list(), At: s.now, Reason: events.GapBadReply}
	case 1, 2, 3:
		return s.page(asked)
	}
	shot := ingest.Snapshot{Asked: asked, At: s.now, Ahead: s.ahead(), Partial: s.pick(8) == 0}
	for range s.pick(5) {
		shot.Calls = append(shot.Calls, s.row())
	}
	return shot
}

func (s *nonsense) list() events.List {
	if s.bool() {
		return events.CDRs
	}
	return events.ActiveCalls
}

func (s *nonsense) ahead() *time.Duration {
	if s.pick(4) > 0 {
		return nil
	}
	return new(s.span())
}

func (s *nonsense) page(asked time.Time) ingest.Page {
	p := ingest.Page{Asked: asked, At: s.now, Ahead: s.ahead(), Window: ingest.Window{From: s.now.Add(-s.span()), To: s.now.Add(s.span())}}
	for range s.pick(5) {
		p.Records = append(p.Records, s.record())
	}
	return p
}

func (s *nonsense) row() ingest.ActiveCall {
	began := s.now.Add(-s.span())
	return ingest.ActiveCall{
		Channel: "SIP/" + strconv.Itoa(s.pick(4)), Began: ingest.Window{From: began, To: began.Add(s.span())}, Direction: s.direction(),
		From: s.party(), To: s.party(), ExternalNumber: s.party().Number, Queue: s.queue(), Talking: s.bool(), Agent: s.agent(),
	}
}

func (s *nonsense) record() ingest.CDR {
	start := s.now.Add(-s.span())
	outcomes := []events.Outcome{events.Answered, events.NoAnswer, events.Voicemail, events.Busy, events.UnknownOutcome, events.Answered}
	f := events.Call{
		VendorIDs: map[string]string{"id": strconv.Itoa(s.pick(6)), "calltype": strconv.Itoa(s.pick(2))},
		Direction: s.direction(), Media: events.Voice, From: s.party(), To: s.party(), ExternalNumber: s.party().Number,
		Queue: s.queue(), Agent: s.agent(), StartedAt: &start, EndedAt: new(start.Add(s.span())),
		Outcome: &outcomes[s.pick(len(outcomes))], Missed: new(false),
		Hangup: events.Hangup{By: events.ByUnknown}, Recording: [...]events.Recording{events.RecordingUnknown, events.RecordingAvailable}[s.pick(2)],
	}
	if s.pick(4) == 0 {
		f.AnsweredAt = new(start.Add(s.span()))
	}
	if f.Direction == events.Inbound && *f.Outcome != events.Answered && s.bool() { // a provider says nothing else
		f.Missed, f.MissedReason = new(true), new(events.MissedBusy)
	}
	return ingest.CDR{Key: recordKey(f), Call: f}
}

func (s *nonsense) direction() events.Direction {
	return [...]events.Direction{events.Inbound, events.Inbound, events.Outbound, events.Internal, events.UnknownDirection}[s.pick(5)]
}

func (s *nonsense) party() events.Party {
	return numbers.Party([...]string{caller, otherCaller, "101", "102", "", "anonymous", "640"}[s.pick(7)])
}

func (s *nonsense) queue() *events.Queue {
	return [...]*events.Queue{nil, nil, {}, {ID: new("640")}, {Name: new("sales")}}[s.pick(5)]
}

func (s *nonsense) agent() *events.Agent {
	return [...]*events.Agent{nil, {}, {Extension: new("101")}}[s.pick(3)]
}
