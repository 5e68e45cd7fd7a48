package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
)

func openDiary(t testing.TB, b *stream.Bus) *stream.Diary {
	t.Helper()
	d, err := b.Diary(testContext(t), "calls", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func write(t testing.TB, d sinks.Diary, e sinks.Entry) {
	t.Helper()
	if err := d.Write(testContext(t), e); err != nil {
		t.Fatal(err)
	}
}

func page(t testing.TB, d sinks.Diary, key string) sinks.Page {
	t.Helper()
	p, err := d.Page(testContext(t), key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// awaitEvents waits until the stream holds the events, and no others.
func awaitEvents(t testing.TB, b *stream.Bus, evs ...events.Event) {
	t.Helper()
	ctx := testContext(t)
	for {
		got := ids(storedEvents(t, b, stream.Filter{}))
		if slices.Equal(got, ids(evs)) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("stored are %v, want %v", got, ids(evs))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestAPageOfADiaryIsChangedByOneAtATime(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	d, other := openDiary(t, b), openDiary(t, b)
	if p := page(t, d, "k"); p.Text != nil || p.Revision != 0 {
		t.Errorf("a page that is not there: %+v", p)
	}
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "k", Text: []byte("1")}})
	p := page(t, other, "k")
	if string(p.Text) != "1" || p.Revision == 0 {
		t.Fatalf("page %+v", p)
	}
	p.Text = []byte("2")
	write(t, other, sinks.Entry{Page: p})
	evs := calls("acme", 1)
	err := d.Write(testContext(t), sinks.Entry{Page: p, Wake: time.Now(), Events: evs})
	if !errors.Is(err, sinks.ErrStale) {
		t.Errorf("a stale write: %v", err)
	}
	if p := page(t, d, "k"); string(p.Text) != "2" {
		t.Errorf("page %+v", p)
	}
	write(t, d, sinks.Entry{Page: page(t, d, "k"), Events: evs[:1]})
	awaitEvents(t, b, evs[0])
}

func TestManyPagesAreWrittenAtOnceAndAStaleOneHarmsNoOther(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	d := openDiary(t, b)
	const n = 300
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			e := sinks.Entry{Page: sinks.Page{Key: fmt.Sprint("k", i), Text: []byte("x")}, Events: calls("acme", i+1)[3*i : 3*i+3]}
			if i%10 == 0 {
				e.Revision = 999
			}
			err := d.Write(testContext(t), e)
			unknown := false // a disk that stands still is answered for too late: then it may be stored or not
			for ; err != nil && !errors.Is(err, sinks.ErrStale); err = d.Write(testContext(t), e) {
				unknown = true
			}
			if stale := errors.Is(err, sinks.ErrStale); stale != (i%10 == 0) && !(stale && unknown) {
				t.Errorf("page %d: %v", i, err)
			}
		})
	}
	all.Wait()
	pages := 0
	for _, err := range d.Pages(testContext(t)) {
		if err != nil {
			t.Fatal(err)
		}
		pages++
	}
	if pages != n*9/10 {
		t.Errorf("%d pages, want %d", pages, n*9/10)
	}
	for ctx := testContext(t); ; {
		got := len(storedEvents(t, b, stream.Filter{}))
		if got == pages*3 {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("%d events, want %d", got, pages*3)
		}
	}
}

func TestAnAlarmGoesOffOnceAndTheLastOneSetCounts(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	d := openDiary(t, b)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	alarms := make(chan sinks.Alarm)
	listening := d.Alarms(ctx)
	go func() {
		defer close(alarms)
		for a, err := range listening {
			if err != nil {
				t.Error(err)
			}
			alarms <- a
		}
	}()
	soon := time.Now().Add(300 * time.Millisecond).UTC().Truncate(time.Millisecond)
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "late", Text: []byte("x")}, Wake: time.Now().Add(time.Hour)})
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "past", Text: []byte("x")}, Wake: time.Now().Add(-time.Hour)})
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "moved", Text: []byte("x")}, Wake: time.Now().Add(time.Hour)})
	write(t, d, sinks.Entry{Page: page(t, d, "moved"), Wake: soon})
	if a := <-alarms; a.Key != "past" {
		t.Errorf("alarm %+v", a)
	}
	if a := <-alarms; a.Key != "moved" || !a.At.Equal(soon) || time.Now().Before(soon) {
		t.Errorf("alarm %+v at %s, want at %s", a, time.Now(), soon)
	}
	cancel()
	if a, more := <-alarms; more {
		t.Errorf("alarm %+v", a)
	}
}

