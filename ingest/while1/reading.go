package while1

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/scalar"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

const (
	// pageSize is how many rows the vendor puts on a page.
	pageSize = 100
	// maxPageSize is the most that is believed of a page_size.
	maxPageSize = 10_000
	// maxPages bounds the memory of a reading: 100,000 rows are far more than a PBX writes in Span.
	maxPages = 1_000
)

// errEndless is the error of a reading that is not to be finished.
var errEndless = fmt.Errorf("more than %d pages, which is more than is held in memory", maxPages)

// A reading is the answer to one question, all of its pages together.
type reading struct {
	asked, at time.Time
	ahead     *time.Duration
	rows      []facts
	rejected  []ingest.Rejected
	place     map[name]int // of each row in rows, or unread
	greatest  int64        // id
}

// name tells a row from others: by its id, and one that was rejected by its text as well. It may have an id nonetheless.
type name struct {
	id  int64 // 0 when it cannot be read
	sum uint64
}

const unread = -1

// read asks for the rows that filters let through, page by page. It does not trust the vendor's counts, which its
// document shows as zeros: a page that is not full is the last, unless the counts say that there is more, and so is one
// that holds no row which was not read before.
func (c *Client) read(ctx context.Context, filters params) (*reading, error) {
	r := &reading{place: map[name]int{}}
	for page := 1; ; page++ {
		if page > maxPages {
			return nil, errEndless
		}
		reply, e, rows, err := c.page(ctx, page, filters)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", page, err)
		}
		if page == 1 {
			r.asked, r.ahead = reply.Asked, reply.Ahead
		}
		r.at = reply.At
		fresh := 0
		for _, one := range rows {
			fresh += c.take(r, one)
		}
		if size, last := e.size(); fresh == 0 || len(rows) < size && page >= last {
			return r, nil
		}
	}
}

// take adds a row to r. It returns 1, or 0 when the row was there before; then the version that was read last is kept.
func (c *Client) take(r *reading, one row) (fresh int) {
	f, err := c.facts(one, r.at)
	known := name{id: f.id}
	if err != nil {
		known.sum = sumOf(one)
	}
	i, twice := r.place[known]
	switch {
	case twice && err == nil:
		r.rows[i] = f
		return 0
	case twice:
		return 0
	case err == nil:
		r.place[known] = len(r.rows)
		r.rows = append(r.rows, f)
	default:
		r.place[known] = unread
		r.rejected = append(r.rejected, c.redact.Rejected(one, err))
	}
	r.greatest = max(r.greatest, f.id)
	return 1
}

// page asks for one page. One after the first is asked for again when it failed in a way that may pass: else all that
// was read before would have to be read again.
func (c *Client) page(ctx context.Context, page int, filters params) (reply vendorhttp.Reply, e envelope, rows []row, err error) {
	question := append(params{{"page", strconv.Itoa(page)}}, filters...)
	for try := 0; ; try++ {
		reply, e, err = c.list(ctx, question)
		if err == nil {
			rows, err = e.rows()
		}
		if err == nil || page == 1 || errors.As(err, new(*refusal)) {
			return reply, e, rows, err
		}
		if err = vendorhttp.Again(ctx, try, err); err != nil {
			return reply, e, rows, err
		}
	}
}

// rows returns the results, which may be the object that PHP makes of a list with gaps.
func (e envelope) rows() ([]row, error) {
	switch e.results.Kind() {
	case scalar.Absent, scalar.Null:
		return nil, fmt.Errorf("%w: it has no results", ingest.ErrForeign)
	}
	if list, err := e.results.Elements(); err == nil {
		var rows []row
		for r := range list {
			rows = append(rows, r)
		}
		return rows, nil
	}
	rows, err := values(e.results)
	for _, r := range rows {
		if _, notObject := r.Members(); notObject != nil {
			err = notObject
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its results are not a list", ingest.ErrForeign)
	}
	return rows, nil
}

// size returns how many rows a full page has, and which page is the last by the vendor's word, 0 where there is none.
func (e envelope) size() (rows, last int) {
	rows = pageSize
	members, err := e.pagination.Members()
	if err != nil {
		return rows, 0
	}
	for name, v := range members {
		n, err := v.Count()
		switch {
		case err != nil:
		case string(name) == "page_size" && n > 0 && n <= maxPageSize:
			rows = n
		case string(name) == "max_page":
			last = n
		}
	}
	return rows, last
}
