package webhook_test

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/callbus/callbus/sinks"
)

// T-1: a host that answers no SYN. Linux drops them where a listener's queue is full.
func TestABlackHole(t *testing.T) {
	eachWay(t, func(t *testing.T, sink opener) {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Listen(fd, 0); err != nil {
			t.Fatal(err)
		}
		at, err := syscall.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
		for range 4 {
			if c, err := net.DialTimeout("tcp", address, 50*time.Millisecond); err == nil {
				defer c.Close()
			}
		}
		began := time.Now()
		err = sink(t, "http://"+address).Deliver(t.Context(), delivery(t))
		inTime(t, began)
		if faultOf(err) != sinks.Passing {
			t.Errorf("Deliver: %v, want %q", err, sinks.Passing)
		}
	})
}
