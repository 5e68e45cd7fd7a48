package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events/secret"
)

// Tolerance is how far webhook-timestamp may be from the verifier's clock.
const Tolerance = 5 * time.Minute

// mostSignatures keeps a request from costing more than a few hashes of its body.
const mostSignatures = 32

var (
	// ErrUnsigned is wrapped when a header is missing or cannot be read.
	ErrUnsigned = errors.New("the request is not signed by Standard Webhooks")
	// ErrTimestamp is wrapped when webhook-timestamp is further from now than [Tolerance]: an old request sent again, or a
	// clock that is wrong.
	ErrTimestamp = errors.New("the request's timestamp is too far from now")
	// ErrSignature is returned when no signature fits.
	ErrSignature = errors.New("no signature of the request fits")
)

// A Verifier checks the signature of requests, for receivers. It may be used concurrently.
type Verifier struct{ keys []signature }

// NewVerifier reads keys as SECRET has them, and public ones (whpk_). A request signed with any of them is good.
func NewVerifier(keys secret.Text) (*Verifier, error) {
	k, err := verifyingKeys(keys)
	if err != nil {
		return nil, err
	}
	return &Verifier{k}, nil
}

// Verify returns nil when a request with these headers and this body was signed with one of the keys, within [Tolerance] of
// now. The body must be whole and as it came. A good request may still be one that was seen before: webhook-id tells.
func (v *Verifier) Verify(h http.Header, body []byte, now time.Time) error {
	id, at, list := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp"), h.Get("Webhook-Signature")
	for name, value := range map[string]string{"webhook-id": id, "webhook-timestamp": at, "webhook-signature": list} {
		if value == "" {
			return fmt.Errorf("%w: it has no %s", ErrUnsigned, name)
		}
	}
	if err := timely(at, now); err != nil {
		return err
	}
	for i, one := range strings.Fields(list) {
		if i < mostSignatures && v.fits(one, id, at, body) {
			return nil
		}
	}
	return ErrSignature
}

func timely(at string, now time.Time) error {
	unix, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: its webhook-timestamp is no whole number of seconds", ErrUnsigned)
	}
	if off := now.Sub(time.Unix(unix, 0)); off > Tolerance || off < -Tolerance {
		return fmt.Errorf("%w: by more than %s", ErrTimestamp, Tolerance)
	}
	return nil
}

// fits tells whether one entry of webhook-signature is right by any key. Versions that are not known are passed over.
func (v *Verifier) fits(one, id, at string, body []byte) bool {
	version, encoded, _ := strings.Cut(one, ",")
	sum, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	for _, k := range v.keys {
		if k.version() == version && k.matches(sum, id, at, body) {
			return true
		}
	}
	return false
}
