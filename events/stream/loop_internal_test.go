package stream

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inLoop runs f with a loop and the server's end of its pipe, in virtual time.
func inLoop(t *testing.T, f func(t *testing.T, l *loop, server net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		l := newLoop(client)
		defer server.Close()
		defer l.Close()
		f(t, l, server)
	})
}

func TestWhoWritesDoesNotWaitForTheServer(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, server net.Conn) {
		for range loopRoom / 1024 { // nobody reads
			if _, err := l.Write(make([]byte, 1024)); err != nil {
				t.Fatalf("Write: %v", err)
			}
		}
		go io.Copy(io.Discard, server)
	})
}

func TestWhatTheServerDoesNotTakeIsBounded(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, server net.Conn) {
		written := 0
		go func() {
			for {
				n, err := l.Write(make([]byte, 1024))
				if written += n; err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		if most := 2*loopRoom + 1024; written > most { // what is being passed on, and what is kept
			t.Errorf("%d bytes are kept, want at most %d", written, most)
		}
		before := written
		if _, err := io.CopyN(io.Discard, server, int64(loopRoom)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if written == before {
			t.Error("it does not go on when the server reads")
		}
		server.Close()
	})
}

func TestWhatIsWrittenArrivesAsItWasAndInOrder(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, server net.Conn) {
		random := rand.New(rand.NewPCG(1, 2))
		sent := make([]byte, 4<<20)
		for i := range sent {
			sent[i] = byte(random.Uint32())
		}
		go func() {
			piece := make([]byte, 70_000) // which the writer uses again
			for rest := sent; len(rest) > 0; {
				n := copy(piece[:1+random.IntN(len(piece))], rest)
				if _, err := l.Write(piece[:n]); err != nil {
					t.Errorf("Write: %v", err)
				}
				rest = rest[n:]
			}
			l.Close()
		}()
		if got, err := io.ReadAll(server); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes came (%v), want the %d that were written", len(got), err, len(sent))
		}
	})
}

func TestClosingPassesOnWhatWasWritten(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, server net.Conn) {
		if _, err := io.WriteString(l, "the last word"); err != nil {
			t.Fatal(err)
		}
		go l.Close()
		if got, err := io.ReadAll(server); err != nil || string(got) != "the last word" {
			t.Errorf("%q came (%v)", got, err)
		}
		if _, err := l.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write after Close: %v", err)
		}
	})
}

func TestClosingDoesNotWaitForAServerThatHangs(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, _ net.Conn) {
		if _, err := io.WriteString(l, "x"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		l.Close()
		l.Close() // nats.go may, again
		if took := time.Since(began); took != loopCloses {
			t.Errorf("Close took %s, want %s", took, loopCloses)
		}
	})
}

func TestWhoWritesHearsThatTheServerIsGone(t *testing.T) {
	for name, end := range map[string]struct {
		do   func(l *loop, server net.Conn)
		want error
	}{
		"it has closed":                {func(_ *loop, server net.Conn) { server.Close() }, io.ErrClosedPipe},
		"it has hung for its deadline": {func(l *loop, _ net.Conn) { l.SetWriteDeadline(time.Now().Add(time.Minute)) }, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			inLoop(t, func(t *testing.T, l *loop, server net.Conn) {
				end.do(l, server)
				var all sync.WaitGroup
				for range 3 { // of several, all
					all.Go(func() {
						for {
							if _, err := l.Write(make([]byte, 1024)); errors.Is(err, end.want) {
								return
							} else if err != nil {
								t.Errorf("Write: %v, want %v", err, end.want)
								return
							}
							time.Sleep(time.Millisecond)
						}
					})
				}
				all.Wait()
				if n, err := l.Read(make([]byte, 1)); err == nil { // by which nats.go notices
					t.Errorf("%d bytes can still be read", n)
				}
			})
		})
	}
}

// nats.go forgets a connection on which the server did not greet it.
func TestAConnectionThatIsMadeAgainLeavesNothingOfTheOneBefore(t *testing.T) {
	server, err := StartServer(t.Context(), ServerConfig{DataDir: t.TempDir(), Listen: "off"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	p := &inProcess{s: server}
	var all []*loop
	for range 5 {
		c, err := p.InProcessConn()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c.(*loop))
	}
	defer all[4].Close()
	for _, l := range all[:4] {
		<-l.passed
	}
	if _, err := all[4].Write([]byte("PING\r\n")); err != nil {
		t.Errorf("the last is closed as well: %v", err)
	}
}
