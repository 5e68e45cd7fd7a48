package while1

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/callbus/callbus/ingest"
)

// NewCDRs reads the records of calls that have rows with ids above those read before, or changed rows among the last of
// them, as one page: each call whole, whenever it began. What was read counts as read once the page was taken and the
// next asked for; until then, and after an error, the same is read again.
//
// The first time it reads the calls that began in newest, or if there are no rows those of the hours before; so it does
// when the PBX knows nothing of the ids read before.
func (c *Client) NewCDRs(ctx context.Context, newest ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		page, n, err := c.follow(ctx, newest)
		if err != nil {
			yield(ingest.Page{}, askedFor("new call records", err))
			return
		}
		if yield(page, nil) {
			c.ledger.add(n)
		}
	}
}

func (c *Client) follow(ctx context.Context, newest ingest.Window) (ingest.Page, news, error) {
	from, known := c.ledger.from()
	if !known {
		return c.begin(ctx, newest)
	}
	r, err := c.read(ctx, params{{"filters[from_id]", strconv.FormatInt(from, 10)}})
	if errors.Is(err, errEndless) || err == nil && len(r.place) == 0 {
		c.ledger.reset()
		return c.begin(ctx, newest)
	}
	if err != nil {
		return ingest.Page{}, news{}, err
	}
	n, parts := c.ledger.news(r)
	for _, key := range parts {
		rows, err := c.complete(ctx, r, n.calls[key].rows)
		if err != nil {
			return ingest.Page{}, news{}, err
		}
		n.calls[key] = entry{rows, r.at}
	}
	return r.page(ingest.Window{}, n.found()), n, nil
}

// begin reads the calls that began in newest, and finds out where the ids are. Where nobody has called for a while, the
// hours before are read as well: a call that began then, and ends later, would else be missed until another is read.
func (c *Client) begin(ctx context.Context, newest ingest.Window) (ingest.Page, news, error) {
	r, found, err := c.window(ctx, newest)
	if earlier := newest.To.Add(-span); err == nil && len(found) == 0 && earlier.Before(newest.From) {
		newest.From = earlier
		r, found, err = c.window(ctx, newest)
	}
	if err != nil {
		return ingest.Page{}, news{}, err
	}
	n := newNews(r.asked)
	n.cursor, n.covered = r.greatest, newest.From
	for _, rows := range found {
		n.calls[rows[0].linkedID] = entry{rows, r.at}
	}
	maps.Copy(n.ids, r.written())
	return r.page(newest, found), n, nil
}

// written returns since when each row of a first reading is likely to have been there: since its end, or that of a row with a
// lower id, which was written before it. Of rows alone, one whose times are wrong would have all below it taken for read.
func (r *reading) written() map[int64]time.Time {
	since := map[int64]time.Time{}
	var last time.Time
	for _, known := range slices.SortedFunc(maps.Keys(r.place), func(a, b name) int { return cmp.Compare(a.id, b.id) }) {
		if known.id <= 0 {
			continue
		}
		place := r.place[known]
		if place == unread || r.rows[place].ongoing || r.rows[place].end.After(r.at) {
			since[known.id] = r.at
			continue
		}
		if end := r.rows[place].end; end.After(last) {
			last = end
		}
		since[known.id] = last
	}
	return since
}

// found returns the calls of n, in order.
func (n news) found() []calls {
	var list []calls
	for _, key := range slices.Sorted(maps.Keys(n.calls)) {
		list = append(list, n.calls[key].rows)
	}
	return list
}
