package pbxsim

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// naming gives each call of a world the UUID by which a vendor knows it, and finds the call again without a list of
// them. One of version 1 tells when the call began, by the PBX's clock; one of version 4 tells nobody anything, but for
// this view, which hides the call's number in it.
type naming struct {
	world   *World
	skew    time.Duration
	records Records
}

const (
	uuidNode  = 0x0250c0000001     // of every UUID of version 1: no maker's address, but one that is locally given
	uuidEpoch = 0x01b21dd213814000 // 1582-10-15 to 1970-01-01, in units of 100 ns
	uuidLow48 = 1<<48 - 1
)

// of returns the UUID of c.
func (n naming) of(c *Call) string {
	if n.clocked(c) {
		return formatUUID(clockUUID(c, n.skew))
	}
	return formatUUID(randomUUID(n.world.cfg.Seed, "uuid", c.N))
}

// garbage returns the UUID of the row for no call that stands beside the record of c.
func (n naming) garbage(c *Call) string {
	return formatUUID(randomUUID(n.world.cfg.Seed, "garbage uuid", c.N))
}

// clocked is true for half of the calls. It never is for one whose record is garbled at first: its UUID would give away
// the start that the record hides.
func (n naming) clocked(c *Call) bool {
	seed := n.world.cfg.Seed
	return dieOf(seed, c.N, "uuid version").chance(0.5) && !n.records.garbles(c, seed)
}

// garbles tells whether the record of c is garbled at first.
func (r Records) garbles(c *Call, seed uint64) bool {
	return r.GarbledRate > 0 && dieOf(seed, c.N, "garbled").chance(r.GarbledRate)
}

// find returns the call that id names and that began at or before now, or nil.
func (n naming) find(id string, now time.Time) *Call {
	high, low, ok := parseUUID(id)
	if !ok {
		return nil
	}
	for _, c := range n.candidates(high, low, now) {
		if n.of(c) == strings.ToLower(id) {
			return c
		}
	}
	return nil
}

func (n naming) candidates(high, low uint64, now time.Time) []*Call {
	if high>>12&0xf != 1 {
		if c := n.world.numbered(hiddenNumber(n.world.cfg.Seed, high, low), now); c != nil {
			return []*Call{c}
		}
		return nil
	}
	ticks := int64(high>>32|high>>16&0xffff<<32|high&0xfff<<48) - uuidEpoch
	began := time.Unix(0, ticks*100).Add(-n.skew)
	if began.After(now) {
		return nil
	}
	return n.world.Began(began, began.Add(100*time.Nanosecond))
}

// clockUUID has version 1. The clock sequence tells apart calls that begin at one instant.
func clockUUID(c *Call, skew time.Duration) (high, low uint64) {
	ticks := uint64(c.Start.Add(skew).UnixNano()/100) + uuidEpoch
	high = ticks<<32 | ticks>>32&0xffff<<16 | 1<<12 | ticks>>48&0xfff
	return high, 0b10<<62 | uint64(c.N)&0x3fff<<48 | uuidNode
}

// randomUUID has version 4.
func randomUUID(seed uint64, matter string, n int) (high, low uint64) {
	high = uint64(dieOf(seed, n, matter))&^0xf000 | 4<<12
	clock := uint64(dieOf(seed, n, matter+" clock")) & 0x3fff
	return high, 0b10<<62 | clock<<48 | (uint64(n)^uuidMask(seed, high))&uuidLow48
}

// hiddenNumber is the n of randomUUID, or any number when it did not make this one.
func hiddenNumber(seed, high, low uint64) int { return int((low ^ uuidMask(seed, high)) & uuidLow48) }

func uuidMask(seed, high uint64) uint64 { return uint64(dieOf(seed, int(high), "uuid node")) }

func formatUUID(high, low uint64) string {
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&uuidLow48)
}

func parseUUID(s string) (high, low uint64, ok bool) {
	digits := strings.ReplaceAll(s, "-", "")
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != 16 || len(s) != 36 {
		return 0, 0, false
	}
	for i, octet := range b {
		if i < 8 {
			high = high<<8 | uint64(octet)
		} else {
			low = low<<8 | uint64(octet)
		}
	}
	return high, low, true
}

// numbered returns call n, when it began at or before now and is not yet forgotten; else nil.
func (w *World) numbered(n int, now time.Time) *Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(now)
	if len(w.chunks) == 0 {
		return nil
	}
	at := n - w.chunks[0].calls[0].N
	if at < 0 || at/chunkSize >= len(w.chunks) || at%chunkSize >= len(w.chunks[at/chunkSize].calls) {
		return nil
	}
	if c := w.chunks[at/chunkSize].calls[at%chunkSize]; !c.Start.After(now) {
		return c
	}
	return nil
}
