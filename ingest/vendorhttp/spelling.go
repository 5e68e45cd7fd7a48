package vendorhttp

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// spelling returns how many bytes at the beginning of s spell known, each letter as it is or escaped, or -1.
func spelling(s, known string) int {
	return spellings{}.length(s, known)
}

// spellings remembers, by what was left of both, where a spelling was tried in vain: letters that can be read in two
// ways, such as a run of backslashes, would else be tried in every combination.
type spellings map[[2]int]bool

func (vain spellings) length(s, known string) int {
	if known == "" {
		return 0
	}
	left := [2]int{len(s), len(known)}
	if s == "" || vain[left] {
		return -1
	}
	for _, way := range ways {
		n, of := way(s, known)
		if n == 0 {
			continue
		}
		if rest := vain.length(s[n:], known[of:]); rest >= 0 {
			return n + rest
		}
		vain[left] = true
	}
	return -1
}

// ways are the ways in which the first n bytes of s may stand for the first of known; n is 0 when they do not.
// Both are never empty.
var ways = []func(s, known string) (n, of int){asItIs, asPlus, asPercent, asPercentTwice, asJSON, asHTML}

func asItIs(s, known string) (n, of int) {
	if s[0] == known[0] {
		return 1, 1
	}
	return 0, 0
}

func asPlus(s, known string) (n, of int) {
	if s[0] == '+' && known[0] == ' ' {
		return 1, 1
	}
	return 0, 0
}

// asPercent reads %FC.
func asPercent(s, known string) (n, of int) { return escaped("%", s, known) }

// asPercentTwice reads %25FC, which is what becomes of %FC when a URL is escaped again.
func asPercentTwice(s, known string) (n, of int) { return escaped("%25", s, known) }

func escaped(by, s, known string) (n, of int) {
	digits, found := strings.CutPrefix(s, by)
	if !found || len(digits) < 2 {
		return 0, 0
	}
	if b, err := strconv.ParseUint(digits[:2], 16, 8); err != nil || byte(b) != known[0] {
		return 0, 0
	}
	return len(by) + 2, 1
}

// asJSON reads \u00fc, \" and the like.
func asJSON(s, known string) (n, of int) {
	if s[0] != '\\' || len(s) < 2 {
		return 0, 0
	}
	if s[1] == known[0] {
		return 2, 1
	}
	if s[1] != 'u' || len(s) < 6 {
		return 0, 0
	}
	code, err := strconv.ParseUint(s[2:6], 16, 16)
	if r, size := utf8.DecodeRuneInString(known); err == nil && rune(code) == r {
		return 6, size
	}
	return 0, 0
}

// asHTML reads &amp; and &#252; and the like.
func asHTML(s, known string) (n, of int) {
	if s[0] != '&' {
		return 0, 0
	}
	end := strings.IndexByte(s[:min(len(s), 12)], ';') + 1
	text := html.UnescapeString(s[:end])
	if text == "" || text == s[:end] || !strings.HasPrefix(known, text) {
		return 0, 0
	}
	return end, len(text)
}
