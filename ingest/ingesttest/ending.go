package ingesttest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callbus/callbus/ingest"
)

// soon is how long it may take, in virtual time, until one who stops waiting is let go.
const soon = time.Second

// slowest is after how long a vendor that says nothing must have been given up.
const slowest = 10 * time.Minute

// silences are servers that say nothing, or stop saying it.
func silences(right http.Handler) []fault {
	return []fault{
		{"a server that does not answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"a server that stops in the middle of its headers", func(w http.ResponseWriter, r *http.Request) {
			hijacked(w, "HTTP/1.1 200 OK\r\nContent-Type: applic")
		}},
		{"a server that stops in the middle of the body", altered(right, func(w http.ResponseWriter, r *http.Request, body []byte) {
			w.Write(body[:len(body)/2])
			w.(http.Flusher).Flush()
			linger(r, patience)
		})},
		{"a server that sends a blank a second", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write([]byte(" "))
				w.(http.Flusher).Flush()
				linger(r, time.Second)
			}
		}},
	}
}

// linger waits for d, or until nobody waits for the answer any more.
func linger(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// hijacked sends text over the bare connection and keeps it open for as long as the other side does.
func hijacked(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Write([]byte(text))
	conn.Read(make([]byte, 1)) // until the other side closes
}

func cancellationIsHeard(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		for _, silence := range silences(v.serve(about.pbx)) {
			for i, name := range about.asked {
				srv := start(silence)
				ask := questions(srv.open(t, v), about)[i].ask
				f = append(f, heard(silence.name+": "+name, ask, 3*time.Second)...)
				srv.stop()
			}
		}
		for i, name := range about.asked {
			srv := start(v.serve(about.pbx))
			ask := questions(srv.open(t, v), about)[i].ask
			f = append(f, heard(name+" by one who has gone already", ask, 0)...)
			f.unless(len(srv.asked()) == 0, "%s by one who has gone already: a request is sent", name)
			srv.stop()
		}
		return f
	})
}

// heard asks, stops waiting after so long, and tells how that goes wrong.
func heard(what string, ask func(context.Context) answer, after time.Duration) (f finding) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if after == 0 {
		cancel()
	}
	stopping := time.AfterFunc(after, cancel)
	defer stopping.Stop()
	began := time.Now()
	a := ask(ctx)
	f.unless(errors.Is(a.err, context.Canceled), "%s: %v; want that it wraps context.Canceled", what, a.err)
	f.unless(a.holds() == "", "%s: %s", what, a.holds())
	f.unless(time.Since(began) <= after+soon, "%s: goes on for %s after it was cancelled", what, time.Since(began)-after)
	return f
}

func cancellationIsHeardBetweenPages(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		pbx := v.with(calls(few)...)
		pages := len(v.readFrom(t, pbx).Pages)
		srv := start(v.serve(pbx))
		defer srv.stop()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		read, asked := 0, 0
		var last error
		for _, err := range srv.open(t, v).CDRs(ctx, window()) {
			if last = err; err == nil {
				read++
			}
			if read == 1 && err == nil {
				cancel()
				synctest.Wait()
				asked = len(srv.asked())
			}
		}
		f.unless(read == 1, "%d pages come after one has gone", read-1)
		f.unless(pages < 2 || errors.Is(last, context.Canceled), "after the first of %d pages: %v; want that it wraps context.Canceled", pages, last)
		f.unless(len(srv.asked()) == asked, "a request is sent for one who has gone")
		return f
	})
}

func leavingEarlyAsksNoMore(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		srv := start(v.serve(v.with(calls(few)...)))
		defer srv.stop()
		asked := 0
		for range srv.open(t, v).CDRs(context.Background(), window()) {
			asked = len(srv.asked())
			break
		}
		time.Sleep(time.Hour)
		f.unless(len(srv.asked()) == asked, "%d requests after one has left", len(srv.asked())-asked)
		return f
	})
}

func silenceIsGivenUp(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		for _, silence := range silences(v.serve(about.pbx)) {
			began := time.Now()
			about.asks(t, silence, func(q question, a answer, _ *server) {
				f.unless(a.err != nil && a.holds() == "", "%s: %s: %v %s; want an error alone", silence.name, q.name, a.err, a.holds())
				f.unless(!errors.Is(a.err, context.Canceled), "%s: %s: %v, though nobody cancelled", silence.name, q.name, a.err)
				f.unless(time.Since(began) <= slowest, "%s: %s: is given up after %s", silence.name, q.name, time.Since(began))
				began = time.Now()
			})
		}
		return f
	})
}

// nothingGoesOn looks for goroutines; so it is not run in virtual time.
func nothingGoesOn(t *testing.T, v Vendor) []string {
	var f finding
	before := goleak.IgnoreCurrent()
	for _, h := range []http.HandlerFunc{v.serve(v.with(calls(few)...)), v.Refuse} {
		srv := start(h)
		c := srv.open(t, v)
		for _, q := range questions(c, sample{hangup: noID}) {
			patiently(q.ask)
		}
		for range c.CDRs(context.Background(), ingest.Window{From: time.Now().Add(-span), To: time.Now()}) {
			break
		}
		srv.stop()
	}
	if err := goleak.Find(before); err != nil {
		f.add("goroutines go on when nothing is asked any more: %v", err)
	}
	return f
}
