package ingesttest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// hangUp ends the call id at a server that answers with h, and returns how often that was asked.
func (v Vendor) hangUp(t testing.TB, h http.Handler, id string) (asked int, err error, ok bool) {
	srv := start(h)
	defer srv.stop()
	hanger, ok := srv.open(t, v).(ingest.Hanger)
	if !ok {
		return 0, nil, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = hanger.Hangup(ctx, id)
	return len(srv.asked()), err, true
}

func hangupsAreSentOnce(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		about := v.sampled(t)
		right := v.serve(about.pbx)
		asked, err, ok := v.hangUp(t, right, about.hangup)
		if !ok {
			return nil
		}
		f.unless(err == nil && asked == 1, "a call that goes on is ended by %d requests: %v", asked, err)
		_, err, _ = v.hangUp(t, v.serve(PBX{}), about.hangup)
		f.unless(errors.Is(err, ingest.ErrNoSuchCall), "a call that is over: %v; want that it wraps ErrNoSuchCall", err)
		for _, fault := range slices.Concat(broken(right), silences(right), v.foreigners(right)) {
			asked, err, _ := v.hangUp(t, fault, about.hangup)
			f.unless(asked == 1, "%s: it is asked for %d times; the second may end another call", fault.name, asked)
			f.unless(err != nil, "%s: no error", fault.name)
		}
		return f
	})
}

func hangupsNeedAnID(t *testing.T, v Vendor) []string {
	return atNoon(t, func(t *testing.T) []string {
		var f finding
		for _, id := range []string{"", " ", "\t\n"} {
			asked, err, ok := v.hangUp(t, v.serve(PBX{}), id)
			if !ok {
				return nil
			}
			f.unless(err != nil && asked == 0, "the id %q: %d requests, %v; some vendors take it for every call", id, asked, err)
		}
		srv := start(v.serve(PBX{}))
		defer srv.stop()
		if h, ok := srv.open(t, v).(ingest.Hanger); ok {
			f.unless(h.HangupID(events.Call{}) == "", "HangupID of a call of which nothing is known is %q, want none", h.HangupID(events.Call{}))
			f.unless(v.sampled(t).hangup != noID, "HangupID finds no id in a call of this vendor")
		}
		return f
	})
}
