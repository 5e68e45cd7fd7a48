package sinktest

import (
	"testing"

	"pgregory.net/rapid"
)

// A Reporter fails the case that rapid tries, not the whole test: so it can look for a smaller one.
type Reporter struct {
	testing.TB
	Rapid *rapid.T
}

func (r Reporter) Error(args ...any)                 { r.Rapid.Error(args...) }
func (r Reporter) Errorf(format string, args ...any) { r.Rapid.Errorf(format, args...) }
func (r Reporter) Fatalf(format string, args ...any) { r.Rapid.Errorf(format, args...) }
func (r Reporter) Fatal(args ...any)                 { r.Rapid.Error(args...) }
