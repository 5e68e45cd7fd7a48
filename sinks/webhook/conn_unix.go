//go:build unix

package webhook

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// canListen tells whether a [listener] can be made here.
const canListen = true

// A listener looks whether something has come on a connection that nobody reads from.
type listener struct {
	raw   syscall.RawConn
	look  func(fd uintptr) bool // made once
	heard bool
}

func listenTo(c net.Conn) (*listener, error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("a %T has no descriptor", c)
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := &listener{raw: raw}
	var one [1]byte
	l.look = func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), one[:]) // at once: the descriptors of net do not block
		l.heard = !errors.Is(err, syscall.EAGAIN)
		return true
	}
	return l, nil
}

// silent tells whether nothing has come, neither a byte nor the end. What came is lost.
func (l *listener) silent() bool { return l.raw.Read(l.look) == nil && !l.heard }
