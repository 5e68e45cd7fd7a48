package verimor

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

const (
	// mostPages bounds a reading whose server never ends: a million records in a month are beyond any account.
	mostPages = 10_000
	// mostStale is after how many pages in a row that show nothing new a reading is given up, though the vendor says
	// that there is more. New records push old ones to the next page; they do not do so by hundreds between two pages.
	mostStale = 3
)

// CDRs reads the records of calls that began in w, a hundred to a page, the newest piece of 31 days first. The vendor is
// asked for a little more than w, and records beyond it are left in; one that was pushed from page to page while they
// were read is in both. A page after the first that failed in a way that may pass is tried again twice, after 1 s and
// 2 s; one whose list is shorter than its own count is asked for once more, and then taken as it is. Only the last page of
// a piece has a Window, the piece: before that, what began in it may be on a page to come.
func (c *Client) CDRs(ctx context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		c.read(ctx, w, func(_ list, page ingest.Page, err error) bool { return yield(page, err) })
	}
}

// read shows take each page of w, as it came and as it is read, until take wants no more. It tells whether it came to
// the end.
func (c *Client) read(ctx context.Context, w ingest.Window, take func(list, ingest.Page, error) bool) bool {
	for part := range pieces(w) {
		if !c.readPiece(ctx, part, take) {
			return false
		}
	}
	return true
}

func (c *Client) readPiece(ctx context.Context, w ingest.Window, take func(list, ingest.Page, error) bool) bool {
	seen := newSeen()
	for n := 1; ; n++ {
		l, err := c.list(ctx, w, n)
		if err == nil {
			err = seen.add(l, n)
		}
		if err != nil {
			take(list{}, ingest.Page{}, told("call records", err))
			return false
		}
		page, last := c.page(l), seen.end(l, n)
		if last {
			page.Window = w
		}
		if !take(l, page, nil) {
			return false
		}
		if last {
			return true
		}
	}
}

func (c *Client) page(l list) ingest.Page {
	page := ingest.Page{
		Asked: l.reply.Asked, At: l.reply.At, Ahead: l.reply.Ahead,
		Records: make([]ingest.CDR, 0, len(l.rows)),
	}
	for _, r := range l.rows {
		record, err := c.record(r, l.reply.At)
		switch {
		case errors.Is(err, errGoingOn):
		case err != nil:
			page.Rejected = append(page.Rejected, c.redact.Rejected(r, err))
		default:
			page.Records = append(page.Records, record)
		}
	}
	return page
}

// list asks for page n of the records of w, as often as CDRs says.
func (c *Client) list(ctx context.Context, w ingest.Window, n int) (list, error) {
	for try := 0; ; try++ {
		l, err := c.once(ctx, w, n)
		if err == nil && (try > 0 || len(l.rows) >= l.counted(n)) || err != nil && n == 1 {
			return l, err
		}
		if err := vendorhttp.Again(ctx, try, err); err != nil {
			return list{}, err
		}
	}
}

func (c *Client) once(ctx context.Context, w ingest.Window, n int) (list, error) {
	reply, err := c.get(ctx, c.address(question(w, n), "cdrs"))
	if err != nil {
		return list{}, err
	}
	return open(reply, n)
}

// seen is what a reading has shown so far.
type seen struct {
	seed  maphash.Seed
	rows  map[uint64]struct{}
	stale int // pages in a row without a new row
}

func newSeen() *seen { return &seen{seed: maphash.MakeSeed(), rows: map[uint64]struct{}{}} }

// add notes the rows of page n. It fails when the reading does not come to an end.
func (s *seen) add(l list, n int) error {
	before := len(s.rows)
	for _, r := range l.rows {
		s.rows[maphash.Bytes(s.seed, r)] = struct{}{}
	}
	if s.stale++; len(s.rows) > before {
		s.stale = 0
	}
	switch {
	case n > mostPages:
		return fmt.Errorf("%w: it goes on after %d pages", ingest.ErrForeign, mostPages)
	case s.stale >= mostStale && n < l.pages:
		return fmt.Errorf("%w: it repeats its pages, and says that there are %d", ingest.ErrForeign, l.pages)
	}
	return nil
}

// end tells whether page n is the last: one that is not full, or beyond the count and without news.
func (s *seen) end(l list, n int) bool {
	switch {
	case len(l.rows) == 0:
		return true
	case n > l.pages && s.stale > 0:
		return true
	}
	return n >= l.pages && len(l.rows) < l.limit
}
