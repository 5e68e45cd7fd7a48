//go:build unix

package natstest

import "syscall"

const (
	kill      = syscall.SIGKILL
	terminate = syscall.SIGTERM
	freeze    = syscall.SIGSTOP
	thaw      = syscall.SIGCONT
)
