package webhook

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
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
		time.Sleep(time.Nanosecond)
		if !earlyClosed() || lateClosed() {
			t.Errorf("after %s: closed %v and %v, want the first alone", idleFor, earlyClosed(), lateClosed())
		}
		if d.pop(nil) != late || d.pop(nil) != nil {
			t.Error("what was closed is used again, or what was not is not")
		}
		d.keep(late) // its time begins anew
		time.Sleep(idleFor - 1)
		if lateClosed() {
			t.Error("one that was used again was closed")
		}
		time.Sleep(time.Nanosecond)
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
		if !usedClosed() || d.pop(nil) != nil {
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

func TestAConnectionEndsWithTheContextOfWhoUsesItNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		by := time.Now().Add(time.Hour)
		first, endFirst := context.WithCancel(t.Context())
		second, endSecond := context.WithCancel(t.Context())
		c, _ := pipe(t)
		for _, ctx := range []context.Context{first, first, second} {
			if !c.begin(ctx, by, 0) {
				t.Fatal("it cannot be used")
			}
		}
		endFirst()
		synctest.Wait()
		if _, err := c.Conn.Write([]byte("x")); err != nil { // the other side reads one byte, and no more
			t.Errorf("it ended with the context of an earlier request: %v", err)
		}
		began := time.Now()
		time.AfterFunc(time.Second, endSecond)
		if _, err := c.Conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("Write: %v after %s, want it to end with the context", err, time.Since(began))
		}
		if c.begin(t.Context(), by, 0) {
			t.Error("one that was aborted can be used again")
		}
		if c, _ := pipe(t); !c.begin(second, by, 0) {
			t.Error("that the context has ended is no fault of a connection")
		} else if _, err := c.Conn.Write([]byte("xx")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write for a context that has ended: %v", err)
		}
	})
}

func TestARequestHasItsTimeAndHardlyMore(t *testing.T) {
	const timeout, slack = 10 * time.Second, 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		c, _ := pipe(t)
		for range 50 { // one request after another, each of which takes a while, and the last all the time that it has
			if !c.begin(t.Context(), time.Now().Add(timeout), slack) {
				t.Fatal("it cannot be used")
			}
			time.Sleep(7 * time.Millisecond)
		}
		began := time.Now().Add(-7 * time.Millisecond)
		if _, err := c.Conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Read: %v", err)
		}
		if took := time.Since(began); took < timeout || took > timeout+slack {
			t.Errorf("it took %s, want %s, and %s more at most", took, timeout, slack)
		}
	})
}

func TestWhatWasUsedForAContextIsUsedForItAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &direct{}
		defer d.close()
		contexts, all := make([]context.Context, 5), make([]*conn, 5)
		for i := range all {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			contexts[i] = ctx
			all[i], _ = pipe(t)
			all[i].begin(ctx, time.Now().Add(time.Hour), 0)
			d.keep(all[i])
		}
		for _, i := range []int{2, 0, 4} {
			if d.pop(contexts[i].Done()) != all[i] {
				t.Errorf("for context %d there is another", i)
			}
		}
		if d.pop(nil) != all[3] || d.pop(contexts[4].Done()) != all[1] || d.pop(nil) != nil {
			t.Error("for another context there is not the last that was used")
		}
	})
}
