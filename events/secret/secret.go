// Package secret holds settings that must never be seen: passwords, tokens, keys.
//
// A [Text] prints, logs and encodes as ***, whatever is done with it by accident; only Reveal gives the text itself.
// It does not protect the memory it lies in. It fails never.
package secret

import (
	"log/slog"
	"strings"
	"unique"
)

// Hidden is what stands wherever a secret would be seen.
const Hidden = "***"

// Text is a secret. The zero Text is none.
//
// It is held by a handle, because fmt prints the inside of a struct for a verb that String does not serve; Texts that
// hold the same are equal all the same.
type Text struct{ text unique.Handle[string] }

// New returns text as a secret.
func New(text string) Text { return Text{unique.Make(text)} }

// Reveal returns the secret itself, for the one place that sends it.
func (t Text) Reveal() string {
	if t == (Text{}) {
		return ""
	}
	return t.text.Value()
}

// Set tells whether there is a secret at all.
func (t Text) Set() bool { return t.Reveal() != "" }

// Redact returns s with each secret in it, and nothing else, replaced by ***.
func Redact(s string, secrets ...Text) string {
	for _, t := range secrets {
		if t.Set() {
			s = strings.ReplaceAll(s, t.Reveal(), Hidden)
		}
	}
	return s
}

// EnvDecode reads the secret from a setting (github.com/sethvargo/go-envconfig).
func (t *Text) EnvDecode(value string) error {
	*t = New(value)
	return nil
}

func (t Text) String() string {
	if !t.Set() {
		return ""
	}
	return Hidden
}

func (t Text) GoString() string             { return t.String() }
func (t Text) LogValue() slog.Value         { return slog.StringValue(t.String()) }
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Hide replaces each place in s where a secret is spelled. spelled returns how many bytes at the beginning of a text spell it, 0
// or less for none.
func Hide(s string, spelled func(rest string) int) string {
	var out strings.Builder
	from := 0
	for i := 0; i < len(s); {
		n := spelled(s[i:])
		if n <= 0 {
			i++
			continue
		}
		out.WriteString(s[from:i])
		out.WriteString(Hidden)
		i += n
		from = i
	}
	if from == 0 {
		return s
	}
	out.WriteString(s[from:])
	return out.String()
}
