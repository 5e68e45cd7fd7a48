package telsam_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/telsam"
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
		"which credentials may be":    {`[{"success":false}]`, ingest.ErrCredentials, false},
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

// TestAChannelThatHoldsTheUserNameIsEndedNonetheless though no event shows its name.
func TestAChannelThatHoldsTheUserNameIsEndedNonetheless(t *testing.T) {
	row := func(channel string) string {
		return `{"channel":"` + channel + `","duration":"00:00:05","src":"905000000101","dst":"215"}`
	}
	for name, tc := range map[string]struct {
		active string
		ended  []string
		says   string // "" is no error
	}{
		"one such call":              {envelope(row("SIP/other-1"), row("SIP/api-user-1"), "7"), []string{"SIP/api-user-1"}, ""},
		"shown twice":                {envelope(row("SIP/api-user-1"), row("SIP/api-user-1")), []string{"SIP/api-user-1"}, ""},
		"no such call":               {envelope(row("SIP/other-1")), nil, "no such active call"},
		"a list that cannot be read": {"<html>", nil, "not a reply"},
		"two that are shown alike":   {envelope(row("SIP/api-user-1"), row("SIP/api%2Duser-1")), nil, "two channels are alike"},
	} {
		t.Run(name, func(t *testing.T) {
			var ended []string
			c := serving(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("action") == "activecalls" {
					_, _ = w.Write([]byte(tc.active))
					return
				}
				ended = append(ended, r.URL.Query().Get("channel"))
				_, _ = w.Write([]byte(envelope()))
			}, func(cfg *telsam.Config) { cfg.Username = "api-user" })
			err := c.Hangup(t.Context(), "SIP/***-1")
			if !slices.Equal(ended, tc.ended) || (err == nil) != (tc.says == "") || !strings.Contains(fmt.Sprint(err), tc.says) {
				t.Errorf("ended %q, %v; want %q and an error that says %q", ended, err, tc.ended, tc.says)
			}
		})
	}
}
