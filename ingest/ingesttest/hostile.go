package ingesttest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"
)

// bounds are what is tried, in bytes.
type bounds struct {
	huge      int    // how much there is of what has no end
	taken     int    // how much of it may be read before it is given up
	allocated uint64 // how much memory that may use, all buffers counted that were outgrown
}

var bound = bounds{huge: 1 << 30, taken: 48 << 20, allocated: 320 << 20}

// endless writes begin, and chunk again and again until there is very much, or nobody takes it any more; and counts.
func endless(begin, chunk string, count *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		n, err := io.WriteString(w, begin)
		for count.Store(int64(n)); err == nil && count.Load() < int64(bound.huge); count.Add(int64(n)) {
			n, err = io.WriteString(w, chunk)
		}
	}
}

func endlessBodiesAreGivenUp(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var count atomic.Int64
		rows := strings.Repeat(`{"a":1},`+strings.Repeat(" ", 1<<10), 1<<10)
		h, about := endless("[", rows, &count), v.sampled(t)
		return slices.Concat(
			about.once().costsLittle(t, "rows", h, &count),
			about.costsLittle(t, "rows, as many as is said before", announced(h), &count))
	})
}

// announced says beforehand how much h will send: who believes that reads nothing.
func announced(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(bound.huge))
		h(w, r)
	}
}

// once is about the first question alone, for what takes long.
func (s sample) once() sample {
	s.asked = s.asked[:1]
	return s
}

// costsLittle tells whether what h sends, counted by count, is given up with an error and without much memory.
func (s sample) costsLittle(t *testing.T, name string, h http.Handler, count *atomic.Int64) (f finding) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.asks(t, h, func(q question, a answer, _ *server) {
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc
		f.unless(a.err != nil && a.holds() == "", "%s: %s: %v %s; want an error alone", name, q.name, a.err, a.holds())
		f.unless(used < bound.allocated, "%s: %s costs %d MB", name, q.name, used>>20)
		f.unless(count.Load() < int64(bound.taken), "%s: %s reads %d MB", name, q.name, count.Load()>>20)
		runtime.ReadMemStats(&before)
	})
	return f
}

// bomb is 1 GB in a few MB: a stream of gzip is as many as come one behind the other. What repeats itself only after
// some hundred letters is inflated faster.
func bomb() []byte {
	var one bytes.Buffer
	z := gzip.NewWriter(&one)
	z.Write(bytes.Repeat([]byte("["+strings.Repeat(" ", 1023)), 1<<10))
	z.Close()
	return bytes.Repeat(one.Bytes(), bound.huge>>20)
}

func bombsAreGivenUp(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		body := bomb()
		return v.sampled(t).once().costsLittle(t, "gzip", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(body)
		}), new(atomic.Int64))
	})
}

// endlessHeaders sends headers until there are very many, or nobody takes them any more; and counts.
func endlessHeaders(count *atomic.Int64) http.HandlerFunc {
	line := "X-A: " + strings.Repeat("a", 1<<12) + "\r\n"
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		n, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for count.Store(int64(n)); err == nil && count.Load() < int64(bound.huge); count.Add(int64(n)) {
			n, err = io.WriteString(conn, line)
		}
	}
}

func headersAreGivenUp(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var count atomic.Int64
		return v.sampled(t).costsLittle(t, "headers", endlessHeaders(&count), &count)
	})
}

func nestingHurtsNobody(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		const deep = 100_000
		lists, objects := strings.Repeat("[", deep)+strings.Repeat("]", deep), strings.Repeat(`{"a":`, deep)+"1"+strings.Repeat("}", deep)
		about := v.sampled(t)
		for name, body := range map[string]string{"lists": lists, "objects": objects, "lists that stay open": lists[:deep]} {
			about.asks(t, saying(200, "application/json", body), func(q question, a answer, _ *server) {
				f.unless(a.err != nil && a.holds() == "", "%s: %s: %v %s; want an error alone", name, q.name, a.err, a.holds())
			})
		}
		for _, row := range []string{lists, objects, `{"a":` + lists + `}`} {
			good := four()
			a := v.readFrom(t, listed(v.row(good[0]), written(good[1], row)))
			whole := len(a.records()) == 1 && len(a.rejected()) == 1
			f.unless(a.err != nil || whole, "a row of 100,000 levels: %d records and %d rejected, and no error", len(a.records()), len(a.rejected()))
		}
		return f
	})
}

func damagedLettersHideNothing(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		const marker = "Ayqq"
		named := four()[0]
		named.Outside = marker
		pbx := v.with(named, four()[1])
		for _, letter := range []string{"\xfe", "\xff\xfe", "\xc3", "\xed\xa0\x80", "\x00", `\ud800`, `\u0000`} {
			h := altered(v.serve(pbx), func(w http.ResponseWriter, _ *http.Request, body []byte) {
				w.Write(bytes.ReplaceAll(body, []byte(marker), []byte("Ay"+letter+"e")))
			})
			srv := start(h)
			a := reading(srv.open(t, v))
			srv.stop()
			if letter == "\x00" && a.err != nil {
				continue // JSON has no such letter
			}
			f.unless(a.err == nil, "the letter %q stops its page: %v", letter, a.err)
			f.unless(len(a.records())+len(a.rejected()) == 2 && has(byOutside(a.records()), four()[1].Outside), "the letter %q hides a call", letter)
			for _, r := range a.records() {
				wire, err := ended(published(r.Call)).MarshalJSON()
				f.unless(err == nil && utf8.Valid(wire), "the letter %q makes a call that cannot be published: %v", letter, err)
			}
		}
		return f
	})
}
