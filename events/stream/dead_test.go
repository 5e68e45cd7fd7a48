package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
)

func deadLetters(t *testing.T, b *stream.Bus, account string) []stream.DeadLetter {
	t.Helper()
	var out []stream.DeadLetter
	for d, err := range b.DeadLetters(testContext(t), account) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

func TestDeadLetters(t *testing.T) {
	b, nc := newBus(t)
	text := stream.DeadLetter{Account: "acme", Provider: "verimor", Reason: "no start time", Row: []byte(`{"id":"1","x":"ş"}`), At: at}
	binary := stream.DeadLetter{Account: "acme", Provider: "verimor", Reason: "not JSON", Row: []byte{0xff, 0xfe, 0}, At: at.Add(time.Second)}
	empty := stream.DeadLetter{Account: "zeta", Provider: "telsam", Reason: "empty", Row: []byte{}, At: at}
	for range 2 {
		for _, d := range []stream.DeadLetter{text, binary, empty} {
			d.Reason += "" // the same again
			if err := b.DeadLetter(testContext(t), d); err != nil {
				t.Fatal(err)
			}
		}
		forgetDeadIDs(t, nc)
	}
	got := deadLetters(t, b, "acme")
	if len(got) != 2 || fmt.Sprint(got[0]) != fmt.Sprint(text) || !bytes.Equal(got[1].Row, binary.Row) || !got[1].At.Equal(binary.At) {
		t.Errorf("read %v\nwant %v", got, []stream.DeadLetter{text, binary})
	}
	if all := deadLetters(t, b, ""); len(all) != 3 || len(all[2].Row) != 0 {
		t.Errorf("read %d dead letters of all accounts, want 3", len(all))
	}
	m, err := jetStreamLast(t, nc, "CALLBUS_DEAD", "dead.ingest.acme."+events.Hash("verimor", string(text.Row)))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"account":"acme","provider":"verimor","reason":"no start time","row":"{\"id\":\"1\",\"x\":\"ş\"}","at":"2026-07-01T09:00:00Z"}`; string(m) != want {
		t.Errorf("stored as %s\nwant %s", m, want)
	}
}

func jetStreamLast(t *testing.T, nc *nats.Conn, name, subject string) ([]byte, error) {
	s, err := jetStream(t, nc).Stream(testContext(t), name)
	if err != nil {
		return nil, err
	}
	m, err := s.GetLastMsgForSubject(testContext(t), subject)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// forgetDeadIDs shows that it is not the server's memory of ids that keeps dead letters single.
func forgetDeadIDs(t *testing.T, nc *nats.Conn) {
	c := streamConfig(t, nc, "CALLBUS_DEAD")
	c.Duplicates = 100 * time.Millisecond
	if _, err := jetStream(t, nc).UpdateStream(testContext(t), c); err != nil {
		t.Fatal(err)
	}
	time.Sleep(250 * time.Millisecond) // the server tells nobody when it forgets
}

func TestDeadLetterErrors(t *testing.T) {
	b, _ := newBus(t)
	if err := b.DeadLetter(testContext(t), stream.DeadLetter{Account: "a.b", Provider: "telsam"}); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("an account of two tokens: %v", err)
	}
	if err := b.DeadLetter(testContext(t), stream.DeadLetter{Account: "a", Provider: "telsam", Row: []byte(strings.Repeat("x", 5<<20))}); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("a row of 5 MB: %v", err)
	}
}

func TestFirstSeen(t *testing.T) {
	b, _ := newBus(t)
	var wg sync.WaitGroup
	seen := make([]time.Time, 10)
	for i := range seen {
		wg.Go(func() {
			var err error
			if seen[i], err = b.FirstSeen(testContext(t), "acme", at.Add(time.Duration(i)*time.Minute)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range seen {
		if !s.Equal(seen[0]) || s.Before(at) {
			t.Fatalf("first seen at %v", seen)
		}
	}
	if s, err := b.FirstSeen(testContext(t), "zeta", at); err != nil || !s.Equal(at) {
		t.Errorf("another account was first seen at %v, %v", s, err)
	}
	if _, err := b.FirstSeen(testContext(t), "a b", at); !errors.Is(err, stream.ErrInvalid) {
		t.Errorf("an account that is no token: %v", err)
	}
}
