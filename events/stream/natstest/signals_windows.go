package natstest

import "syscall"

// Windows knows only the first: os.Process.Signal says so of the others.
const (
	kill      = syscall.SIGKILL
	terminate = syscall.SIGTERM
	freeze    = syscall.Signal(19)
	thaw      = syscall.Signal(18)
)
