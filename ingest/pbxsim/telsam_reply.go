package pbxsim

import (
	"encoding/json"
	"net/http"
	"strconv"
)

const jsonType = "application/json; charset=utf-8"

// rows are the members of a JSON list, in one piece: a list may have ten thousand.
type rows struct {
	text []byte
	ends []int // where in text each row ends
}

// rowSize is a little more than a row takes, so that a list is seldom moved while it grows.
const rowSize = 216

func newRows(n int) *rows {
	return &rows{text: make([]byte, 0, n*rowSize), ends: make([]int, 0, n)}
}

// add appends the row that write appends.
func (r *rows) add(write func([]byte) []byte) {
	if len(r.ends) > 0 {
		r.text = append(r.text, ',')
	}
	r.text = write(r.text)
	r.ends = append(r.ends, len(r.text))
}

// first returns the first n rows.
func (r *rows) first(n int) *rows {
	if n == 0 {
		return &rows{}
	}
	return &rows{text: r.text[:r.ends[n-1]], ends: r.ends[:n]}
}

// list is a reply that shows rows, in the wrapping of the day.
func (t *Telsam) list(q request, list *rows) reply {
	count := len(list.ends)
	switch q.fault {
	case CountMismatch:
		t.trouble.note(q.fault)
		count, list = mismatch(q, list)
	case Refused:
		t.trouble.note(q.fault)
		return t.refuse(q)
	}
	b := t.open(q, make([]byte, 0, len(list.text)+64))
	b = append(b, `{"success":`...)
	b = t.appendBool(b, q, true)
	b = t.appendNumber(append(b, `,"count":`...), q, count, false)
	if count > 0 || t.cfg.Plain || q.rng.IntN(2) == 0 {
		b = append(b, `,"data":[`...)
		b = append(b, list.text...)
		b = append(b, ']')
	}
	return closed(append(b, '}'))
}

// mismatch returns a count and rows that do not belong together: rows are missing, or were counted twice.
func mismatch(q request, list *rows) (int, *rows) {
	n := len(list.ends)
	if n == 0 || q.rng.IntN(2) == 0 {
		return n + 1 + q.rng.IntN(3), list
	}
	return n, list.first(q.rng.IntN(n))
}

// refuse is what wrong credentials get: no success, and no reason.
func (t *Telsam) refuse(q request) reply {
	b := t.open(q, nil)
	b = t.appendBool(append(b, `{"success":`...), q, false)
	b = t.appendNumber(append(b, `,"count":`...), q, 0, false)
	return closed(append(b, `,"data":[]}`...))
}

// open begins a list of one object, as the document prints it, or nothing, as its samples read it.
func (t *Telsam) open(q request, b []byte) []byte {
	if t.cfg.Plain || q.rng.IntN(3) > 0 {
		return append(b, '[')
	}
	return b
}

// closed ends what open began.
func closed(b []byte) reply {
	if b[0] == '[' {
		b = append(b, ']')
	}
	return reply{http.StatusOK, jsonType, b}
}

// appendBool writes a boolean, or a word for one.
func (t *Telsam) appendBool(b []byte, q request, v bool) []byte {
	switch word := strconv.FormatBool(v); {
	case t.cfg.Plain || q.rng.IntN(3) > 0:
		return append(b, word...)
	case q.rng.IntN(2) == 0:
		return strconv.AppendQuote(b, word)
	default:
		return strconv.AppendQuote(b, string(word[0]-'a'+'A')+word[1:])
	}
}

// appendNumber writes a number, or its digits as text; usual tells which of the two the document has.
func (t *Telsam) appendNumber(b []byte, q request, v int, asText bool) []byte {
	if !t.cfg.Plain && q.rng.IntN(4) == 0 {
		asText = !asText
	}
	if !asText {
		return strconv.AppendInt(b, int64(v), 10)
	}
	return append(strconv.AppendInt(append(b, '"'), int64(v), 10), '"')
}

// appendField appends a separator and a member whose value is text.
func appendField(b []byte, before byte, name, value string) []byte {
	b = append(b, before, '"')
	b = append(b, name...)
	b = append(b, `":`...)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(value) // a string always can be
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, value...)
	return append(b, '"')
}
