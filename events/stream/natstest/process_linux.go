package natstest

import "syscall"

// attributes of a node: it ends with whoever started it.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
