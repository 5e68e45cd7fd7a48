package vendorhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"

	"github.com/callbus/callbus/events/secret"
)

// minSecret is the fewest bytes of a secret that is looked for anywhere. A shorter one ("100") would be found in every
// telephone number; it is taken out where it stands as the value of a parameter.
const minSecret = 4

var (
	query  = regexp.MustCompile(`\?[^\s"'<>?]*=[^\s"'<>]*`)
	named  = regexp.MustCompile(`(?i)\b(username|user|password|email|access_token|token|api_hash|api_key|key)=[^&\s"'<>]*`)
	quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

// A Redactor takes secrets out of what others wrote: whole queries of URLs, the values of parameters that carry
// credentials, and each secret it knows, however it is escaped (percent, JSON, HTML, or some of its letters only).
// The zero Redactor knows no secret and still takes out queries and parameters.
type Redactor struct{ secrets []string }

// NewRedactor returns a Redactor that knows secrets.
func NewRedactor(secrets ...secret.Text) Redactor {
	var r Redactor
	for _, s := range secrets {
		if text := s.Reveal(); len(text) >= minSecret {
			r.secrets = append(r.secrets, text)
		}
	}
	return r
}

// Text returns s without secrets.
func (r Redactor) Text(s string) string {
	s = query.ReplaceAllLiteralString(s, "?"+secret.Hidden)
	s = named.ReplaceAllString(s, "${1}="+secret.Hidden)
	for _, known := range r.secrets {
		s = hide(s, known)
	}
	return s
}

// JSON returns document without secrets in any of its names and values, as JSON if it was JSON. It is always a copy.
func (r Redactor) JSON(document []byte) []byte {
	text := r.Text(string(document))
	in := json.NewDecoder(bytes.NewReader(document))
	in.UseNumber()
	var value any
	if err := in.Decode(&value); err != nil || in.InputOffset() != int64(len(bytes.TrimRight(document, " \t\r\n"))) {
		return []byte(text)
	}
	clean, changed := r.value(value)
	if !changed && text == string(document) {
		return slices.Clone(document)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(clean); err != nil {
		return []byte(text)
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// value returns v without secrets, and whether it held any.
func (r Redactor) value(v any) (clean any, changed bool) {
	switch v := v.(type) {
	case string:
		s := r.Text(v)
		return s, s != v
	case json.Number:
		if s := r.Text(v.String()); s != v.String() {
			return s, true
		}
	case []any:
		for i := range v {
			var c bool
			v[i], c = r.value(v[i])
			changed = changed || c
		}
	case map[string]any:
		return r.members(v)
	}
	return v, changed
}

func (r Redactor) members(object map[string]any) (map[string]any, bool) {
	clean, changed := make(map[string]any, len(object)), false
	for name, v := range object {
		cleanName := r.Text(name)
		cleanValue, c := r.value(v)
		clean[cleanName] = cleanValue
		changed = changed || c || cleanName != name
	}
	return clean, changed
}

// hide replaces every spelling of known in s.
func hide(s, known string) string {
	return secret.Hide(s, func(rest string) int { return spelling(rest, known) })
}

// censored is an error whose text had to be redacted. The error behind it can be compared with and not be had.
type censored struct {
	text   string
	behind error
}

func (e censored) Error() string        { return e.text }
func (e censored) GoString() string     { return e.text }
func (e censored) Is(target error) bool { return errors.Is(e.behind, target) }
