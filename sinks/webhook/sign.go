package webhook

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
)

// A Signer signs by Standard Webhooks 1.0.0, with one key or several. It may be used concurrently.
type Signer struct{ keys []signature }

// NewSigner reads keys as SECRET has them: whsec_ (HMAC-SHA256) or whsk_ (ed25519), separated by blanks, the current one
// first. No error repeats a key.
func NewSigner(keys secret.Text) (*Signer, error) {
	k, err := signingKeys(keys)
	if err != nil {
		return nil, err
	}
	return &Signer{k}, nil
}

// Sign returns the webhook-signature of body with each key, for the id in webhook-id and the moment in webhook-timestamp.
// It refuses an id that is empty or holds a dot: by moving the dot, one signature would serve two messages.
func (s *Signer) Sign(id string, at time.Time, body []byte) (string, error) {
	if id == "" || strings.Contains(id, ".") {
		return "", errors.New("sign a webhook: its id is empty or holds a dot")
	}
	return s.sign(id, seconds(at), body), nil
}

func (s *Signer) sign(id, seconds string, body []byte) string {
	var buf [256]byte
	b := buf[:0]
	for i, k := range s.keys {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, k.version()...)
		b = append(b, ',')
		b = base64.StdEncoding.AppendEncode(b, k.of(id, seconds, body))
	}
	return string(b)
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// MessageID returns the webhook-id of an event that the named sink delivers. It is the same on every attempt, after a
// restart and on a replay, and differs between sinks.
func MessageID(sink string, e events.Event) string {
	var buf [256]byte // enough for most: then nothing is allocated
	b := append(append(buf[:0], sink...), 0)
	b = append(append(b, e.Source()...), 0)
	sum := sha256.Sum256(append(b, e.ID...))
	return "msg_" + idEncoding.EncodeToString(sum[:])[:26]
}
