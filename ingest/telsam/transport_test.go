package telsam_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// roundTrip is a transport that makes its answer when it is asked.
type roundTrip func() string

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	return answering(f()).RoundTrip(req)
}

// dated is a transport of a PBX without calls, whose clock is ahead of ours by so much.
type dated time.Duration

func (d dated) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := answering(envelope()).RoundTrip(req)
	resp.Header.Set("Date", time.Now().Add(time.Duration(d)).UTC().Format(http.TimeFormat))
	return resp, err
}

func TestTheClockOfThePBXIsComparedWithOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, dated(time.Minute))
		near := func(ahead *time.Duration) bool { return ahead != nil && (*ahead-time.Minute).Abs() <= time.Second }
		if s, err := c.ActiveCalls(t.Context()); err != nil || !near(s.Ahead) {
			t.Errorf("ActiveCalls: ahead %v, %v; want about a minute", s.Ahead, err)
		}
		for page, err := range c.CDRs(t.Context(), lastHour()) {
			if err != nil || !near(page.Ahead) {
				t.Errorf("CDRs: ahead %v, %v; want about a minute", page.Ahead, err)
			}
		}
	})
}
