package stream_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

// seen is the first event of a call that a snapshot showed.
func seen(account, call string) events.Event {
	e := event(account, call, events.CallStarted)
	c := e.Data.(events.Call)
	c.Evidence = []events.Evidence{events.FromSnapshot}
	e.Data = c
	return e
}

// lapsed is the event that ends a term.
func lapsed(account, term string) events.Event {
	gap := events.Hash("term", account, term)
	return wellFormed(events.Event{
		ID: events.ID(account, gap, events.GapOpened, 1), Type: events.GapOpened, Account: account, Provider: "telsam", Subject: gap,
		Time: at, RecordedTime: at, CorrelationID: gap,
		Data: events.Gap{GapID: gap, Account: account, Provider: "telsam", List: events.ActiveCalls, From: at, Reason: events.GapUnwatched},
	})
}

// What only this process would make so is refused once its fence is up, one or many, alone or among others; the rest is stored.
func TestAFencedProcessPublishesNothingThatDependsOnIt(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3, 60} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b, _ := newBus(t)
			fence, next := stream.Subject(lapsed("acme", "t1")), stream.Subject(lapsed("acme", "t2"))
			var before, after []events.Event
			for i := range n {
				before = append(before, seen("acme", fmt.Sprintf("before-%d", i)), event("acme", fmt.Sprintf("before-%d", i), events.CallAnswered))
				after = append(after, seen("acme", fmt.Sprintf("after-%d", i)))
			}
			if err := b.PublishFenced(testContext(t), fence, before...); err != nil {
				t.Fatal(err)
			}
			if err := b.Publish(testContext(t), lapsed("acme", "t1")); err != nil {
				t.Fatal(err)
			}
			if err := b.PublishFenced(testContext(t), fence, after...); !errors.Is(err, stream.ErrFenced) {
				t.Fatalf("behind the fence: %v", err)
			}
			rest := []events.Event{event("acme", "before-0", events.CallEnded), event("acme", "record", events.CallStarted)}
			if err := b.PublishFenced(testContext(t), fence, rest...); err != nil {
				t.Fatalf("what does not depend on this process: %v", err)
			}
			other := seen("acme", "successor")
			if err := b.PublishFenced(testContext(t), next, other); err != nil {
				t.Fatalf("in the next term: %v", err)
			}
			checkStored(t, b, append(append(append(before, lapsed("acme", "t1")), rest...), other))
		})
	}
}

// An acknowledgement that is lost does not make a fenced event twice, also when the server has forgotten its id meanwhile.
func TestAFencedEventIsStoredOnceThoughItsAnswerIsLost(t *testing.T) {
	for _, n := range []int{1, 200} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := startOutside(t)
			nc := connect(t, s.Server)
			inside := openBus(t, nc)
			relay := startRelay(t, s.URL())
			b := openBus(t, dial(t, relay.URL()))
			var evs []events.Event
			for i := range n {
				evs = append(evs, seen("acme", fmt.Sprintf("call-%03d", i)))
			}
			arrivals := inside.Follow(testContext(t), stream.Filter{})

			relay.setDeaf(true)
			done := make(chan error)
			go func() { done <- b.PublishFenced(testContext(t), "source.gap.opened.acme.none", evs...) }()
			for _, err := range arrivals {
				if err != nil {
					t.Error(err)
				}
				break // the first event, or batch, is stored: its acknowledgement is lost
			}
			forgetMessageIDs(t, nc)
			relay.cut()
			relay.setDeaf(false)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			checkStored(t, inside, evs)
		})
	}
}
