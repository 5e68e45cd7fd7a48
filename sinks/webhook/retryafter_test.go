package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/sinks/webhook"
)

// S-1, as far as it is read; see also TestRetryAfterPausesTheSink.
func TestRetryAfter(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		headers []string
		date    string
		want    time.Duration
		cut     bool
	}{
		"none":                          {nil, "", 0, false},
		"0":                             {[]string{"0"}, "", 0, false},
		"negative":                      {[]string{"-1"}, "", 0, false},
		"5":                             {[]string{"5"}, "", 5 * time.Second, false},
		"5 with blanks":                 {[]string{" 5 "}, "", 5 * time.Second, false},
		"in powers":                     {[]string{"1e3"}, "", 0, false},
		"a fraction":                    {[]string{"1.5"}, "", 0, false},
		"a day":                         {[]string{"86400"}, "", day, false},
		"a day and a second":            {[]string{"86401"}, "", day, true},
		"three thousand years":          {[]string{"99999999999"}, "", day, true},
		"more than fits a Duration":     {[]string{"9223372037"}, "", day, true},
		"the largest integer":           {[]string{"9223372036854775807"}, "", day, true},
		"more than the largest integer": {[]string{"99999999999999999999999999999"}, "", day, true},
		"a date":                        {[]string{"Sun, 01 Mar 2026 12:02:00 GMT"}, "", 2 * time.Minute, false},
		"a date of RFC 850":             {[]string{"Sunday, 01-Mar-26 12:02:00 GMT"}, "", 2 * time.Minute, false},
		"a date of asctime":             {[]string{"Sun Mar  1 12:02:00 2026"}, "", 2 * time.Minute, false},
		"a date by their own clock":     {[]string{"Sun, 01 Mar 2026 13:02:00 GMT"}, "Sun, 01 Mar 2026 13:00:00 GMT", 2 * time.Minute, false},
		"a date that has passed":        {[]string{"Sun, 01 Mar 2026 11:00:00 GMT"}, "", 0, false},
		"the year 9999":                 {[]string{"Fri, 31 Dec 9999 23:59:59 GMT"}, "", day, true},
		"the year 1":                    {[]string{"Mon, 01 Jan 0001 00:00:00 GMT"}, "", 0, false},
		"two, the longer first":         {[]string{"60", "5"}, "", time.Minute, false},
		"two, the longer last":          {[]string{"5", "60"}, "", time.Minute, false},
		"one that cannot be read":       {[]string{"soon", "7"}, "", 7 * time.Second, false},
		"garbage":                       {[]string{"\x00\xff", "", "Sun", "+5", "0x10"}, "", 0, false},
	} {
		h := http.Header{"Retry-After": tc.headers, "Date": {tc.date}}
		if got, cut := webhook.Asked(h, now); got != tc.want || cut != tc.cut {
			t.Errorf("%s: %s, cut %v; want %s, %v", name, got, cut, tc.want, tc.cut)
		}
	}
}

func TestRetryAfterIsNeverEarlierThanAskedUnlessItIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0).UTC()
		until := now.Add(time.Duration(rapid.Int64Range(-1e6, 1e6).Draw(t, "seconds")) * time.Second)
		got, cut := webhook.Asked(http.Header{"Retry-After": {until.Format(http.TimeFormat)}}, now)
		if got < 0 || !cut && now.Add(got).Before(until) || cut && until.Sub(now) <= got {
			t.Fatalf("at %s, asked until %s: %s, cut %v", now, until, got, cut)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"5", "-1", "9223372037", "Sun, 01 Mar 2026 12:02:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(s, s, "")
	}
	f.Fuzz(func(t *testing.T, one, two, date string) {
		got, cut := webhook.Asked(http.Header{"Retry-After": {one, two}, "Date": {date}}, time.Unix(1772366400, 0))
		if got < 0 || got > 24*time.Hour || cut && got != 24*time.Hour {
			t.Errorf("Retry-After %q, %q: %s, cut %v", one, two, got, cut)
		}
	})
}
