package scalar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// unquote reads a JSON string and takes off the blanks around its text. Most strings hold no escape, and a snapshot has
// hundreds of thousands of them, so those go without encoding/json.
func unquote(quoted []byte) (string, error) {
	if inner, ok := plain(quoted); ok {
		return string(bytes.TrimSpace(inner)), nil
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "", fmt.Errorf("%s is not a JSON string", shown(quoted))
	}
	return strings.TrimSpace(s), nil
}

// plain returns what is between the quotes, if it stands for itself.
func plain(quoted []byte) (inner []byte, ok bool) {
	if len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return nil, false
	}
	inner = quoted[1 : len(quoted)-1]
	var all byte
	for _, b := range inner {
		if b < ' ' || b == '"' || b == '\\' {
			return nil, false
		}
		all |= b
	}
	return inner, all < utf8.RuneSelf || utf8.Valid(inner)
}
