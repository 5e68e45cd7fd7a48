package webhook_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks/webhook"
)

func signer(t interface {
	Helper()
	Fatalf(string, ...any)
}, keys string) *webhook.Signer {
	t.Helper()
	s, err := webhook.NewSigner(secret.New(keys))
	if err != nil {
		t.Fatalf("NewSigner: %v", err)
	}
	return s
}

func verifier(t interface {
	Helper()
	Fatalf(string, ...any)
}, keys string) *webhook.Verifier {
	t.Helper()
	v, err := webhook.NewVerifier(secret.New(keys))
	if err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	return v
}

func signed(id string, at time.Time, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("webhook-signature", signature)
	return h
}

// SW-9: the example of the specification.
func TestSignsAsTheSpecificationDoes(t *testing.T) {
	got, err := signer(t, key).Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("Sign: %q, %v; want %q", got, err, want)
	}
}

func TestSignsWithEachKeyTheCurrentOneFirst(t *testing.T) {
	at, body := time.Unix(1614265330, 0), []byte("{}")
	both, _ := signer(t, otherKey+"  "+key).Sign("msg_1", at, body)
	first, _ := signer(t, otherKey).Sign("msg_1", at, body)
	second, _ := signer(t, key).Sign("msg_1", at, body)
	if both != first+" "+second {
		t.Errorf("Sign: %q, want %q and then %q", both, first, second)
	}
}

func TestRefusesAnIDWithADot(t *testing.T) {
	for _, id := range []string{"", "a.1", "."} {
		if got, err := signer(t, key).Sign(id, time.Now(), nil); err == nil {
			t.Errorf("Sign(%q) = %q, want an error", id, got)
		}
	}
}

func TestKeys(t *testing.T) {
	random := func(n int) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb, 0xef, 7}, n)[:n])
	}
	_, pair, _ := ed25519.GenerateKey(nil)
	broken := bytes.Clone(pair)
	broken[40]++
	for name, tc := range map[string]struct{ keys, says string }{
		"one key":                     {key, ""},
		"24 bytes":                    {"whsec_" + random(24), ""},
		"64 bytes":                    {"whsec_" + random(64), ""},
		"blanks around and between":   {"\n " + key + "\t" + otherKey + "\n", ""},
		"an ed25519 seed":             {"whsk_" + base64.StdEncoding.EncodeToString(pair.Seed()), ""},
		"an ed25519 pair":             {"whsk_" + base64.StdEncoding.EncodeToString(pair), ""},
		"nothing":                     {"", "not set"},
		"blanks":                      {" \n", "not set"},
		"the prefix alone":            {"whsec_", "0 bytes"},
		"23 bytes":                    {"whsec_" + random(23), "23 bytes"},
		"65 bytes":                    {"whsec_" + random(65), "65 bytes"},
		"no prefix":                   {random(32), "whsec_"},
		"another prefix":              {"sk_" + random(32), "whsec_"},
		"a public key":                {"whpk_" + random(32), "whsec_"},
		"no padding":                  {"whsec_" + strings.TrimRight(random(32), "="), "base64"},
		"the alphabet of URLs":        {"whsec_" + strings.NewReplacer("+", "-", "/", "_").Replace(random(32)), "base64"},
		"a good one and a bad one":    {key + " whsec_" + random(5), "key 2 of 2 has 5 bytes"},
		"nine keys":                   {strings.Repeat(key+" ", 9), "9 keys"},
		"an ed25519 key of 40 bytes":  {"whsk_" + random(40), "40 bytes"},
		"an ed25519 pair of two keys": {"whsk_" + base64.StdEncoding.EncodeToString(broken), "halves"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := webhook.NewSigner(secret.New(tc.keys))
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("NewSigner: %v, want %q", err, tc.says)
			}
			for word := range strings.FieldsSeq(tc.keys) {
				if _, encoded, _ := strings.Cut(word, "_"); err != nil && len(encoded) > 8 && strings.Contains(err.Error(), encoded[:8]) {
					t.Errorf("the error tells the key: %v", err)
				}
			}
		})
	}
}

func TestAnEd25519SignatureIsVerifiedByThePublicKey(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	now, body := time.Now(), []byte(`{"a":1}`)
	list, err := signer(t, "whsk_"+base64.StdEncoding.EncodeToString(private)).Sign("msg_1", now, body)
	if err != nil || !strings.HasPrefix(list, "v1a,") {
		t.Fatalf("Sign: %q, %v", list, err)
	}
	v := verifier(t, "whpk_"+base64.StdEncoding.EncodeToString(public))
	if err := v.Verify(signed("msg_1", now, list), body, now); err != nil {
		t.Errorf("Verify: %v", err)
	}
	if err := v.Verify(signed("msg_1", now, list), []byte("{}"), now); !errors.Is(err, webhook.ErrSignature) {
		t.Errorf("Verify of another body: %v, want %v", err, webhook.ErrSignature)
	}
}

