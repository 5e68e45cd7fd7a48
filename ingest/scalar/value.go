package scalar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrNone is wrapped when there is no value: the field is absent, null or empty.
var ErrNone = errors.New("no value")

// Kind tells what a field holds.
type Kind int

const (
	Absent Kind = iota // the field is not there
	Null
	Empty  // "", or blanks, or an empty list or object: some languages write nothing so
	Scalar // text, a number or a boolean
	Nested // a list or an object with something in it
)

func (k Kind) String() string {
	return [...]string{"absent", "null", "empty", "a scalar", "a list or an object"}[k]
}

// A Value is a JSON value as the vendor wrote it, the whole answer or one field of it. As the type of a struct's field,
// it takes any JSON; the zero Value is a field that is absent.
type Value []byte

// UnmarshalJSON keeps a copy of data.
func (v *Value) UnmarshalJSON(data []byte) error {
	*v = append((*v)[:0], data...)
	return nil
}

// MarshalJSON returns what the vendor wrote, and null for an absent Value.
func (v Value) MarshalJSON() ([]byte, error) { return json.RawMessage(v).MarshalJSON() }

// Kind tells what v holds.
func (v Value) Kind() Kind {
	text := bytes.TrimSpace(v)
	if len(text) == 0 {
		return Absent
	}
	if string(text) == "null" {
		return Null
	}
	switch text[0] {
	case '{', '[':
		return nested(text)
	case '"':
		return quotedKind(text)
	}
	return Scalar
}

func quotedKind(text []byte) Kind {
	if s, err := unquote(text); err != nil || s != "" {
		return Scalar
	}
	return Empty
}

func nested(text []byte) Kind {
	if len(bytes.Trim(text, "[]{} \t\r\n")) > 0 || len(text) > 2 && bytes.ContainsAny(text[1:len(text)-1], "[]{}") {
		return Nested
	}
	return Empty
}

// Text returns v as text, without the blanks around it: a string, a number as it was written, "true" or "false". It is
// "" for what is absent, null or empty, and an error for what is nested.
func (v Value) Text() (string, error) {
	text := bytes.TrimSpace(v)
	if len(text) > 0 && text[0] == '"' {
		return unquote(text)
	}
	switch v.Kind() {
	case Absent, Null, Empty:
		return "", nil
	case Nested:
		return "", v.not("a text")
	}
	return string(text), nil
}

// filled returns v as text, and an error that wraps ErrNone where there is none.
func (v Value) filled(expected string) (string, error) {
	text, err := v.Text()
	if err != nil {
		return "", v.not(expected)
	}
	if text == "" {
		return "", fmt.Errorf("%w (%s), expected %s", ErrNone, v.Kind(), expected)
	}
	return text, nil
}

// not is the error of a Value that is something else than was expected.
func (v Value) not(expected string) error {
	return fmt.Errorf("%s is not %s", shown(v), expected)
}

// shownAtMost is how much of a value is repeated in an error.
const shownAtMost = 60

// shown returns the beginning of v on one line.
func shown(v Value) string {
	r := []rune(strings.Join(strings.Fields(string(v[:min(len(v), 4*shownAtMost)])), " "))
	if len(r) <= shownAtMost && len(v) <= 4*shownAtMost {
		return string(r)
	}
	return string(r[:min(len(r), shownAtMost)]) + "…"
}
