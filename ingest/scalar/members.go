package scalar

import (
	"bytes"
	"iter"
)

// Members returns the names and values of an object, in its order, without copying them: a snapshot may have a million.
// v must be valid JSON ([encoding/json.Valid]); of what is not, some members are returned, or none. An error says that v
// is no object.
func (v Value) Members() (iter.Seq2[[]byte, Value], error) {
	inside, ok := between(v, '{', '}')
	if !ok {
		return nil, v.not("an object")
	}
	return func(yield func([]byte, Value) bool) {
		for rest := blanks(inside); len(rest) > 0; {
			var name, value []byte
			name, rest = cut(rest)
			value, rest = cut(rest)
			if !yield(nameOf(name), Value(value)) {
				return
			}
		}
	}, nil
}

// Elements returns the elements of a list, on the same terms as Members.
func (v Value) Elements() (iter.Seq[Value], error) {
	inside, ok := between(v, '[', ']')
	if !ok {
		return nil, v.not("a list")
	}
	return func(yield func(Value) bool) {
		for rest := blanks(inside); len(rest) > 0; {
			var element []byte
			element, rest = cut(rest)
			if !yield(Value(element)) {
				return
			}
		}
	}, nil
}

// between returns what stands between the brackets around v.
func between(v Value, opens, closes byte) (inside []byte, ok bool) {
	text := bytes.TrimSpace(v)
	if len(text) < 2 || text[0] != opens || text[len(text)-1] != closes {
		return nil, false
	}
	return text[1 : len(text)-1], true
}

func nameOf(quoted []byte) []byte {
	if inner, ok := plain(quoted); ok {
		return inner
	}
	s, _ := unquote(quoted) // a name that cannot be read is none that is looked for
	return []byte(s)
}

// cut cuts the first value off rest, and what parts it from the next.
func cut(rest []byte) (value, after []byte) {
	n := end(rest)
	value, after = rest[:n], blanks(rest[n:])
	if len(after) > 0 {
		after = blanks(after[1:]) // a comma or a colon
	}
	return value, after
}

// blanks cuts off the blanks before a value.
func blanks(b []byte) []byte {
	for i, c := range b {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return b[i:]
		}
	}
	return nil
}

// end returns the length of the value at the beginning of b.
func end(b []byte) int {
	switch {
	case len(b) == 0:
		return 0
	case b[0] == '"':
		return endOfString(b)
	case b[0] == '{' || b[0] == '[':
		return endOfNested(b)
	}
	if n := bytes.IndexAny(b, ",:]} \t\r\n"); n >= 0 {
		return n
	}
	return len(b)
}

func endOfString(b []byte) int {
	for i := 1; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		i += n + 1
		if !escaped(b[1 : i-1]) {
			return i
		}
	}
	return len(b)
}

// escaped tells whether what follows b, in a string, is: whether b ends with backslashes that do not escape one another.
func escaped(b []byte) bool {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func endOfNested(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += endOfString(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}
