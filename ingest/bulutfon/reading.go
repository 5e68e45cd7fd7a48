package bulutfon

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// maxPages bounds a reading of a list that never ends: two million records.
const maxPages = 20_000

// CDRs reads the records of calls that began in w, 100 to a page, the newest first. The vendor has no absolute window:
// every reading begins at the newest record, and those that began after w are left out. Those from before w that stand
// on the same pages are left in: a long call is filed under its start, and is learned of sooner so. Calls that are not
// over are left out until they are.
func (c *Client) CDRs(ctx context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		r := reading{client: c, window: w, claimed: w.To, ordered: true, limit: timeLimit(w.From, time.Now())}
		for !r.done {
			page, err := r.next(ctx)
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// A reading is one pass over the list, page by page.
type reading struct {
	client  *Client
	window  ingest.Window
	limit   string    // the time_limit of every page
	page    int       // the last that was read
	written []byte    // its rows
	last    starts    // of the last page on which any row says when its call began
	ordered bool      // all rows so far came newest first
	proven  bool      // some did not begin at one moment, so that they do have an order
	claimed time.Time // from here to the end of the window nothing is left out
	done    bool
}

// next reads the next page.
func (r *reading) next(ctx context.Context) (ingest.Page, error) {
	if r.page++; r.page > maxPages {
		return ingest.Page{}, told("the call records", fmt.Errorf("%w: a list that does not end after %d pages", ingest.ErrForeign, maxPages))
	}
	reply, l, err := r.fetch(ctx)
	if err != nil {
		return ingest.Page{}, told(fmt.Sprintf("page %d of the call records", r.page), err)
	}
	page := ingest.Page{Asked: reply.Asked, At: reply.At, Ahead: reply.Ahead}
	var s starts
	for _, row := range l.rows {
		s.add(r.take(&page, row))
	}
	r.follow(s, l)
	page.Window = r.claim(s)
	return page, nil
}

// take adds a row to page, if it belongs there, and returns when its call began; the zero time if it does not say.
func (r *reading) take(page *ingest.Page, written row) time.Time {
	f, err := r.client.read(written, page.At)
	switch {
	case err != nil:
		page.Rejected = append(page.Rejected, r.client.redact.Rejected(written, err))
	case !f.running && !f.start.After(r.window.To):
		page.Records = append(page.Records, r.client.record(f, written))
	}
	return f.start
}

// follow works out whether the list goes on beyond this page, and matters. Rows that are not newest first have to be
// read to the end of the list; else one page wholly from before the window is enough to know that it is read.
func (r *reading) follow(s starts, l list) {
	r.ordered = r.ordered && !s.rises && !s.rise(r.last)
	r.proven = r.proven || s.falls || s.known() && r.last.known() && s.oldest.Before(r.last.oldest)
	r.done = l.last(r.page) || r.ordered && r.proven && s.known() && s.newest.Before(r.window.From)
	r.written = l.written
	if s.known() {
		r.last = s
	}
}

// claim returns the part of the window that this page completes. Of calls that began in the same moment as its oldest,
// some may stand on the next. The pages of a list in another order complete nothing.
func (r *reading) claim(s starts) ingest.Window {
	if r.done && r.page == 1 {
		return r.window
	}
	from := r.window.From
	if !r.done && s.known() && s.oldest.Add(1).After(from) {
		from = s.oldest.Add(1)
	}
	if !r.ordered || !r.done && !s.known() || !from.Before(r.claimed) {
		return ingest.Window{}
	}
	w := ingest.Window{From: from, To: r.claimed}
	r.claimed = from
	return w
}

// fetch asks for a page, and for one that is not the first once or twice more: else what goes wrong on the last would
// mean to read all of them again.
func (r *reading) fetch(ctx context.Context) (vendorhttp.Reply, list, error) {
	for try := 0; ; try++ {
		reply, l, err := r.once(ctx)
		if err == nil || r.page == 1 {
			return reply, l, err
		}
		if err := vendorhttp.Again(ctx, try, err); err != nil {
			return reply, list{}, err
		}
	}
}

func (r *reading) once(ctx context.Context) (vendorhttp.Reply, list, error) {
	// The address of the next page that the vendor gives has neither the credentials nor the filters in it.
	question := fmt.Sprintf("limit=%d&page=%d&order=call_time,desc%s", pageSize, r.page, r.limit)
	reply, a, err := r.client.ask(ctx, question, "cdrs")
	if err != nil {
		return reply, list{}, err
	}
	l, err := r.client.list(a)
	if err == nil {
		err = r.doubt(l)
	}
	return reply, l, err
}

// doubt returns why l cannot be the page that was asked for.
func (r *reading) doubt(l list) error {
	switch {
	case l.page != unknown && l.page != r.page:
		return fmt.Errorf("%w: it is page %d, asked for was %d", ingest.ErrForeign, l.page, r.page)
	case r.page == 1 && len(l.rows) == 0 && l.count > 0:
		return fmt.Errorf("%w: total_count says %d, but cdrs is empty", ingest.ErrForeign, l.count)
	case r.page > 1 && bytes.Equal(l.written, r.written):
		return fmt.Errorf("%w: page %d is the same as the one before", ingest.ErrForeign, r.page)
	}
	return nil
}
