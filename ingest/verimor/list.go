package verimor

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// A list is a page of records as the vendor wrote it.
type list struct {
	reply vendorhttp.Reply
	rows  []row
	pages int  // how many pages there are, by this reply
	limit int  // how many rows a full page has
	total *int // how many records there are on all pages; nil when it is not told
}

// open reads the envelope of page n. Where the count and the list disagree, the list is believed, except when it is empty.
func open(reply vendorhttp.Reply, n int) (list, error) {
	if !scalar.Valid(reply.Body) {
		return list{}, notJSON(reply.Body)
	}
	rows, pagination, err := unwrap(reply.Body, "cdrs", "pagination")
	if err != nil {
		return list{}, err
	}
	l := list{reply: reply, rows: make([]row, 0, pageSize)}
	if err := l.readPagination(pagination); err != nil {
		return list{}, err
	}
	elements, err := rows.Elements()
	if err != nil {
		return list{}, fmt.Errorf("%w: cdrs is not a list", ingest.ErrForeign)
	}
	for r := range elements {
		l.rows = append(l.rows, r)
	}
	if counted := l.counted(n); len(l.rows) == 0 && counted > 0 {
		return list{}, fmt.Errorf("%w: cdrs is empty, but pagination counts %d on this page", ingest.ErrForeign, counted)
	}
	return l, nil
}

// unwrap returns two members of the object that an answer is.
func unwrap(body scalar.Value, first, second string) (a, b scalar.Value, err error) {
	members, err := body.Members()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: it is JSON of another shape", ingest.ErrForeign)
	}
	for name, v := range members {
		switch string(name) {
		case first:
			a = v
		case second:
			b = v
		}
	}
	return a, b, nil
}

func (l *list) readPagination(v scalar.Value) (err error) {
	members, err := v.Members()
	if err != nil {
		return fmt.Errorf("%w: it has no pagination", ingest.ErrForeign)
	}
	l.pages = -1
	for name, v := range members {
		count, err := v.Count()
		if err != nil {
			continue
		}
		switch string(name) {
		case "total_pages":
			l.pages = count
		case "total_count":
			l.total = &count
		case "limit":
			l.limit = count
		}
	}
	l.limit = cmp.Or(l.limit, pageSize)
	if l.pages < 0 {
		return fmt.Errorf("%w: its pagination has no total_pages that can be read", ingest.ErrForeign)
	}
	return nil
}

// counted returns how many rows page n has by the count, 0 where that does not tell.
func (l *list) counted(n int) int {
	switch {
	case l.total != nil:
		return min(max(*l.total-(n-1)*l.limit, 0), l.limit)
	case n < l.pages:
		return l.limit
	}
	return 0
}

// notJSON is the error of an answer that opens like JSON and is none.
func notJSON(body []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(body, new(any)); errors.As(err, &syntax) {
		return fmt.Errorf("%w: it stops being JSON after %d bytes", ingest.ErrForeign, syntax.Offset)
	}
	return fmt.Errorf("%w: it is no JSON", ingest.ErrForeign)
}
