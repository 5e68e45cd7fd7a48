package pbxsim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// while1Error is how the vendor says no: the lists are empty, also where an object would stand.
func while1Error(messages ...string) reply {
	b, _ := json.Marshal(append([]string{}, messages...)) // strings always can be
	b = append([]byte(`{"has_error":true,"messages":`), b...)
	return reply{http.StatusOK, jsonType, append(b, `,"pagination":[],"results":[]}`...)}
}

// list is a reply that shows a page of rows.
func (v *While1) list(q request, form while1Form, list *rows, page, count int) reply {
	switch q.fault {
	case CountMismatch:
		v.trouble.note(q.fault)
		return while1Mismatch(q, form, list, page, count)
	case Refused:
		v.trouble.note(q.fault)
		return while1Error()
	}
	b := form.open(page, count)
	b = append(append(b, list.text...), "]}"...)
	return reply{http.StatusOK, jsonType, b}
}

// while1Mismatch is a reply that lost rows on its way. The vendor's counts are not to be trusted, so that it has to say
// so, or to break off where the next row should stand: else it would look right.
func while1Mismatch(q request, form while1Form, list *rows, page, count int) reply {
	if q.rng.IntN(2) == 0 {
		return while1Error("Internal error")
	}
	part := list.first(q.rng.IntN(len(list.ends) + 1))
	b := append(form.open(page, count), part.text...)
	return reply{http.StatusOK, jsonType, append(b, ",]}"...)}
}

// while1Form is how one reply writes what may be written in several ways.
type while1Form struct {
	wobbles       bool
	numbersTurned bool // ids as numbers, counts as text
	blanks        bool // "" for null
	noCounts      bool // zeros, as in the vendor's own example of a page with a row
}

func (v *While1) formOf(q request) while1Form {
	if v.cfg.Plain {
		return while1Form{}
	}
	return while1Form{true, q.rng.IntN(4) == 0, q.rng.IntN(8) == 0, q.rng.IntN(5) == 0}
}

// open writes a reply as far as its first row.
func (f while1Form) open(page, count int) []byte {
	pages := (count + while1Page - 1) / while1Page
	if f.noCounts || count == 0 {
		count, page, pages = 0, 0, 0
	}
	w := while1Writer{b: []byte(`{"has_error":false,"messages":[],"pagination":{`), form: f}
	w.number("row_count", count, false)
	w.number("page_size", while1Page, false)
	w.number("current_page", page, false)
	w.number("max_page", pages, false)
	return append(w.b, `},"results":[`...)
}

// while1Writer writes the members of an object.
type while1Writer struct {
	b    []byte
	form while1Form
}

func (w *while1Writer) name(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), name...), `":`...)
}

func (w *while1Writer) text(name, value string) {
	before := byte(',')
	if last := len(w.b) - 1; w.b[last] == '{' {
		before, w.b = '{', w.b[:last]
	}
	w.b = appendField(w.b, before, name, value)
}

// orNull writes text, or that there is none.
func (w *while1Writer) orNull(name, value string) {
	if value != "" || w.form.blanks {
		w.text(name, value)
		return
	}
	w.name(name)
	w.b = append(w.b, "null"...)
}

func (w *while1Writer) absent(names ...string) {
	for _, name := range names {
		w.orNull(name, "")
	}
}

// number writes a number, or its digits as text; usual tells which of the two the document has.
func (w *while1Writer) number(name string, value int, usualText bool) {
	if usualText != w.form.numbersTurned {
		w.text(name, strconv.Itoa(value))
		return
	}
	w.name(name)
	w.b = strconv.AppendInt(w.b, int64(value), 10)
}

func (w *while1Writer) clock(name string, d time.Duration) { w.text(name, hms(d)) }

// recovered writes the mark of a missed call that was called back. Which form it has is not published.
func (w *while1Writer) recovered(q request, is bool) {
	if !is {
		w.absent("is_recovered")
		return
	}
	form := `"1"`
	if w.form.wobbles {
		form = []string{`"1"`, `1`, `true`}[q.rng.IntN(3)]
	}
	w.name("is_recovered")
	w.b = append(w.b, form...)
}
