package webhook

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/callbus/callbus/events/secret"
)

const (
	// minSecret is the fewest bytes of a secret that is looked for. A shorter one would be found in half of all words.
	minSecret = 4
	// minPart is how much of a secret's beginning is taken out too: others cut what they quote.
	minPart = 8
	// minSegment is from where on a part of the URL's path may be a token, and no word.
	minSegment = 16
)

// A redactor takes the sink's secrets out of what others wrote, however they are escaped (percent, JSON, HTML).
type redactor struct{ secrets []string }

// newRedactor knows the keys, the token, the values of the headers, and what of the URL may be a token.
func newRedactor(c Config, u *url.URL, h http.Header) redactor {
	all := []string{c.Bearer.Reveal(), u.RawQuery}
	for word := range strings.FieldsSeq(c.Secret.Reveal()) {
		all = append(all, spellingsOfKey(word)...)
	}
	for _, values := range h {
		all = append(all, values[0])
		all = append(all, strings.Fields(values[0])...) // the token behind Basic or Bearer
	}
	for _, values := range u.Query() {
		all = append(all, values...)
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if len(segment) >= minSegment {
			all = append(all, segment)
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) < minSecret })
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // what is part of another comes after it
	return redactor{slices.Compact(all)}
}

// spellingsOfKey returns a key as it is given, and its bytes as programs print them.
func spellingsOfKey(word string) []string {
	_, encoded, _ := strings.Cut(word, "_")
	key, err := decoded(encoded)
	if err != nil {
		return []string{word}
	}
	inHex := hex.EncodeToString(key)
	return []string{encoded, string(key), inHex, strings.ToUpper(inHex), base64.RawURLEncoding.EncodeToString(key)}
}

// text returns s without secrets.
func (r redactor) text(s string) string {
	for _, known := range r.secrets {
		s = hide(s, known)
	}
	return s
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// line returns what an error says, fit for a log: without secrets, without what stands in quotes (net/http quotes there what
// the other side sent), on one line and short.
func (r redactor) line(s string) string {
	const most = 300
	s = r.text(quoted.ReplaceAllString(s, `"…"`))
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > most {
		s = beginning(s, most) + "…"
	}
	return s
}

// hide replaces every spelling of known in s, and of its beginning when that is long.
func hide(s, known string) string {
	return secret.Hide(s, func(rest string) int {
		if rest[0] == known[0] || strings.IndexByte(`%\&+`, rest[0]) >= 0 {
			return spelled(rest, known)
		}
		return 0
	})
}

// spelled returns how many bytes at the beginning of s spell known, or enough of its beginning; 0 when they do not.
//
// It walks through known letter by letter and keeps every place in s where it may stand, because some letters can be read
// in two ways.
func spelled(s, known string) int {
	at, next := make([]int, 1, 8), make([]int, 0, 8)
	end, i := 0, 0
	for i < len(known) {
		_, size := utf8.DecodeRuneInString(known[i:])
		next = next[:0]
		for _, p := range at {
			next = readings(next, s, p, known[i:i+size])
		}
		if len(next) == 0 {
			break
		}
		at, next = next, at
		end = slices.Max(at)
		i += size
	}
	if i == len(known) || i >= minPart {
		return end
	}
	return 0
}

// readings appends to where each place in s that is reached by reading letter at p.
func readings(where []int, s string, p int, letter string) []int {
	add := func(n int) {
		if n > 0 && !slices.Contains(where, p+n) {
			where = append(where, p+n)
		}
	}
	rest := s[p:]
	if rest == "" {
		return where
	}
	if strings.HasPrefix(rest, letter) {
		add(len(letter))
	}
	switch rest[0] {
	case '+':
		if letter == " " {
			add(1)
		}
	case '%':
		add(asPercent(rest, "%", letter))
		add(asPercent(rest, "%25", letter))
	case '\\':
		add(asJSON(rest, letter))
	case '&':
		add(asHTML(rest, letter))
	}
	return where
}

// asPercent reads %C3%BC, and %25C3%25BC, which is what becomes of it when a URL is escaped again.
func asPercent(s, by, letter string) (n int) {
	for i := range len(letter) {
		digits, found := strings.CutPrefix(s[n:], by)
		if !found || len(digits) < 2 {
			return 0
		}
		if b, err := strconv.ParseUint(digits[:2], 16, 8); err != nil || byte(b) != letter[i] {
			return 0
		}
		n += len(by) + 2
	}
	return n
}

// asJSON reads \u00fc, \" and the like.
func asJSON(s, letter string) int {
	if strings.HasPrefix(s[1:], letter) {
		return 1 + len(letter)
	}
	if len(s) < 6 || s[1] != 'u' {
		return 0
	}
	code, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil || string(rune(code)) != letter {
		return 0
	}
	return 6
}

// asHTML reads &amp; and &#252; and the like.
func asHTML(s, letter string) int {
	end := strings.IndexByte(s[:min(len(s), 12)], ';') + 1
	if end == 0 || html.UnescapeString(s[:end]) != letter {
		return 0
	}
	return end
}