func TestWhatIsSignedIsVerifiedAndNothingElse(t *testing.T) {
	v := verifier(t, key)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[a-z0-9_]{1,40}`).Draw(t, "id")
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0)
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		list, err := signer(t, key).Sign(id, at, body)
		if err != nil {
			t.Fatalf("Sign: %v", err)
		}
		if err := v.Verify(signed(id, at, list), body, at.Add(time.Minute)); err != nil {
			t.Fatalf("Verify: %v", err)
		}
		for name, h := range map[string]http.Header{
			"another id":   signed(id+"x", at, list),
			"another time": signed(id, at.Add(time.Second), list),
			"a cut one":    signed(id, at, list[:len(list)-2]),
		} {
			if err := v.Verify(h, body, at); !errors.Is(err, webhook.ErrSignature) {
				t.Fatalf("Verify of %s: %v", name, err)
			}
		}
		if err := v.Verify(signed(id, at, list), append(body, 0), at); !errors.Is(err, webhook.ErrSignature) {
			t.Fatalf("Verify of a longer body: %v", err)
		}
	})
}

func TestVerify(t *testing.T) {
	now, body := time.Unix(1614265330, 0), []byte("{}")
	good, _ := signer(t, key).Sign("msg_1", now, body)
	for name, tc := range map[string]struct {
		h    http.Header
		now  time.Time
		want error
	}{
		"good":                                {signed("msg_1", now, good), now, nil},
		"good among others":                   {signed("msg_1", now, "v2,xxx v1,AAAA "+good+" v1a,BBBB"), now, nil},
		"five minutes old":                    {signed("msg_1", now, good), now.Add(5 * time.Minute), nil},
		"five minutes ahead":                  {signed("msg_1", now, good), now.Add(-5 * time.Minute), nil},
		"older":                               {signed("msg_1", now, good), now.Add(5*time.Minute + time.Second), webhook.ErrTimestamp},
		"from the future":                     {signed("msg_1", now, good), now.Add(-5*time.Minute - time.Second), webhook.ErrTimestamp},
		"no id":                               {signed("", now, good), now, webhook.ErrUnsigned},
		"no signature":                        {signed("msg_1", now, ""), now, webhook.ErrUnsigned},
		"no headers":                          {http.Header{}, now, webhook.ErrUnsigned},
		"a version that is not known":         {signed("msg_1", now, strings.Replace(good, "v1,", "v9,", 1)), now, webhook.ErrSignature},
		"a kind of key that is another's":     {signed("msg_1", now, strings.Replace(good, "v1,", "v1a,", 1)), now, webhook.ErrSignature},
		"no comma":                            {signed("msg_1", now, "v1"), now, webhook.ErrSignature},
		"the right one behind a hundred else": {signed("msg_1", now, strings.Repeat("v1,AAAA ", 100)+good), now, webhook.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			if err := verifier(t, otherKey+" "+key).Verify(tc.h, body, tc.now); !errors.Is(err, tc.want) {
				t.Errorf("Verify: %v, want %v", err, tc.want)
			}
		})
	}
	for _, at := range []string{"", "soon", "1614265330.5", "99999999999999999999"} {
		h := signed("msg_1", now, good)
		h.Set("webhook-timestamp", at)
		if err := verifier(t, key).Verify(h, body, now); !errors.Is(err, webhook.ErrUnsigned) {
			t.Errorf("Verify with timestamp %q: %v, want %v", at, err, webhook.ErrUnsigned)
		}
	}
}

func TestMessageIDIsOfSinkSourceAndID(t *testing.T) {
	e := events.Event{ID: "1", Provider: "telsam", Account: "acme"}
	id := webhook.MessageID("crm", e)
	// Receivers remember it: it must never change.
	if want := "msg_kteyzcdd2tzv4quziwqgzokbf3"; id != want {
		t.Errorf("MessageID: %s, want %s", id, want)
	}
	if again := webhook.MessageID("crm", events.Event{ID: "1", Provider: "telsam", Account: "acme", Subject: "else", Data: 7}); again != id {
		t.Errorf("MessageID of the same event: %s, want %s", again, id)
	}
	for name, other := range map[string]string{
		"another sink":    webhook.MessageID("erp", e),
		"another event":   webhook.MessageID("crm", events.Event{ID: "2", Provider: "telsam", Account: "acme"}),
		"another source":  webhook.MessageID("crm", events.Event{ID: "1", Provider: "telsam", Account: "beta"}),
		"another cutting": webhook.MessageID("crm\x00/callbus/telsam/acme", events.Event{ID: "1"}),
	} {
		if other == id {
			t.Errorf("MessageID of %s is the same: %s", name, id)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("msg_1", "1614265330", "v1,A0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", []byte("{}"))
	f.Add(".", "-1", "v1a, ,v1,,", []byte(nil))
	f.Add("x", "9223372036854775807", "v1,AAAA", []byte("x"))
	public := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	v, err := webhook.NewVerifier(secret.New(key + " whpk_" + base64.StdEncoding.EncodeToString(public)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, at, list string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {at}, "Webhook-Signature": {list}}
		if err := v.Verify(h, body, time.Unix(1614265330, 0)); err == nil {
			t.Errorf("Verify accepts what nobody signed: %q %q %q", id, at, list)
		}
	})
}
