package ingesttest

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest"
)

// many are the records of some pages, and few of more than one.
const many, few = 250, 120

// A growing list has new records each time that it was looked at.
type growing struct {
	v    Vendor
	mu   sync.Mutex
	pbx  PBX
	next int // the ID of the call that is written next
	left int // how often it will grow still
}

func (v Vendor) growing(all []Call, times int) *growing {
	return &growing{v: v, pbx: v.with(all...), next: 5000, left: times}
}

// ServeHTTP answers with the list as it is, and lets it grow then.
func (g *growing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.v.Answer(w, r, g.pbx)
	if g.left--; g.left < 0 {
		return
	}
	rows := append([]Row(nil), g.pbx.Records...)
	for i := range 7 {
		age := quiet - time.Minute - time.Duration(i)*time.Second // after all that were there
		if i == 3 {
			age = 2 * time.Hour // a long call, listed under its beginning
		}
		rows = append(rows, g.v.row(call(g.next, age)))
		g.next++
	}
	g.pbx = listed(rows...)
}

func driftLosesNothing(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		there := calls(many)
		v.sampled(t).asks(t, v.growing(there, 20), func(q question, a answer, s *server) {
			if q.name == "CDRs" || q.name == "NewCDRs" {
				f.unless(a.err == nil, "%s: %v", q.name, a.err)
				f = append(f, leftOut(q.name, there, a)...)
			}
		})
		page := cmp.Or(v.Page, 100)
		for _, n := range []int{page, page + 1} { // the last page is just full, or just not empty
			some := calls(n)
			a := v.readFrom(t, v.with(some...))
			f.unless(a.err == nil, "CDRs of %d records: %v", n, a.err)
			f = append(f, leftOut("CDRs of a list that stays", some, a)...)
		}
		return f
	})
}

// leftOut tells how many of the calls that were there an answer has no record of.
func leftOut(what string, there []Call, a answer) (f finding) {
	have := byOutside(a.records())
	missing := 0
	for _, c := range there {
		if !has(have, c.Outside) {
			missing++
		}
	}
	f.unless(missing == 0, "%s: of %d records that were there from the beginning, %d were left out", what, len(there), missing)
	return f
}

func windowsAreHonest(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		there := calls(many)
		a := v.readFrom(t, v.with(there...))
		sofar := map[string]ingest.CDR{}
		covered := map[int]bool{}
		for i, p := range a.Pages {
			f.unless(!p.Asked.IsZero() && !p.At.Before(p.Asked), "page %d: asked at %v, here at %v", i, p.Asked, p.At)
			f.unless(!p.Partial, "page %d: partial, which is the worker's to say", i)
			for outside, r := range byOutside(p.Records) {
				sofar[outside] = r
			}
			for _, c := range there {
				if p.Window.Contains(c.Began) {
					covered[c.ID] = true
					f.unless(has(sofar, c.Outside), "page %d claims all that began from %v to %v, but nothing has told of a call at %v", i, p.Window.From, p.Window.To, c.Began)
				}
			}
		}
		f.unless(len(covered) == len(there), "of %d calls, the pages' windows hold %d when all is read", len(there), len(covered))
		if len(f) > 5 {
			f = append(f[:5], "and so on")
		}
		return f
	})
}

// limit is how many requests a reading may make.
func (v Vendor) limit() int {
	if v.Requests == 0 {
		return 300
	}
	return v.Requests
}

func endlessListsEnd(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		lists := []fault{
			{"a list that shows its first page for ever", v.repeating()},
			{"a list that claims a million pages", v.serve(PBX{Records: v.with(calls(few)...).Records, Claimed: 100_000_000})},
			{"a list that claims a million pages and has one row", v.serve(PBX{Records: v.with(calls(1)...).Records, Claimed: 100_000_000})},
			{"a list that goes back for ever", v.outrunning(time.Minute)},
		}
		if v.Requests > 0 {
			lists = append(lists, fault{"a list that grows faster than it is read", v.outrunning(25 * time.Millisecond)})
		}
		for _, endless := range lists {
			f = append(f, v.neverEnds(t, endless)...)
		}
		return f
	})
}

// neverEnds tells whether h is asked for ever.
func (v Vendor) neverEnds(t *testing.T, endless fault) (f finding) {
	var asked atomic.Int64
	srv := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > int64(v.limit()) {
			linger(r, patience) // until whoever asks loses it
			return
		}
		endless.ServeHTTP(w, r)
	}))
	defer srv.stop()
	c := srv.open(t, v)
	for _, q := range questions(c, sample{}) {
		if q.name != "CDRs" && q.name != "NewCDRs" {
			continue
		}
		asked.Store(0)
		began := time.Now()
		patiently(q.ask)
		f.unless(asked.Load() <= int64(v.limit()), "%s: %s goes on after %d requests", endless.name, q.name, v.limit())
		f.unless(time.Since(began) < time.Hour, "%s: %s goes on for %s", endless.name, q.name, time.Since(began))
	}
	return f
}

// repeating answers every question as it did the first, and claims that there is much more.
func (v Vendor) repeating() http.HandlerFunc {
	pbx := v.with(calls(many)...)
	pbx.Claimed = 100_000_000
	var first *httptest.ResponseRecorder
	return func(w http.ResponseWriter, r *http.Request) {
		if first == nil {
			first = httptest.NewRecorder()
			v.Answer(first, r, pbx)
		}
		for name, values := range first.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(first.Code)
		w.Write(first.Body.Bytes())
	}
}

// outrunning has always many records more than were shown so far, each of a call that began so long before the last.
func (v Vendor) outrunning(apart time.Duration) http.HandlerFunc {
	const ahead = 200
	shown := 0
	var rows []Row
	return func(w http.ResponseWriter, r *http.Request) {
		for len(rows) < shown+ahead {
			i := len(rows)
			c := call(10_000+i, quiet+time.Duration(i)*apart)
			rows = append(rows, Row{c, sync.OnceValue(func() string {
				shown++
				return v.Record(c)
			})})
		}
		v.Answer(w, r, PBX{Records: rows, Claimed: len(rows)})
	}
}
