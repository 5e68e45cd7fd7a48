package stream_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
)

func TestWhoLooksAtDiariesMakesNone(t *testing.T) {
	t.Parallel()
	b, nc := newBus(t)
	if _, err := b.DiaryBeside(testContext(t), "calls"); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a diary that nobody keeps: %v", err)
	}
	if _, err := b.DiaryBeside(testContext(t), "no.token"); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("a diary of a wrong name: %v", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Stream(testContext(t), stream.DiaryName); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the stream is there: %v", err)
	}
}

func TestADiaryIsChangedBesideItsSinkWhichAloneIsHeard(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	openDiary(t, b).Close() // so that its stream is there
	d, err := b.DiaryBeside(testContext(t), "calls")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	evs := calls("acme", 1)[:1]
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "k", Text: []byte("1")}, Events: evs})
	time.Sleep(100 * time.Millisecond)
	awaitEvents(t, b) // none
	if p := page(t, openDiary(t, b), "k"); string(p.Text) != "1" {
		t.Errorf("page %+v", p)
	}
	awaitEvents(t, b, evs...)
}

func TestASinkThatIsRemovedLeavesNoDiary(t *testing.T) {
	t.Parallel()
	b, _ := newBus(t)
	d := openDiary(t, b)
	alarms := d.Alarms(testContext(t))
	for _, sink := range []string{"calls", "others"} {
		if _, err := b.Backlog(testContext(t), stream.BacklogConfig{Sink: sink, Types: []string{"call.*"}}); err != nil {
			t.Fatal(err)
		}
	}
	other, err := b.Diary(testContext(t), "others", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	soon := time.Now().Add(2 * time.Second)
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "k", Text: []byte("1")}, Wake: soon})
	write(t, other, sinks.Entry{Page: sinks.Page{Key: "k", Text: []byte("1")}})
	if err := b.RemoveSink(testContext(t), "calls"); err != nil {
		t.Fatal(err)
	}
	if p, kept := page(t, d, "k"), page(t, other, "k"); p.Revision > 0 || kept.Revision == 0 {
		t.Errorf("left are %+v and, of the other sink, %+v", p, kept)
	}
	write(t, d, sinks.Entry{Page: sinks.Page{Key: "later", Text: []byte("1")}, Wake: soon.Add(time.Second)})
	for a, err := range alarms {
		if err != nil || a.Key != "later" {
			t.Errorf("alarm %+v, %v", a, err)
		}
		break
	}
}
