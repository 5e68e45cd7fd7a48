package sinktest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// Subject is a sink that is held to the contract, and the other side that it delivers to.
type Subject struct {
	Sink sinks.Sink
	// Taken returns the ids of the events that the other side has, one for each time it was given one.
	Taken func() []string
	// Faults are the failures that the other side can be made to show. Each of them makes every delivery fail from then on.
	Faults map[sinks.Fault]func()
	// Stall makes the other side take nothing and say nothing, until the test is over; nil if it cannot.
	Stall func()
	// Secrets must not be told by any error. The other side should repeat them in what it says of a failure.
	Secrets []string
}

// letGo is how long a delivery may go on after its context was cancelled.
const letGo = 2 * time.Second

// Contract holds a sink to what every sink promises. open returns a new one each time, with another side of its own; what
// it started is ended by t.Cleanup. Contract closes the sink. It looks for goroutines that are left, so nothing else may
// run beside it.
func Contract(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			// Before anything that open registers, so after it is ended.
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() {
				if err := goleak.Find(before); err != nil {
					t.Errorf("goroutines are left after the sink was closed: %v", err)
				}
			})
			s := open(t)
			for _, wrong := range c.find(s) {
				t.Error(wrong)
			}
			if err := s.Sink.Close(); err != nil {
				t.Errorf("Close returned %v", err)
			}
		})
	}
}

// A check returns what a sink does wrong.
type check struct {
	name string
	find func(s Subject) []string
}

var checks = []check{
	{"an event is delivered once", deliversOnce},
	{"a repeat is delivered again, with the same id", deliversAgain},
	{"many are delivered at once, each whole", deliversAtOnce},
	{"nobody changes the body", leavesBodies},
	{"what was cancelled before it began is not delivered", hearsCancelled},
	{"who stops waiting is let go", hearsCancellation},
	{"each failure says what it means", saysWhatFails},
	{"a failure delivers nothing, and tells no secret", tellsNoSecret},
	{"its spans are below the attempt's, and tell nothing of the call", tracesWell},
}

// delivery returns the n-th event as it is delivered for the first time.
func delivery(n int) sinks.Delivery {
	call := fmt.Sprint("call-", n)
	number := "+905005550001"
	e := events.Event{
		ID: events.ID("acme", call, events.CallStarted, 1), Type: events.CallStarted, Account: "acme", Provider: "telsam", Subject: call,
		Time: time.Date(2026, 3, 1, 9, 0, n, 0, time.UTC), RecordedTime: time.Date(2026, 3, 1, 9, 1, n, 0, time.UTC), CorrelationID: call,
		Data: events.Call{
			CallID: call, Account: "acme", Provider: "telsam", VendorIDs: map[string]string{"uuid": call}, Revision: 1,
			State: events.Provisional, Direction: events.Inbound, Media: events.Voice,
			From: events.Party{Number: &number, Raw: &number}, Evidence: []events.Evidence{events.FromSnapshot}, Estimated: []string{},
			Hangup: events.Hangup{By: events.ByUnknown}, Recording: events.RecordingUnknown,
		},
	}
	body, err := e.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return sinks.Delivery{Event: e, Body: body, Attempt: 1}
}

func (s Subject) deliver(n int) error { return s.Sink.Deliver(context.Background(), delivery(n)) }

// wantTaken says what differs between the ids that were taken and those of the events want.
func (s Subject) wantTaken(want ...int) (wrong []string) {
	var ids []string
	for _, n := range want {
		ids = append(ids, delivery(n).Event.ID)
	}
	got := slices.Sorted(slices.Values(s.Taken()))
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		wrong = append(wrong, fmt.Sprintf("the other side has %d events %.300q, want %d %.300q", len(got), got, len(ids), ids))
	}
	return wrong
}

func deliversOnce(s Subject) []string {
	if err := s.deliver(1); err != nil {
		return []string{fmt.Sprintf("Deliver returned %v", err)}
	}
	return s.wantTaken(1)
}

func deliversAgain(s Subject) []string {
	d := delivery(1)
	for d.Attempt = 1; d.Attempt < 4; d.Attempt++ {
		if err := s.Sink.Deliver(context.Background(), d); err != nil {
			return []string{fmt.Sprintf("attempt %d: Deliver returned %v", d.Attempt, err)}
		}
	}
	return s.wantTaken(1, 1, 1)
}

