package webhook

import (
	"net/http"
	"net/netip"
	"time"
)

// RenewAfter makes the connections of s be made anew after d.
func RenewAfter(s *Sink, d time.Duration) { s.line.maxAge = d }

// Transport returns what s sends with.
func Transport(s *Sink) *http.Transport { return s.line.transport() }

// CheckAddr is the guard with these ranges allowed.
func CheckAddr(a netip.Addr, allow CIDRs) error { return guard{allow}.check(a) }

// Asked is how a Retry-After is read.
func Asked(h http.Header, now time.Time) (time.Duration, bool) { return asked(h, now) }

// InBinary takes an event apart.
func InBinary(stored []byte) (http.Header, []byte, error) { return inBinary(stored) }

// Redacted is text as a sink of these settings would show it.
func Redacted(s *Sink, text string) string { return s.redact.text(text) }

// Place is how long one more request would wait, and whether it may.
func Place(s *Sink) (time.Duration, bool) { return s.pace.place(s.timeout) }
