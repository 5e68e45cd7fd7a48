package stream_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

// A callback's reminders share a subject and skip steps: each follows whatever is there, and is stored once all the same.
func TestRemindersThatSkipSteps(t *testing.T) {
	b, nc := newBus(t)
	evs := []events.Event{
		callbackEvent(events.CallbackOpened, 1, owed("acme", "1")),
		reminder("acme", "1", 1), reminder("acme", "1", 3), attempt("acme", "1", 1), reminder("acme", "1", 4), attempt("acme", "1", 3),
	}
	for _, part := range [][]events.Event{evs[:2], evs[:3], evs[1:2], evs[2:], evs[2:3], evs, {evs[5], evs[2], evs[4], evs[1], evs[3]}} {
		if err := b.Publish(testContext(t), part...); err != nil {
			t.Fatalf("Publish %d events: %v", len(part), err)
		}
	}
	forgetMessageIDs(t, nc)
	for _, e := range []events.Event{evs[2], evs[1], evs[4], evs[5], evs[3], evs[0]} {
		if err := b.Publish(testContext(t), e); err != nil {
			t.Fatalf("Publish %s again: %v", stream.Subject(e), err)
		}
	}
	checkStored(t, b, evs)
}

// Steps that skip need not come in their order either: what another process stored meanwhile is in nobody's way.
func TestAReminderAfterALaterOne(t *testing.T) {
	b, nc := newBus(t)
	evs := []events.Event{reminder("acme", "1", 3), reminder("acme", "1", 1), reminder("acme", "1", 2)}
	for range 2 {
		for _, e := range evs {
			if err := b.Publish(testContext(t), e); err != nil {
				t.Fatal(err)
			}
		}
		forgetMessageIDs(t, nc)
	}
	checkStored(t, b, evs)
}

// Several reminders of one callback in one Publish, among so many others that they go as a batch: in their order, each once.
func TestRemindersAmongMany(t *testing.T) {
	b, nc := newBus(t)
	var evs []events.Event
	for _, step := range []int{1, 3, 4} {
		for i := range 100 {
			evs = append(evs, reminder("acme", fmt.Sprint(i), step))
		}
		evs = append(evs, calls(fmt.Sprint("step-", step), 50)...)
	}
	evs = append(evs, reminder("acme", "1", 5), reminder("acme", "1", 7), reminder("acme", "1", 9))
	for _, part := range [][]events.Event{evs[:300], evs[100:400], evs} {
		if err := b.Publish(testContext(t), part...); err != nil {
			t.Fatal(err)
		}
	}
	forgetMessageIDs(t, nc)
	if err := b.Publish(testContext(t), evs...); err != nil {
		t.Fatal(err)
	}
	checkStored(t, b, evs)
}

// In whatever order and company reminders are repeated, what is new is put at the end, and what was there stays where it is.
func TestRemindersInAnyOrder(t *testing.T) {
	b, nc := newBus(t)
	var all []events.Event
	for i := range 5 {
		for _, step := range []int{1, 2, 4, 7} {
			all = append(all, reminder("acme", fmt.Sprint(i), step), attempt("acme", fmt.Sprint(i), step))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	var want []events.Event
	for round := range 60 {
		if round == 30 {
			forgetMessageIDs(t, nc)
		}
		some := slices.Clone(all)
		random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		some = some[:1+random.IntN(len(some))/2]
		if err := b.Publish(testContext(t), some...); err != nil {
			t.Fatal(err)
		}
		for _, e := range some {
			if !slices.ContainsFunc(want, func(o events.Event) bool { return o.ID == e.ID }) {
				want = append(want, e)
			}
		}
	}
	checkStored(t, b, want)
}

// Processes that both run the sink publish the same, each over its own connection, some of them with other steps between.
func TestTwoBusesThatRemind(t *testing.T) {
	s := startOutside(t)
	var b *stream.Bus
	var wg sync.WaitGroup
	want := make(map[string]bool)
	for process := range 4 {
		bus := openBus(t, dial(t, s.URL()))
		b = bus
		var evs []events.Event
		for step := 1; step <= 9; step++ {
			for i := range 6 {
				if step%4 == process && i%2 == 0 {
					continue // this one was late, and passed the step by
				}
				evs = append(evs, reminder("acme", fmt.Sprint(i), step), attempt("acme", fmt.Sprint(i), step))
			}
		}
		for _, e := range evs {
			want[e.ID] = true
		}
		wg.Go(func() {
			for _, n := range []int{3, 1, 40} {
				for part := range slices.Chunk(evs, n) {
					if err := bus.Publish(testContext(t), part...); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	got := ids(storedEvents(t, b, stream.Filter{}))
	for _, id := range got {
		if !want[id] {
			t.Errorf("%s is stored twice, or was published by nobody", id)
		}
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("%d reminders are not stored", len(want))
	}
}

// What a callback has once is still held to its place: only reminders and attempts may follow another.
func TestConflictOfCallbacks(t *testing.T) {
	b, _ := newBus(t)
	done := owed("acme", "1")
	done.Status, done.Resolution = events.StatusResolved, ptr(events.ResolutionManual)
	for _, e := range []events.Event{callbackEvent(events.CallbackOpened, 1, owed("acme", "1")), callbackEvent(events.CallbackCompleted, 1, done)} {
		if err := b.Publish(testContext(t), other(e)); err != nil {
			t.Fatal(err)
		}
		if err := b.Publish(testContext(t), e); !errors.Is(err, stream.ErrConflict) {
			t.Errorf("Publish of %s after another writer's: %v", stream.Subject(e), err)
		}
	}
}

// A reminder follows a message that somebody else put on its subject, and one whose earlier ones are gone with age.
func TestAReminderAfterAnything(t *testing.T) {
	b, nc := newBus(t)
	if _, err := nc.Request(stream.Subject(reminder("acme", "1", 1)), []byte("hello"), time.Second); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(testContext(t), reminder("acme", "1", 1), reminder("acme", "1", 2)); err != nil {
		t.Fatal(err)
	}
	if err := eventStream(t, nc).Purge(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(testContext(t), reminder("acme", "1", 4), reminder("acme", "1", 6)); err != nil {
		t.Fatal(err)
	}
	checkStored(t, b, []events.Event{reminder("acme", "1", 4), reminder("acme", "1", 6)})
}
