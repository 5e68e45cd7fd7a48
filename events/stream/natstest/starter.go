package natstest

import "runtime"

// A starter does everything on one thread, until it is closed: Linux takes the end of the thread that started a process,
// not of its process, for the end of the parent.
type starter struct {
	work chan func()
	done chan struct{}
}

func newStarter() *starter {
	s := &starter{work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for f := range s.work {
			f()
		}
	}()
	return s
}

func (s *starter) do(f func()) {
	finished := make(chan struct{})
	s.work <- func() { defer close(finished); f() }
	<-finished
}

func (s *starter) close() {
	close(s.work)
	<-s.done
}