func deliversAtOnce(s Subject) (wrong []string) {
	const lanes, each = 16, 10
	var mu sync.Mutex
	var all sync.WaitGroup
	var want []int
	for n := range lanes {
		for i := range each {
			want = append(want, n*each+i)
		}
		all.Go(func() {
			for i := range each {
				if err := s.deliver(n*each + i); err != nil {
					mu.Lock()
					wrong = append(wrong, fmt.Sprintf("Deliver returned %v", err))
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return append(wrong, s.wantTaken(want...)...)
}

func leavesBodies(s Subject) (wrong []string) {
	d := delivery(1)
	whole := bytes.Clone(d.Body)
	d.Body = whole
	if err := s.Sink.Deliver(context.Background(), d); err != nil {
		wrong = append(wrong, fmt.Sprintf("Deliver returned %v", err))
	}
	if !bytes.Equal(d.Body, delivery(1).Body) {
		wrong = append(wrong, "the body is another than before")
	}
	return wrong
}

func hearsCancelled(s Subject) (wrong []string) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Sink.Deliver(ctx, delivery(1)); err == nil {
		wrong = append(wrong, "Deliver returned nil")
	}
	return append(wrong, s.wantTaken()...)
}

func hearsCancellation(s Subject) (wrong []string) {
	if s.Stall == nil {
		return nil
	}
	s.Stall()
	ctx, cancel := context.WithCancel(context.Background())
	returned := make(chan error)
	go func() { returned <- s.Sink.Deliver(ctx, delivery(1)) }()
	select {
	case err := <-returned:
		wrong = append(wrong, fmt.Sprintf("Deliver returned %v at once, though the other side says nothing", err))
		cancel()
		return wrong
	case <-time.After(50 * time.Millisecond): // which only makes it likelier that it waits for the other side
	}
	cancel()
	select {
	case err := <-returned:
		if err == nil {
			wrong = append(wrong, "Deliver returned nil, though the other side says nothing")
		}
	case <-time.After(letGo):
		wrong = append(wrong, fmt.Sprintf("Deliver had not returned %s after its context was cancelled", letGo))
		<-returned
	}
	return wrong
}

func saysWhatFails(s Subject) (wrong []string) {
	for f, fail := range s.Faults {
		fail()
		err := s.deliver(1)
		var e *sinks.Error
		switch {
		case err == nil:
			wrong = append(wrong, fmt.Sprintf("Deliver returned nil, want a failure that is %s", f))
		case !errors.As(err, &e) && f != sinks.Passing:
			wrong = append(wrong, fmt.Sprintf("Deliver returned %v, which does not say that it is %s", err, f))
		case e != nil && e.Fault != f:
			wrong = append(wrong, fmt.Sprintf("Deliver returned %v, which is %s, want %s", err, e.Fault, f))
		case e != nil && e.Err == nil:
			wrong = append(wrong, fmt.Sprintf("the failure that is %s does not say what is wrong", f))
		case e != nil && len(e.Snippet) > 4<<10:
			wrong = append(wrong, fmt.Sprintf("the snippet has %d bytes", len(e.Snippet)))
		case e != nil && e.After < 0:
			wrong = append(wrong, fmt.Sprintf("the endpoint is to be left alone for %s", e.After))
		}
	}
	return wrong
}

func tellsNoSecret(s Subject) (wrong []string) {
	for f, fail := range s.Faults {
		fail()
		err := s.deliver(1)
		told := fmt.Sprintf("%v %+v %q", err, err, err)
		var e *sinks.Error
		if errors.As(err, &e) {
			told += e.Snippet
		}
		for _, secret := range s.Secrets {
			for _, spelled := range spellings(secret) {
				if strings.Contains(told, spelled) {
					wrong = append(wrong, fmt.Sprintf("a failure that is %s tells a secret", f))
				}
			}
		}
	}
	return append(wrong, s.wantTaken()...)
}

// spellings returns the ways in which s may be written.
func spellings(s string) []string {
	all := []string{
		s, url.QueryEscape(s), url.PathEscape(s), fmt.Sprintf("%q", s), fmt.Sprintf("%+q", s), hex.EncodeToString([]byte(s)),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s)),
		strings.ToLower(url.QueryEscape(s)),
	}
	for i := range all {
		all[i] = strings.Trim(all[i], `"`)
	}
	return all
}
