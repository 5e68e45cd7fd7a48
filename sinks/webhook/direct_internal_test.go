package webhook

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipe returns a connection, and what tells whether it was closed.
func pipe(t *testing.T) (*conn, func() bool) {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	var closed atomic.Bool
	go func() {
		b.Read(make([]byte, 1)) // until a is closed
		closed.Store(true)
	}()
	return &conn{Conn: a}, func() bool { synctest.Wait(); return closed.Load() }
}

func TestConnectionsThatNobodyUsesAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &direct{}
		early, earlyClosed := pipe(t)
		late, lateClosed := pipe(t)
		d.keep(early)
		time.Sleep(idleFor / 2)
		d.keep(late)
		time.Sleep(idleFor/2 - 1)
		if earlyClosed() {
			t.Error("one was closed too early")
		}
		time.Sleep(1)
		if !earlyClosed() || lateClosed() {
			t.Errorf("after %s: closed %v and %v, want the first alone", idleFor, earlyClosed(), lateClosed())
		}
		if d.pop() != late || d.pop() != nil {
			t.Error("what was closed is used again, or what was not is not")
		}
		d.keep(late) // its time begins anew
		time.Sleep(idleFor - 1)
		if lateClosed() {
			t.Error("one that was used again was closed")
		}
		time.Sleep(1)
		if !lateClosed() || d.timer != nil {
			t.Error("the last one is still open, or waited for")
		}
	})
}

func TestWhatIsClosedKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &direct{}
		idle, idleClosed := pipe(t)
		used, usedClosed := pipe(t)
		d.keep(idle)
		d.close()
		if !idleClosed() || usedClosed() {
			t.Error("it closes what is idle, and nothing else")
		}
		d.keep(used)
		if !usedClosed() || d.pop() != nil {
			t.Error("what comes back is closed as well")
		}
	})
}

func TestNoMoreIsKeptThanThereIsUseFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &direct{}
		defer d.close()
		for range idleAtMost {
			c, _ := pipe(t)
			d.keep(c)
		}
		c, closed := pipe(t)
		d.keep(c)
		if !closed() || len(d.idle) != idleAtMost {
			t.Errorf("%d are kept, want %d", len(d.idle), idleAtMost)
		}
	})
}

func TestARequestThatWouldHoldALineBreakIsNotWritten(t *testing.T) {
	for _, value := range []string{"a\nb", "a\rb", "a\r\nHost: evil"} {
		c := &conn{} // writing to it would panic
		if err := c.write(" / HTTP/1.1\r\n", request{header: map[string][]string{"X": {value}}}); err != errBadHeader {
			t.Errorf("%q: %v, want it refused", value, err)
		}
	}
}

// What comes before anything was asked would be taken for the next request's answer; and where the end has come, nobody would
// read the request.
func TestAConnectionThatSaidSomethingUnaskedIsNotUsedAgain(t *testing.T) {
	if !canListen {
		t.Log("nothing is sent directly on this system")
		return
	}
	for name, says := range map[string]func(net.Conn){
		"an answer": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n") },
		"the end":   func(c net.Conn) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			d := &direct{dialer: &net.Dialer{}, address: l.Addr().String()}
			t.Cleanup(d.close)
			by := time.Now().Add(time.Minute)
			c, err := d.conn(t.Context(), by)
			if err != nil {
				t.Fatal(err)
			}
			other, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { other.Close() })
			d.keep(c)
			if again, err := d.conn(t.Context(), by); again != c || err != nil {
				t.Fatalf("one that is silent is not used again: %v", err)
			}
			says(other)
			for c.silent() { // until it is here, of which a byte is read so
				if time.Now().After(by) {
					t.Fatal("what the other side said is not heard")
				}
			}
			d.keep(c)
			again, err := d.conn(t.Context(), by)
			if err != nil || again == c {
				t.Fatalf("it is used again (%v)", err)
			}
			again.Close()
			if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("it is not closed: %v", err)
			}
		})
	}
}
