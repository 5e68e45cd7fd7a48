//go:build !linux

package natstest

import "syscall"

// attributes of a node: outside Linux a node outlives a test that is killed.
func attributes() *syscall.SysProcAttr { return nil }
