package events

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Hash returns 26 characters of [a-z2-7] that stand for parts: the same parts, the same characters.
// It is how callbus makes ids of what a vendor says without repeating it: an id never shows a telephone number.
func Hash(parts ...string) string {
	var buf [160]byte // enough for most: then nothing is allocated
	b := buf[:0]
	for i, p := range parts {
		if i > 0 {
			b = append(b, 0)
		}
		b = append(b, p...)
	}
	h := sha256.Sum256(b)
	return idEncoding.EncodeToString(h[:16])
}

// ID returns the id of the event of type t about subject (a call, a callback, a gap), in its revision. It depends on nothing
// else, so a fact that is published again, after a restart or by another process, has the id it had before.
//
// The revision is that of the data, where it has one. A callback may have several events callback.due and callback.attempted:
// their revision is the step, and the number of attempts. Of all others there is one, and it is 1.
func ID(account, subject string, t Type, revision int) string {
	return Hash("event", account, subject, string(t), strconv.Itoa(revision))
}
