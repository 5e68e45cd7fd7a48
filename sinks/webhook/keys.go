package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/callbus/callbus/events/secret"
)

const (
	secretPrefix  = "whsec_" // a key that both sides have
	privatePrefix = "whsk_"  // an ed25519 key
	publicPrefix  = "whpk_"  // what belongs to it, for those who verify

	shortestKey, longestKey = 24, 64 // bytes of a key that both sides have
	mostKeys                = 8      // each makes the header longer
)

// A signature is a kind of signature with one key.
type signature interface {
	version() string // v1 or v1a
	of(id, seconds string, body []byte) []byte
	matches(sum []byte, id, seconds string, body []byte) bool
}

// signingKeys reads the keys to sign with. No error repeats one.
func signingKeys(text secret.Text) ([]signature, error) { return keysIn(text, signingKey) }

// verifyingKeys reads the keys to verify with, which may be public.
func verifyingKeys(text secret.Text) ([]signature, error) {
	return keysIn(text, func(s string) (signature, error) {
		if encoded, ok := strings.CutPrefix(s, publicPrefix); ok {
			return publicKey(encoded)
		}
		return signingKey(s)
	})
}

func keysIn(text secret.Text, read func(string) (signature, error)) ([]signature, error) {
	words := strings.Fields(text.Reveal())
	switch {
	case len(words) == 0:
		return nil, errors.New("not set; it is the key that requests are signed with: whsec_ and 24 to 64 random bytes in base64 (echo whsec_$(openssl rand -base64 32))")
	case len(words) > mostKeys:
		return nil, fmt.Errorf("holds %d keys; at most %d are accepted", len(words), mostKeys)
	}
	var (
		keys   []signature
		faults []error
	)
	for i, word := range words {
		k, err := read(word)
		if err != nil {
			faults = append(faults, fmt.Errorf("key %d of %d %w", i+1, len(words), err))
			continue
		}
		keys = append(keys, k)
	}
	return keys, errors.Join(faults...)
}

func signingKey(s string) (signature, error) {
	if encoded, ok := strings.CutPrefix(s, secretPrefix); ok {
		return sharedKey(encoded)
	}
	if encoded, ok := strings.CutPrefix(s, privatePrefix); ok {
		return privateKey(encoded)
	}
	return nil, errors.New("does not begin with whsec_")
}

// decoded reads base64 as the specification has it: the standard alphabet, padded.
func decoded(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil { // which would say a letter of it
		return nil, errors.New("is no padded base64 of the standard alphabet (with + and /, not - and _) behind its prefix")
	}
	return b, nil
}

// shared is an HMAC-SHA256 key. A hash that was used is used again: making one costs more than a short event's hash.
type shared struct{ hashes *sync.Pool }

func sharedKey(encoded string) (signature, error) {
	key, err := decoded(encoded)
	if err != nil {
		return nil, err
	}
	if len(key) < shortestKey || len(key) > longestKey {
		return nil, fmt.Errorf("has %d bytes; %d to %d are accepted", len(key), shortestKey, longestKey)
	}
	return shared{&sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}, nil
}

func (k shared) version() string { return "v1" }

func (k shared) of(id, seconds string, body []byte) []byte {
	h := k.hashes.Get().(hash.Hash)
	defer k.hashes.Put(h)
	h.Reset()
	var head [96]byte
	h.Write(signedHead(head[:0], id, seconds))
	h.Write(body)
	return h.Sum(nil)
}

func (k shared) matches(sum []byte, id, seconds string, body []byte) bool {
	return hmac.Equal(sum, k.of(id, seconds, body))
}

// pair is an ed25519 key; without its private half it only verifies.
type pair struct {
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

// privateKey reads a seed of 32 bytes or a pair of 64: the specification does not say which.
func privateKey(encoded string) (signature, error) {
	b, err := decoded(encoded)
	if err != nil {
		return nil, err
	}
	if len(b) != ed25519.SeedSize && len(b) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("has %d bytes; an ed25519 key has %d or %d", len(b), ed25519.SeedSize, ed25519.PrivateKeySize)
	}
	private := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
	if len(b) == ed25519.PrivateKeySize && !bytes.Equal(b, private) {
		return nil, errors.New("is an ed25519 pair whose halves do not belong together")
	}
	return pair{private, private.Public().(ed25519.PublicKey)}, nil
}

func publicKey(encoded string) (signature, error) {
	b, err := decoded(encoded)
	if err != nil {
		return nil, err
	}
	if len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("has %d bytes; a public ed25519 key has %d", len(b), ed25519.PublicKeySize)
	}
	return pair{public: b}, nil
}

func (k pair) version() string { return "v1a" }

func (k pair) of(id, seconds string, body []byte) []byte {
	return ed25519.Sign(k.private, signedContent(id, seconds, body))
}

func (k pair) matches(sum []byte, id, seconds string, body []byte) bool {
	return ed25519.Verify(k.public, signedContent(id, seconds, body), sum)
}

// signedHead appends what is signed before the body.
func signedHead(b []byte, id, seconds string) []byte {
	b = append(b, id...)
	b = append(b, '.')
	b = append(b, seconds...)
	return append(b, '.')
}

func signedContent(id, seconds string, body []byte) []byte {
	b := signedHead(make([]byte, 0, len(id)+len(seconds)+len(body)+2), id, seconds)
	return append(b, body...)
}