// The stream's age is short, the alarm is far: it stays.
func TestAlarmsAndPagesOutliveTheEvents(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, stream.ServerConfig{}))
	b, err := stream.Open(testContext(t), nc, stream.Settings{MaxAge: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	d := openDiary(t, b)
	alarms := d.Alarms(testContext(t))
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "k", Text: []byte("x")}, Wake: time.Now().Add(3500 * time.Millisecond)})
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "short", Text: []byte("x")}, Keep: time.Second})
	for a, err := range alarms {
		if err != nil || a.Key != "k" {
			t.Errorf("alarm %+v, %v", a, err)
		}
		break
	}
	if p := page(t, d, "k"); p.Revision == 0 {
		t.Error("the page is gone")
	}
	if p := page(t, d, "short"); p.Revision != 0 {
		t.Error("a page that was to be kept for a second is there")
	}
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "short", Text: []byte("again")}})
}

// A process is killed after it has written, and before the events are published.
func TestEventsOfADiaryArePublishedByTheNextProcess(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	evs := calls("acme", 20)
	openDiary(t, b).Close() // so that its stream is there
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range evs {
		body, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(testContext(t), fmt.Sprintf("callbacks.out.calls.k%d.%s", i, e.ID), body); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b, evs[:7]...) // it had got so far, but had not cleared them away
	one, two := openDiary(t, b), openDiary(t, b)
	awaitEvents(t, b, evs...)
	write(t, one, sinks.Entry{Page: sinks.Page{Key: "k", Text: []byte("x")}, Events: calls("globex", 1)[:1]})
	awaitEvents(t, b, append(evs, calls("globex", 1)[0])...)
	one.Close()
	two.Close() // what is published is cleared away
	for ctx := testContext(t); ; {
		s, err := js.Stream(ctx, stream.DiaryName)
		if err != nil {
			t.Fatal(err)
		}
		if s.CachedInfo().State.Msgs == 1 {
			break
		}
	}
}

// The server takes an alarm that goes off out of the stream by its subject, and with it one that was set meanwhile. Whoever is
// given an alarm therefore writes the page again, as this test does.
func TestAnAlarmThatIsSetAsAnotherGoesOffGoesOffInTheEnd(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	d := openDiary(t, b)
	ctx, cancel := context.WithCancel(testContext(t))
	const n = 100
	soon := time.Now().Add(time.Second)
	later := soon.Add(2 * time.Second)
	set := func(key string, wake time.Time) { // by whoever comes
		for {
			p := page(t, d, key)
			p.Text = []byte("x")
			err := d.Write(testContext(t), sinks.Entry{Page: p, Wake: wake})
			if err == nil {
				return
			}
			if !errors.Is(err, sinks.ErrStale) {
				t.Fatal(err)
			}
		}
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			key := fmt.Sprint("k", i)
			set(key, soon)
			time.Sleep(time.Until(soon.Add(time.Duration(i) * 2 * time.Millisecond)))
			set(key, later)
		})
	}
	time.AfterFunc(time.Until(later.Add(50*time.Second)), cancel)
	rang := map[string]bool{}
	for a, err := range d.Alarms(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if a.At.Before(later) {
			set(a.Key, later)
			continue
		}
		if rang[a.Key] = true; len(rang) == n {
			break
		}
	}
	all.Wait()
	cancel()
	if len(rang) < n {
		t.Errorf("%d of %d alarms went off", len(rang), n)
	}
}

func TestAnAlarmThatNobodyAnsweredIsGivenToTheNext(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	d := openDiary(t, b)
	alarms := d.Alarms(testContext(t))
	for _, key := range []string{"answered", "unanswered"} {
		write(t, d, sinks.Entry{Page: sinks.Page{Key: key, Text: []byte("x")}, Wake: time.Now()})
	}
	given := 0
	for a, err := range alarms {
		if err != nil {
			t.Fatal(err)
		}
		if a.Key == "answered" {
			write(t, d, sinks.Entry{Page: page(t, d, a.Key)})
		}
		if given++; given == 2 {
			break
		}
	}
	for a, err := range d.Alarms(testContext(t)) { // as another process
		if err != nil || a.Key != "unanswered" {
			t.Errorf("alarm %+v, %v", a, err)
		}
		break
	}
}
