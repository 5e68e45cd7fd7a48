package telsam_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

func TestHangup(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		is     error
		ok     bool
	}{
		"as in the sample":            {`[{"success":true,"count":0,"data":[]}]`, nil, true},
		"without an array":            {`{"success":"True","count":"0"}`, nil, true},
		"the code for done":           {"00", nil, true},
		"no such channel":             {`[{"success":false,"count":0,"data":[]}]`, ingest.ErrNoSuchCall, false},
		"the code for no channel":     {"13", ingest.ErrForeign, false},
		"a page for people":           {"<html>", ingest.ErrForeign, false},
		"a reply that was cut":        {`[{"success":tr`, ingest.ErrForeign, false},
		"nothing, as after a failure": {"", ingest.ErrForeign, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			c := serving(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				if q := r.URL.Query(); q.Get("action") != "hangupcall" || q.Get("channel") != "SIP/trunk-0000001b" {
					t.Errorf("asked for %q of %q", q.Get("action"), q.Get("channel"))
				}
				_, _ = w.Write([]byte(tc.answer))
			})
			err := c.Hangup(t.Context(), "SIP/trunk-0000001b")
			if (err == nil) != tc.ok || tc.is != nil && !errors.Is(err, tc.is) || asked != 1 {
				t.Errorf("%v after %d requests, want %v after one", err, asked, tc.is)
			}
		})
	}
}

func TestAnEmptyChannelIsRefusedBeforeAnythingIsSent(t *testing.T) {
	c := serving(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for _, channel := range []string{"", " ", "\t"} {
		if err := c.Hangup(t.Context(), channel); err == nil {
			t.Errorf("channel %q was accepted", channel)
		}
	}
	if id := c.HangupID(events.Call{VendorIDs: map[string]string{"channel": "SIP/1", "id": "7"}}); id != "SIP/1" {
		t.Errorf("a call is ended by %q, want its channel", id)
	}
}
