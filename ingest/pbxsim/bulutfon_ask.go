package pbxsim

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
)

const bulutfonMostRows = 100 // also where the question does not say

// bulutfonPaging is not ok for what is no number.
func bulutfonPaging(ask url.Values) (paging, bool) {
	p := paging{page: 1, limit: bulutfonMostRows}
	for name, to := range map[string]*int{"page": &p.page, "limit": &p.limit} {
		if text := ask.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return p, false
			}
			*to = max(1, n)
		}
	}
	p.limit = min(p.limit, bulutfonMostRows)
	return p, true
}

// since is where the time limit begins. It slides: what is an hour old by now is gone from the list of the last hour.
// It goes by call_time, as far as anybody knows.
func (b *Bulutfon) since(limit string, now time.Time) (from time.Time, ok bool) {
	switch limit {
	case "":
		return b.world.cfg.Start, true
	case "hour":
		return now.Add(-time.Hour), true
	case "day":
		return now.Add(-24 * time.Hour), true
	case "month":
		return now.In(b.cfg.Zone).AddDate(0, -1, 0), true
	}
	return time.Time{}, false
}

// bulutfonOrder is the order of a list: newest first if none is asked for.
type bulutfonOrder struct {
	key       func(*Call) string // nil is by call_time
	ascending bool
}

func (b *Bulutfon) order(text string) (o bulutfonOrder, ok bool) {
	if text == "" {
		return o, true
	}
	field, direction, _ := strings.Cut(text, ",")
	o.key, o.ascending = b.sortKey(field), direction != "desc"
	return o, (o.key != nil || field == "call_time") && slices.Contains([]string{"", "asc", "desc"}, direction)
}

// put puts calls, which are in order of beginning, in this order.
func (o bulutfonOrder) put(calls []*Call) []*Call {
	if o.key != nil {
		slices.SortStableFunc(calls, func(x, y *Call) int { return cmp.Compare(o.key(x), o.key(y)) })
	}
	if !o.ascending {
		slices.Reverse(calls)
	}
	return calls
}

// entries returns the rows of the page, of calls that began at or after from.
func (b *Bulutfon) entries(p *paging, from, now time.Time, o bulutfonOrder, wanted func(*Call, record) bool) []entry {
	if o.key == nil && wanted == nil {
		return b.ledger.entries(p, from, now, now, o.ascending)
	}
	return b.cfg.Records.entries(p, o.put(b.world.Began(from, now)), b.world.cfg.Seed, now, wanted)
}

// sortKey is what calls are sorted by for field, or nil.
func (b *Bulutfon) sortKey(field string) func(*Call) string {
	switch field {
	case "uuid":
		return b.names.of
	case "hangup_time":
		return func(c *Call) string { return c.End.UTC().Format("20060102150405.000000000") }
	case "caller":
		return func(c *Call) string { return b.caller(c) }
	case "callee":
		return func(c *Call) string { return b.callee(c) }
	}
	return nil
}

// filter returns what tells the wanted records apart, or nil when all are; not ok for what is no boolean. The document
// of 2015 knows no missing_call, and what is not known is passed over.
func (b *Bulutfon) filter(ask url.Values, now time.Time) (wanted func(*Call, record) bool, ok bool) {
	var tests []func(*Call, record) bool
	if text := ask.Get("missing_call"); text != "" && b.cfg.Revision != Bulutfon2015 {
		missed, err := strconv.ParseBool(text)
		if err != nil {
			return nil, false
		}
		tests = append(tests, func(c *Call, rec record) bool { return rec.told(c, now).Missed == missed })
	}
	for name, has := range map[string]func(*Call, []string) bool{
		"caller": b.isCaller, "callee": b.isCallee,
		"caller_or_callee": func(c *Call, of []string) bool { return b.isCaller(c, of) || b.isCallee(c, of) },
	} {
		if text := ask.Get(name); text != "" {
			numbers := strings.Split(text, ",")
			tests = append(tests, func(c *Call, _ record) bool { return has(c, numbers) })
		}
	}
	if tests == nil {
		return nil, true
	}
	return func(c *Call, rec record) bool {
		return !slices.ContainsFunc(tests, func(passes func(*Call, record) bool) bool { return !passes(c, rec) })
	}, true
}

func (b *Bulutfon) isCaller(c *Call, of []string) bool { return slices.Contains(of, b.caller(c)) }
func (b *Bulutfon) isCallee(c *Call, of []string) bool { return slices.Contains(of, b.callee(c)) }

// caller is the number of the caller, "" when it is withheld. Calls to the outside show the number of the line.
func (b *Bulutfon) caller(c *Call) string {
	switch {
	case c.Direction == events.Outbound:
		return b.world.didOf(c.Trunk)[1:]
	case c.Direction == events.Internal:
		return bulutfonExtension(c.From.Extension)
	case c.From.Number == "":
		return ""
	}
	return c.From.Number[1:]
}

func (b *Bulutfon) callee(c *Call) string {
	if c.To.Extension != "" {
		return bulutfonExtension(c.To.Extension)
	}
	return c.To.Number[1:]
}

// didOf is the number of a line.
func (w *World) didOf(trunk string) string {
	for _, t := range w.pbx.Trunks {
		if t.Name == trunk {
			return t.DID
		}
	}
	return ""
}

// bulutfonExtension writes extensions with four digits: at this vendor their number tells extensions, groups (three)
// and menus (two) apart.
func bulutfonExtension(e string) string {
	if len(e) < 4 {
		return "1" + e
	}
	return e
}

// bulutfonMenu makes 10 of 700, 11 of 701.
func bulutfonMenu(menu string) string { return "1" + menu[len(menu)-1:] }
