package ingesttest

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbus/callbus/ingest"
)

// newest is the window of a poll.
func newest() ingest.Window { return ingest.Window{From: noon.Add(-10 * time.Minute), To: noon} }

// follow asks f for what is new, and leaves after so many pages; 0 is all.
func follow(f ingest.CDRFollower, w ingest.Window, leave int) answer {
	return patiently(func(ctx context.Context) (a answer) {
		for p, err := range f.NewCDRs(ctx, w) {
			if a.err = err; err != nil {
				return a
			}
			if a.Pages = append(a.Pages, p); len(a.Pages) == leave {
				return a
			}
		}
		return a
	})
}

func followedComesLate(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		var pbx atomic.Pointer[PBX]
		there := calls(20)
		set := func(all ...Call) { p := v.with(all...); pbx.Store(&p) }
		set(there...)
		srv := start(v.serving(func() PBX { return *pbx.Load() }))
		defer srv.stop()
		c, ok := srv.open(t, v).(ingest.CDRFollower)
		if !ok {
			return nil
		}
		f.unless(follow(c, newest(), 0).err == nil, "the first reading fails")
		late := call(900, 7*time.Hour)
		late.Talked = 7*time.Hour - time.Minute
		if v.NewestOnly {
			late = call(900, 10*time.Second)
		}
		set(append(there, late)...)
		a := follow(c, newest(), 0)
		f.unless(a.err == nil, "the second reading: %v", a.err)
		f = append(f, leftOut("a record that was just written", []Call{late}, a)...)
		return f
	})
}

func followedComesAgain(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		there := calls(few)
		var failing atomic.Int32 // the request that fails, and all after it; 0 for none
		var n atomic.Int32
		right := v.serve(v.with(there...))
		srv := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if from := failing.Load(); n.Add(1) >= from && from > 0 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			right(w, r)
		}))
		defer srv.stop()
		for _, how := range []string{"a page failed", "the reader left"} {
			c, ok := srv.open(t, v).(ingest.CDRFollower)
			if !ok {
				return nil
			}
			n.Store(0)
			leave := 1
			if how == "a page failed" {
				failing.Store(2)
				leave = 0
			}
			first := follow(c, window(), leave)
			failing.Store(0)
			second := follow(c, window(), 0)
			f.unless(second.err == nil, "%s: the reading after that: %v", how, second.err)
			second.Pages = append(second.Pages, first.Pages...)
			f = append(f, leftOut("after "+how, there, second)...)
		}
		return f
	})
}
