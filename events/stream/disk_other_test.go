//go:build !linux

package stream_test

import "testing"

// diskToFill only says that it is full: no small file system can be had without further ado.
func diskToFill(*testing.T) fullDisk { return saysFull() }
