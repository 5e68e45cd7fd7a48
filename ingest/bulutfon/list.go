package bulutfon

import (
	"fmt"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
)

// pageSize is how many rows are asked for at once, the number that the vendor's own sample shows. What the most is that
// it gives is not published; the reply says what it took.
const pageSize = 100

// A list is one page of the list of records.
type list struct {
	rows    []row
	written []byte // the rows as they stand in the reply
	page    int    // these four as pagination has them, unknown where it does not say
	pages   int
	count   int
	limit   int
}

const unknown = -1

// list reads an answer as a page. Without its page count nobody could tell whether it is the last.
func (c *Client) list(a answer) (l list, err error) {
	rows, err := a.cdrs.Elements()
	if err != nil {
		return l, c.missing(a, "cdrs")
	}
	l.written = a.cdrs
	for r := range rows {
		l.rows = append(l.rows, r)
	}
	members, err := a.pagination.Members()
	if err != nil {
		return l, fmt.Errorf("%w: it has no pagination", ingest.ErrForeign)
	}
	l.page, l.pages, l.count, l.limit = unknown, unknown, unknown, unknown
	for name, v := range members {
		switch string(name) {
		case "page":
			l.page = count(v)
		case "total_pages":
			l.pages = count(v)
		case "total_count":
			l.count = count(v)
		case "limit":
			l.limit = count(v)
		}
	}
	if l.pages == unknown {
		return l, fmt.Errorf("%w: its pagination has no total_pages", ingest.ErrForeign)
	}
	return l, nil
}

func count(v scalar.Value) int {
	n, err := v.Count()
	if err != nil {
		return unknown
	}
	return n
}

// last tells whether the list ends with this page, which is the nth: by the count of this very reply there is none after
// it, and it has room for the rows that came since the count was made.
func (l list) last(n int) bool {
	full := pageSize
	if l.limit > 0 {
		full = l.limit
	}
	return n >= l.pages && len(l.rows) < full
}
