package ingesttest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// taken is how much of a body may be read before it is given up.
	taken = 256 << 20
	// allocated is how much memory may be used to read it, all buffers counted that were outgrown.
	allocated = 512 << 20
	huge      = 1 << 30
)

// endless writes chunk until there is 1 GB of it, or nobody takes it any more, and counts.
func endless(chunk []byte, count *int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for *count = 0; *count < huge; {
			n, err := w.Write(chunk)
			if *count += n; err != nil {
				return
			}
		}
	}
}

func endlessBodiesAreGivenUp(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		count := 0
		for name, chunk := range map[string]string{
			"blanks":     strings.Repeat(" ", 1<<20),
			"rows":       "[" + strings.Repeat(`{"a":1},`, 1<<17),
			"one string": `{"a":"` + strings.Repeat("a", 1<<20),
		} {
			f = append(f, v.costsLittle(t, name, endless([]byte(chunk), &count))...)
			f.unless(count < taken, "%s: %d MB were read", name, count>>20)
		}
		return f
	})
}

// costsLittle tells whether h is answered by an error, and without much memory.
func (v Vendor) costsLittle(t *testing.T, name string, h http.Handler) (f finding) {
	v.asks(t, h, func(q question, a answer, _ *server) {
		f.unless(a.err != nil && a.holds() == "", "%s: %s: %v %s; want an error alone", name, q.name, a.err, a.holds())
	})
	var before, after runtime.MemStats
	about := v.sampled(t)
	n := len(v.questions(t, about, h))
	runtime.ReadMemStats(&before)
	v.asks(t, h, func(question, answer, *server) {})
	runtime.ReadMemStats(&after)
	used := (after.TotalAlloc - before.TotalAlloc) / uint64(n)
	f.unless(used < allocated, "%s: each question costs %d MB", name, used>>20)
	return f
}

// bomb is 1 GB of blanks in about 1 MB: a stream of gzip is as many as come one behind the other.
var bomb = func() []byte {
	var one bytes.Buffer
	z := gzip.NewWriter(&one)
	z.Write(bytes.Repeat([]byte(" "), 1<<20))
	z.Close()
	return bytes.Repeat(one.Bytes(), huge>>20)
}

func bombsAreGivenUp(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		body := bomb()
		return v.costsLittle(t, "gzip", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(body)
		}))
	})
}

// endlessHeaders sends headers for as long as they are taken.
func endlessHeaders(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
	for line := "X-A: " + strings.Repeat("a", 1<<12) + "\r\n"; err == nil; {
		_, err = io.WriteString(conn, line)
	}
}

func headersAreGivenUp(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		return v.costsLittle(t, "headers", http.HandlerFunc(endlessHeaders))
	})
}

func nestingHurtsNobody(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		const deep = 100_000
		lists, objects := strings.Repeat("[", deep)+strings.Repeat("]", deep), strings.Repeat(`{"a":`, deep)+"1"+strings.Repeat("}", deep)
		for name, body := range map[string]string{"lists": lists, "objects": objects, "lists that stay open": lists[:deep]} {
			v.asks(t, saying(200, "application/json", body), func(q question, a answer, _ *server) {
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
