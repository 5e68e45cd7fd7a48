package webhook

import (
	"net/http"
	"net/netip"
	"time"
)

// RenewAfter makes the connections of s be made anew after d.
func RenewAfter(s *Sink, d time.Duration) { s.line.maxAge = d }

// Transport returns what s sends with where it does not send directly.
func Transport(s *Sink) *http.Transport { return s.line.generation().other }

// NeverDirectly makes s leave everything to net/http.
func NeverDirectly(s *Sink) {
	fresh := s.line.fresh
	s.line.fresh = func() *generation {
		g := fresh()
		g.direct = nil
		return g
	}
}

// KeptDirectly is how many connections s keeps for what it sends directly.
func KeptDirectly(s *Sink) int {
	g := s.line.generation()
	if g.direct == nil {
		return 0
	}
	g.direct.mu.Lock()
	defer g.direct.mu.Unlock()
	return len(g.direct.idle)
}

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
