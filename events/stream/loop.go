package stream

import (
	"net"
	"sync"
	"time"
)

const (
	// loopRoom is how much a loop keeps, before who writes to it waits.
	loopRoom = 256 << 10
	// loopCloses is how long Close waits for the server to take what was written.
	loopCloses = time.Second
)

// A loop is the connection of a process to its own server. What the server gives is a [net.Pipe], on which a write lasts until
// the other side has read it; meanwhile nats.go keeps everybody waiting who has something to say. A loop takes what is written
// at once, as a socket does, and passes it on.
type loop struct {
	net.Conn // the pipe

	mu     sync.Mutex
	some   sync.Cond // there is something to pass on, or it is closed
	room   sync.Cond // for what is written, or an error
	kept   []byte
	closed bool
	err    error // of the pipe

	passed chan struct{} // closed when nothing is passed on any more
}

func newLoop(pipe net.Conn) *loop {
	l := &loop{Conn: pipe, passed: make(chan struct{})}
	l.some.L, l.room.L = &l.mu, &l.mu
	go l.passOn()
	return l
}

// Write keeps b. That the server will not have it, a later Write says.
func (l *loop) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.kept) >= loopRoom && l.err == nil && !l.closed {
		l.room.Wait()
	}
	switch {
	case l.err != nil:
		return 0, l.err
	case l.closed:
		return 0, net.ErrClosed
	}
	l.kept = append(l.kept, b...)
	l.some.Signal()
	return len(b), nil
}

// passOn passes on what is kept, until there is nothing more or the pipe fails.
func (l *loop) passOn() {
	defer close(l.passed)
	var b []byte
	for {
		if b = l.take(b); len(b) == 0 {
			return
		}
		if _, err := l.Conn.Write(b); err != nil {
			l.fail(err)
			return
		}
	}
}

// take waits for what is kept and returns it, and nothing when it is closed. empty is used for what is written next.
func (l *loop) take(empty []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.kept) == 0 && !l.closed {
		l.some.Wait()
	}
	b := l.kept
	l.kept = empty[:0]
	l.room.Broadcast()
	return b
}

// fail ends the connection, which has lost what was to be passed on: nats.go makes another when it cannot read.
func (l *loop) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	l.room.Broadcast()
	_ = l.Conn.Close() // a pipe has no error
}

// Close passes on what was written before, if the server takes it soon.
func (l *loop) Close() error {
	l.mu.Lock()
	l.closed = true
	l.some.Signal()
	l.room.Broadcast()
	l.mu.Unlock()
	_ = l.SetWriteDeadline(time.Now().Add(loopCloses)) // fails if it is closed, which writing says as well
	<-l.passed
	return l.Conn.Close()
}
