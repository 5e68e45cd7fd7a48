package webhook_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks/webhook"
)

const (
	bearer    = `t0k&n"with"/+=%41\`
	headerKey = "X-Api-Key: s3cr3t,of=header"
	token     = "q-token-7Zy"
	segment   = "T0000-B0000-Xy7Zw9Qv"
)

// secretive is a sink with a secret in every place that can hold one.
func secretive(t testing.TB, base string) *webhook.Sink {
	return sink(t, base+"/hooks/"+segment+"?token="+token, func(c *webhook.Config) {
		c.Bearer, c.Headers = secret.New(bearer), secret.New(headerKey)
	})
}

var secretTexts = []string{bearer, "s3cr3t,of=header", token, segment, strings.TrimPrefix(key, "whsec_")}

func TestNoSecretIsSeenHoweverItIsSpelled(t *testing.T) {
	s := secretive(t, "https://hooks.example")
	for _, text := range secretTexts {
		asJSON, _ := json.Marshal(text)
		for name, spelled := range map[string]string{
			"as it is":       text,
			"in a query":     url.QueryEscape(text),
			"in a path":      url.PathEscape(text),
			"in small hex":   strings.ToLower(everyByte(text)),
			"escaped twice":  strings.ReplaceAll(everyByte(text), "%", "%25"),
			"in JSON":        strings.Trim(string(asJSON), `"`),
			"in HTML":        html.EscapeString(text),
			"quoted by Go":   fmt.Sprintf("%q", text),
			"without an end": text[:len(text)-2],
		} {
			got := webhook.Redacted(s, "before "+spelled+" after")
			if !strings.Contains(got, "***") || len(got) > len("before '***' after")+1 {
				t.Errorf("%s: %q becomes %q", name, spelled, got)
			}
		}
	}
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
	for _, spelled := range []string{key, string(raw), hex.EncodeToString(raw), fmt.Sprintf("%X", raw), base64.URLEncoding.EncodeToString(raw)} {
		if got := webhook.Redacted(s, spelled); !strings.Contains(got, "***") || len(got) > len("whsec_***") {
			t.Errorf("the key as %q becomes %q", spelled, got)
		}
	}
	const harmless = `{"error":"no such tenant","path":"/hooks/","id":"t0k"} 100% & more + \n`
	if got := webhook.Redacted(s, harmless); got != harmless {
		t.Errorf("%q becomes %q", harmless, got)
	}
}

func everyByte(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func TestNoSecretIsSeenWhateverStandsAroundIt(t *testing.T) {
	s := secretive(t, "https://hooks.example")
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune(`%25\u&#x;t0k+"`)), rapid.Rune()))
		text := rapid.SampledFrom(secretTexts).Draw(t, "secret")
		got := webhook.Redacted(s, around.Draw(t, "before")+text+around.Draw(t, "after"))
		if strings.Contains(got, text) {
			t.Fatalf("%q is seen in %q", text, got)
		}
	})
}

func FuzzRedact(f *testing.F) {
	s := secretive(f, "https://hooks.example")
	f.Add(`%25%25%2541\\\\&amp;&#0038`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, known := range secretTexts {
			if got := webhook.Redacted(s, text); strings.Contains(got, known) {
				t.Errorf("%q is seen in %q", known, got)
			}
		}
	})
}
