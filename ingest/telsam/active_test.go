package telsam_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

func TestWhoTalksToWhom(t *testing.T) {
	const number, other = "905000000101", "905000000102"
	for name, tc := range map[string]struct {
		callType, callInfo, src, dst string
		direction                    events.Direction
		talking                      bool
		agent, outside               string
	}{
		"a caller and an extension":            {"", "Konuşuyor", number, "215", events.Inbound, true, "215", "+" + number},
		"a caller whom the phone rings for":    {"", "Çalıyor", number, "215", events.Inbound, false, "", "+" + number},
		"a word that nobody has published":     {"", "Konuşuyor mu", number, "215", events.Inbound, false, "", "+" + number},
		"no word":                              {"", "", number, "215", events.Inbound, false, "", "+" + number},
		"decomposed letters":                   {"", "Konus\u0327uyor", number, "215", events.Inbound, true, "215", "+" + number},
		"a withheld caller":                    {"", "Konuşuyor", "anonymous", "215", events.Inbound, true, "215", ""},
		"a caller without any number":          {"", "Konuşuyor", "", "215", events.Inbound, true, "215", ""},
		"a caller in a queue":                  {"Kuyruk(630)", "Bekliyor", number, "630", events.Inbound, false, "", "+" + number},
		"a caller to whom the queue talks":     {"Kuyruk(630)", "Konuşuyor", number, "630", events.Inbound, false, "", "+" + number},
		"a caller to whom the agent talks":     {"Kuyruk(630)", "Konuşuyor", number, "110", events.Inbound, true, "110", "+" + number},
		"a caller in a queue, forwarded":       {"Kuyruk(630)", "Konuşuyor", number, other, events.Inbound, true, "", "+" + number},
		"a withheld caller in a queue":         {"Kuyruk(630)", "Bekliyor", "Gizli", "630", events.Inbound, false, "", ""},
		"a colleague in a queue":               {"Kuyruk(630)", "Konuşuyor", "215", "110", events.Internal, true, "", ""},
		"an extension that rings somebody":     {"Dahili", "Çalıyor", "215", number, events.Outbound, false, "", "+" + number},
		"an extension that talks to somebody":  {"", "Konuşuyor", "215", number, events.Outbound, true, "", "+" + number},
		"two extensions":                       {"", "Konuşuyor", "215", "216", events.Internal, true, "", ""},
		"two numbers":                          {"", "Konuşuyor", number, other, events.UnknownDirection, true, "", ""},
		"a withheld caller and a number":       {"", "Konuşuyor", "", number, events.UnknownDirection, true, "", "+" + number},
		"a number and nobody":                  {"", "Konuşuyor", number, "", events.UnknownDirection, true, "", "+" + number},
		"an extension and a code":              {"", "Konuşuyor", "215", "*97", events.UnknownDirection, true, "", ""},
		"a caller and the fax machine":         {"", "Konuşuyor", number, "fax", events.Inbound, false, "", "+" + number},
		"a queue without a number is no queue": {"Kuyruk()", "Konuşuyor", number, "215", events.Inbound, true, "215", "+" + number},
	} {
		t.Run(name, func(t *testing.T) {
			row := fmt.Sprintf(`{"channel":"SIP/x","duration":"00:00:05","calltype":%q,"callinfo":%q,"src":%q,"dst":%q}`, tc.callType, tc.callInfo, tc.src, tc.dst)
			s, err := client(t, answering(envelope(row))).ActiveCalls(t.Context())
			if err != nil || len(s.Calls) != 1 || s.Partial {
				t.Fatalf("ActiveCalls: %+v, %v; want one call", s, err)
			}
			c := s.Calls[0]
			var agent *string
			if c.Agent != nil {
				agent = c.Agent.Extension
			}
			if c.Direction != tc.direction || c.Talking != tc.talking || text(agent) != tc.agent || text(c.ExternalNumber) != tc.outside {
				t.Errorf("%s, talking %t, agent %q, outside %q; want %s, %t, %q, %q", c.Direction, c.Talking, text(agent),
					text(c.ExternalNumber), tc.direction, tc.talking, tc.agent, tc.outside)
			}
		})
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestOnlyAWholeAnswerIsASnapshot(t *testing.T) {
	const row = `{"channel":"SIP/x","duration":"00:00:05","calltype":"","callinfo":"","src":"905000000101","dst":"215"}`
	for name, tc := range map[string]struct {
		answer string
		is     error
		says   string
	}{
		"refused":                           {`[{"success":false,"count":0,"data":[]}]`, ingest.ErrCredentials, "success=false"},
		"refused in text, without a list":   {`{"success":"False"}`, ingest.ErrCredentials, "success=false"},
		"refused, with a row":               {`{"success":0,"count":1,"data":[` + row + `]}`, ingest.ErrCredentials, "success=false"},
		"no answer in the list":             {`[]`, ingest.ErrForeign, "a list of 0 answers"},
		"two answers in the list":           {`[{"success":true,"count":0},{"success":true,"count":0}]`, ingest.ErrForeign, "a list of 2 answers"},
		"a list in the list":                {`[[{"success":true,"count":0}]]`, ingest.ErrForeign, "another shape"},
		"a number in the list":              {`[7]`, ingest.ErrForeign, "another shape"},
		"an object without anything":        {`{}`, ingest.ErrForeign, "no success"},
		"no success":                        {`[{"count":0,"data":[]}]`, ingest.ErrForeign, "no success"},
		"success null":                      {`[{"success":null,"count":0,"data":[]}]`, ingest.ErrForeign, "no success"},
		"success unreadable":                {`[{"success":"maybe","count":0,"data":[]}]`, ingest.ErrForeign, "success cannot be read"},
		"no count":                          {`[{"success":true,"data":[]}]`, ingest.ErrForeign, "no count"},
		"count unreadable":                  {`[{"success":true,"count":"none","data":[]}]`, ingest.ErrForeign, "count cannot be read"},
		"count negative":                    {`[{"success":true,"count":-1,"data":[]}]`, ingest.ErrForeign, "count cannot be read"},
		"more counted than shown":           {`[{"success":true,"count":2,"data":[` + row + `]}]`, ingest.ErrForeign, "count says 2, but data has 1"},
		"more shown than counted":           {`[{"success":true,"count":0,"data":[` + row + `]}]`, ingest.ErrForeign, "count says 0, but data has 1"},
		"counted, and no data":              {`[{"success":true,"count":1}]`, ingest.ErrForeign, "data is not a list"},
		"counted, and data null":            {`[{"success":true,"count":1,"data":null}]`, ingest.ErrForeign, "data is not a list"},
		"counted, and an empty object":      {`[{"success":true,"count":1,"data":{}}]`, ingest.ErrForeign, "data is not a list"},
		"none counted, and text":            {`[{"success":true,"count":0,"data":"error"}]`, ingest.ErrForeign, "data is not a list"},
		"an error of another API":           {`{"error":"Token expired"}`, ingest.ErrForeign, "no success"},
		"JSON that stops":                   {`[{"success":true,"count":0`, ingest.ErrForeign, "stops being JSON"},
		"something after the JSON":          {`[{"success":true,"count":0}]<br>`, ingest.ErrForeign, "stops being JSON after 29"},
		"an array of a hundred thousand":    {strings.Repeat("[", 100_000), ingest.ErrForeign, "JSON"},
		"nested a hundred thousand deep":    {strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), ingest.ErrForeign, "JSON"},
		"nested deep in the data":           {`{"success":true,"count":1,"data":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, ingest.ErrForeign, "JSON"},
		"an HTML page":                      {"<html><body>502 Bad Gateway</body></html>", ingest.ErrForeign, "HTML"},
		"nothing":                           {"", ingest.ErrForeign, "empty"},
		"a boolean":                         {"true", ingest.ErrForeign, "plain text"},
		"a code in quotes":                  {`"05"`, ingest.ErrForeign, "no such user"},
		"a code on a line":                  {"05\r\n", ingest.ErrForeign, "no such user"},
		"two digits that are no known code": {"77", ingest.ErrForeign, "plain text, not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, answering(tc.answer))
			s, err := c.ActiveCalls(t.Context())
			if !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("ActiveCalls: %+v, %v; want %v that says %q", s, err, tc.is, tc.says)
			}
			for page, err := range c.CDRs(t.Context(), lastHour()) {
				if !errors.Is(err, tc.is) || page.Records != nil {
					t.Errorf("CDRs: %+v, %v; want %v", page, err, tc.is)
				}
			}
		})
	}
}

func lastHour() ingest.Window { return ingest.Window{From: time.Now().Add(-time.Hour), To: time.Now()} }

func TestEveryCodeIsForeignAndSaysWhatItMeans(t *testing.T) {
	for code := range 21 {
		answer := fmt.Sprintf("%02d", code)
		_, err := client(t, answering(answer)).ActiveCalls(t.Context())
		if !errors.Is(err, ingest.ErrForeign) || !strings.Contains(err.Error(), "code "+answer) {
			t.Errorf("ActiveCalls of %q: %v; want %v with the code", answer, err, ingest.ErrForeign)
		}
	}
}

func TestAnEmptyAnswerIsASnapshotWithoutCalls(t *testing.T) {
	for _, answer := range []string{
		`[{"success":true,"count":0,"data":[]}]`, `{"success":"True","count":"0"}`, `{"success":1,"count":0,"data":null}`,
		`{"success":"t","count":"0","data":""}`, `[{"success":true,"count":0,"data":{}}]`, " \n[ {\"success\" : true , \"count\" : 0 } ] \n",
	} {
		s, err := client(t, answering(answer)).ActiveCalls(t.Context())
		if err != nil || len(s.Calls) != 0 || len(s.Rejected) != 0 || s.Partial {
			t.Errorf("ActiveCalls of %s: %+v, %v; want an empty whole snapshot", answer, s, err)
		}
	}
}

func TestADurationThatNoCallHasIsNotBelieved(t *testing.T) {
	for duration, believed := range map[string]bool{"744:00:00": true, "744:00:01": false, "-00:00:01": false, "00:61:00": false, "": false} {
		row := fmt.Sprintf(`{"channel":"SIP/x","duration":%q,"src":"905000000101","dst":"215"}`, duration)
		s, err := client(t, answering(envelope(row))).ActiveCalls(t.Context())
		if err != nil || (len(s.Calls) == 1) != believed || (len(s.Rejected) == 0) != believed || s.Partial == believed {
			t.Errorf("%q: %+v, %v; want it believed: %t", duration, s, err, believed)
		}
	}
}

// TestACallBeganWithinItsWindow invents a call and what the PBX shows of it at some moment between question and reply.
func TestACallBeganWithinItsWindow(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		lasted := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(r, "lasted"))
		there := time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(r, "there"))
		back := time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(r, "back"))
		synctest.Test(t, func(t *testing.T) {
			var began time.Time
			c := client(t, roundTrip(func() string {
				time.Sleep(there)
				began = time.Now().Add(-lasted)
				shown := lasted.Truncate(time.Second)
				time.Sleep(back)
				return envelope(fmt.Sprintf(`{"channel":"SIP/x","duration":"%02d:%02d:%02d"}`,
					int(shown.Hours()), int(shown.Minutes())%60, int(shown.Seconds())%60))
			}))
			s, err := c.ActiveCalls(t.Context())
			if err != nil || len(s.Calls) != 1 {
				t.Fatalf("ActiveCalls: %+v, %v", s, err)
			}
			w := s.Calls[0].Began
			if !w.Contains(began) || w.To.After(s.At) || w.To.Sub(w.From) > there+back+time.Second+2*time.Millisecond {
				t.Errorf("began %s, read as %s to %s, at %s", began, w.From, w.To, s.At)
			}
		})
	})
}

func TestAChannelIsInASnapshotOnce(t *testing.T) {
	row := func(channel, duration, info string) string {
		return fmt.Sprintf(`{"channel":%q,"duration":%q,"callinfo":%q,"src":"905000000101","dst":"215"}`, channel, duration, info)
	}
	ringing, talking := row("SIP/x", "00:00:09", "Çalıyor"), row("SIP/x", "00:00:10", "Konuşuyor")
	older := row("SIP/x", "02:00:00", "Konuşuyor")
	for name, tc := range map[string]struct {
		rows     []string
		talking  bool
		rejected int
	}{
		"the same row twice":          {[]string{ringing, ringing}, false, 0},
		"one that has got further":    {[]string{ringing, talking}, true, 0},
		"the other way round":         {[]string{talking, ringing}, true, 0},
		"a call that cannot be it":    {[]string{older, ringing}, false, 1},
		"such a call after it":        {[]string{ringing, older}, false, 1},
		"all of them":                 {[]string{ringing, older, talking, ringing}, true, 1},
		"all of them, in other order": {[]string{older, talking, older, ringing}, true, 2},
	} {
		s, err := client(t, answering(envelope(tc.rows...))).ActiveCalls(t.Context())
		if err != nil || len(s.Calls) != 1 || s.Calls[0].Talking != tc.talking || len(s.Rejected) != tc.rejected || s.Partial != (tc.rejected > 0) {
			t.Errorf("%s: %+v, %v; want one call, talking %t, and %d rejected", name, s, err, tc.talking, tc.rejected)
		}
		if len(s.Calls) == 1 && time.Since(s.Calls[0].Began.From) > time.Hour {
			t.Errorf("%s: the older call is taken", name)
		}
	}
}
