package pbxsim

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// while1Filter is a question for rows. What is empty asks for nothing in particular.
type while1Filter struct {
	span                *[2]int64 // of the row's wall, both included
	fromID              int
	linkedid, uniqueid  string
	direction, status   string
	telephone           string // exactly, on either side
	telephoneLike       string
	source, destination string // like them
	page                int
}

// while1Unused are filters that the vendor has and this view does not. They must not be ignored: the reply would hold
// more rows than were asked for.
var while1Unused = []string{
	"project_id", "user_id", "inbound_route_id", "hour_between", "external_id", "has_transcription", "has_monitor_file",
	"has_recording_file",
}

// while1Question reads the parameters of /api/cdr. The complaint is "" when there is nothing to complain about.
func while1Question(ask *phpArray) (f while1Filter, complaint string) {
	f.page = 1
	if text := ask.text("page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1<<30 {
			return f, "Invalid page: " + text
		}
		f.page = n
	}
	filters := ask.array("filters")
	for _, name := range filters.names {
		if complaint := f.read(name, filters.values[name]); complaint != "" {
			return f, complaint
		}
	}
	return f, ""
}

// read takes one filter. Of an empty one only the name is looked at.
func (f *while1Filter) read(name string, v phpValue) (complaint string) {
	ok, text := true, f.text(name)
	switch unused := slices.Contains(while1Unused, name); {
	case text == nil && !unused && name != "date_between" && name != "from_id":
		ok = false
	case v.empty():
	case unused:
		return "Not simulated: " + name
	case name == "date_between":
		ok = f.between(v.array)
	case name == "from_id":
		ok = f.since(v.text)
	case v.text == nil:
		ok = false
	default:
		*text = *v.text
	}
	if !ok {
		return "Invalid filter: " + name
	}
	return ""
}

// text is where the filter of that name is kept, if it is a text.
func (f *while1Filter) text(name string) *string {
	return map[string]*string{
		"linkedid": &f.linkedid, "uniqueid": &f.uniqueid, "direction": &f.direction, "call_status": &f.status,
		"telephone": &f.telephone, "telephone_like": &f.telephoneLike, "source": &f.source, "destination": &f.destination,
	}[name]
}

// empty tells whether v asks for nothing.
func (v phpValue) empty() bool {
	if v.array != nil {
		return len(v.array.names) == 0
	}
	return v.text == nil || *v.text == ""
}

func (f *while1Filter) between(span *phpArray) bool {
	if span == nil || len(span.names) != 2 {
		return false
	}
	from, err1 := time.Parse(time.DateTime, span.text("0"))
	to, err2 := time.Parse(time.DateTime, span.text("1"))
	f.span = &[2]int64{from.Unix(), to.Unix()}
	return err1 == nil && err2 == nil
}

func (f *while1Filter) since(id *string) bool {
	if id == nil {
		return false
	}
	n, err := strconv.Atoi(*id)
	f.fromID = n
	return err == nil
}

// first is the place of the first row in l that f can ask for: a row is not written before the time it shows.
func (f *while1Filter) first(l *while1Log, skew time.Duration) int {
	const day = 24 * time.Hour // more than any zone is from UTC
	i := 0
	if f.span != nil {
		since := time.Unix(f.span[0], 0).Add(-day - skew)
		i = sort.Search(len(l.rows), func(i int) bool { return !l.rows[i].written.Before(since) })
	}
	return min(len(l.rows), max(i, f.fromID-l.id(0)))
}

// takes tells whether f asks for row as it is at t. Times are compared as the clock on the wall showed them: where it
// was turned back, an hour holds the rows of two.
func (f *while1Filter) takes(v *While1, row *while1Row, t time.Time) bool {
	k := row.call
	switch {
	case f.span != nil && (row.wall < f.span[0] || row.wall > f.span[1]),
		f.linkedid != "" && f.linkedid != k.linkedid,
		f.uniqueid != "" && f.uniqueid != row.uniqueid,
		f.direction != "" && f.direction != while1Directions[k.Direction],
		f.status != "" && f.status != v.status(*row, t):
		return false
	}
	return f.takesNumbers(v, *row)
}

func (f *while1Filter) takesNumbers(v *While1, row while1Row) bool {
	if f.telephone == "" && f.telephoneLike == "" && f.source == "" && f.destination == "" {
		return true
	}
	source, destination := v.source(row), v.destination(row)
	return (f.telephone == "" || f.telephone == source || f.telephone == destination) &&
		(like(source, f.telephoneLike) || like(destination, f.telephoneLike)) &&
		like(source, f.source) && like(destination, f.destination)
}

// like tells whether part is in text, with or without wildcards around it.
func like(text, part string) bool { return strings.Contains(text, strings.Trim(part, "%*")) }
