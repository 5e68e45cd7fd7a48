package while1

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/wallclock"
)

const (
	// span is the longest window that is read at once, and held in memory.
	span = 6 * time.Hour
	// pad is by how much more than a window is asked for: its last calls have rows that began after it, and whether the
	// vendor means the ends of a range to be in it is not said.
	pad = 2 * time.Minute
	// between is the longest that one leg of a call is taken to begin after another was over.
	between = 2 * time.Minute
)

// Span is 6 hours: a call must be whole, so all pages of a window are read before the first call is passed on.
func (c *Client) Span() time.Duration { return span }

// RecordKey returns the linkedid of a published call.
func (c *Client) RecordKey(call events.Call) string { return call.VendorIDs["linkedid"] }

// CDRs reads the records of calls that began in w, as one page. Of a call that may have rows beyond what w asks for, all
// rows are asked for. Calls that go on are left out, and those that began outside w.
func (c *Client) CDRs(ctx context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		r, calls, err := c.window(ctx, w)
		if err != nil {
			yield(ingest.Page{}, askedFor("call records", err))
			return
		}
		yield(r.page(w, calls), nil)
	}
}

// window reads the calls that began in w, each with all of its rows, also those that go on.
func (c *Client) window(ctx context.Context, w ingest.Window) (*reading, []calls, error) {
	asked := ingest.Window{From: w.From.Add(-pad), To: w.To.Add(pad)}
	r, err := c.read(ctx, c.during(asked))
	if err != nil {
		return nil, nil, err
	}
	var found []calls
	for _, rows := range byCall(r.rows) {
		if !w.Contains(beganAt(rows)) {
			continue
		}
		if asked.To.Before(r.at) && reaches(rows, asked.To.Add(-between)) {
			if rows, err = c.complete(ctx, r, rows); err != nil {
				return nil, nil, err
			}
		}
		found = append(found, rows)
	}
	return r, found, nil
}

// calls are rows of one call.
type calls = []facts

// byCall returns rows, parted by call, in the order in which the first row of each was read.
func byCall(rows []facts) []calls {
	var list []calls
	place := map[string]int{}
	for i := range rows {
		key := rows[i].linkedID
		at, known := place[key]
		if !known {
			at = len(list)
			place[key] = at
			list = append(list, nil)
		}
		list[at] = append(list[at], rows[i])
	}
	return list
}

// reaches tells whether a call may have rows that began after t.
func reaches(rows []facts, t time.Time) bool {
	return slices.ContainsFunc(rows, func(f facts) bool { return f.ongoing || f.end.After(t) })
}

// complete asks for all rows of the call of rows, and adds to r those of them that cannot be read. The rows given stay:
// one that is gone from the answer was there a moment ago.
func (c *Client) complete(ctx context.Context, r *reading, rows calls) (calls, error) {
	key := rows[0].linkedID
	all, err := c.read(ctx, params{{"filters[linkedid]", key}})
	if err != nil {
		return nil, err
	}
	r.at = all.at
	for _, rejected := range all.rejected {
		if !slices.ContainsFunc(r.rejected, func(known ingest.Rejected) bool { return string(known.Row) == string(rejected.Row) }) {
			r.rejected = append(r.rejected, rejected)
		}
	}
	for i := range all.rows {
		if all.rows[i].linkedID == key {
			rows = replace(rows, all.rows[i])
		}
	}
	return rows, nil
}

// replace puts f into rows, in the place of the row with its id if there is one.
func replace(rows []facts, f facts) []facts {
	if i := slices.IndexFunc(rows, func(known facts) bool { return known.id == f.id }); i >= 0 {
		rows[i] = f
		return rows
	}
	return append(rows, f)
}

// page returns what was read as a page of calls.
func (r *reading) page(w ingest.Window, found []calls) ingest.Page {
	page := ingest.Page{Asked: r.asked, At: r.at, Ahead: r.ahead, Window: w, Rejected: r.rejected}
	for _, rows := range found {
		if record, over := fold(rows); over {
			page.Records = append(page.Records, record)
		}
	}
	return page
}

// during returns the filter for rows that began in w by the clock on the PBX's wall.
func (c *Client) during(w ingest.Window) params {
	from, to := wallclock.Span(w, c.zone)
	return params{
		{"filters[date_between][0]", from.Format(wallForm)},
		{"filters[date_between][1]", to.Format(wallForm)},
	}
}
