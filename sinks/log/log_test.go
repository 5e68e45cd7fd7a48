package log_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/schemas"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/log"
	"github.com/callbus/callbus/sinks/sinktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A file takes what is written to it, as much of it as there is room.
type file struct {
	mu   sync.Mutex
	text bytes.Buffer
	err  error
	room int // bytes of each Write that it takes when it fails
}

func (f *file) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		n, _ := f.text.Write(b[:min(f.room, len(b))])
		return n, f.err
	}
	return f.text.Write(b)
}

func (f *file) lines() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Split(strings.TrimSuffix(f.text.String(), "\n"), "\n")
}

// ids returns the ids of the events in whole lines.
func (f *file) ids() (ids []string) {
	for _, line := range f.lines() {
		if e, err := events.Parse([]byte(line)); err == nil {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

func (f *file) breaks(err error, room int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.room = err, room
}

func TestContract(t *testing.T) {
	sinktest.Contract(t, func(*testing.T) sinktest.Subject {
		f := &file{}
		return sinktest.Subject{
			Sink: log.New(f), Taken: f.ids,
			Faults: map[sinks.Fault]func(){sinks.OfEndpoint: func() { f.breaks(errors.New("no space left on device"), 0) }},
		}
	})
}

func TestALineThatWasTornSpoilsNoOther(t *testing.T) {
	f := &file{}
	s := log.New(f)
	body := []byte(`{"id":"1"}`)
	f.breaks(io.ErrShortWrite, 4)
	if err := s.Deliver(t.Context(), sinks.Delivery{Body: body}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Deliver returned %v", err)
	}
	f.breaks(nil, 0)
	for range 2 {
		if err := s.Deliver(t.Context(), sinks.Delivery{Body: body}); err != nil {
			t.Errorf("Deliver returned %v", err)
		}
	}
	if got := strings.Join(f.lines(), "|"); got != `{"id|{"id":"1"}|{"id":"1"}` {
		t.Errorf("written: %s", got)
	}
}

func TestAnEventIsOneLine(t *testing.T) {
	for name, tc := range map[string]struct {
		body, want string
		fault      sinks.Fault
	}{
		"as it is stored":               {`{"a": "ä"}`, `{"a": "ä"}`, ""},
		"also when it is stored in two": {"{\"a\":\r\n \"b\\n\"}", `{"a":"b\n"}`, ""},
		"not when it is no JSON":        {"{\n", "", sinks.OfEvent},
	} {
		t.Run(name, func(t *testing.T) {
			f := &file{}
			err := log.New(f).Deliver(t.Context(), sinks.Delivery{Body: []byte(tc.body)})
			var e *sinks.Error
			if errors.As(err, &e) != (tc.fault != "") || e != nil && e.Fault != tc.fault {
				t.Errorf("Deliver returned %v", err)
			}
			if got := f.lines()[0]; got != tc.want {
				t.Errorf("written: %s, want %s", got, tc.want)
			}
		})
	}
}

func TestEventsOfEveryTypeCanBeReadBack(t *testing.T) {
	f := &file{}
	s := log.New(f)
	var want []string
	for _, typ := range events.Types() {
		body, err := schemas.Example(typ)
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Deliver(t.Context(), sinks.Delivery{Event: e, Body: body}); err != nil {
			t.Errorf("Deliver of %s returned %v", typ, err)
		}
		want = append(want, e.ID)
	}
	if got := f.ids(); !slices.Equal(got, want) {
		t.Errorf("written were %v, want %v", got, want)
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"a":"b"}`))
	f.Add([]byte("[\n1]"))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := &file{}
		err := log.New(w).Deliver(t.Context(), sinks.Delivery{Body: body})
		if json.Valid(body) && err != nil {
			t.Errorf("Deliver returned %v", err)
		}
		if err == nil && strings.Count(w.text.String(), "\n") != 1 {
			t.Errorf("%q was written as %q", body, w.text.String())
		}
	})
}
