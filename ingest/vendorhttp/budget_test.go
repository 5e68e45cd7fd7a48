package vendorhttp_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/ingest/vendorhttp"
)

type answering func() *http.Response

func (a answering) RoundTrip(*http.Request) (*http.Response, error) { return a(), nil }

func emptyList() *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("[]")), ContentLength: 2}
}

func TestBudgetSpreadsRequestsAndTheWaitIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := vendorhttp.NewBudget(answering(emptyList), 6, time.Minute)
		c := vendorhttp.New(&http.Client{Transport: budget}, vendorhttp.Options{Timeout: time.Second})
		began := time.Now()
		for i := range 4 {
			reply, err := c.Get(t.Context(), &url.URL{Scheme: "http", Host: "pbx.example"})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := reply.Asked.Sub(began), time.Duration(i)*10*time.Second; got != want {
				t.Errorf("request %d was made after %v, want %v", i, got, want)
			}
		}
	})
}

func TestBudgetLetsGoOfARequestThatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := vendorhttp.NewBudget(answering(emptyList), 1, time.Hour)
		c := vendorhttp.New(&http.Client{Transport: budget}, vendorhttp.Options{})
		where := &url.URL{Scheme: "http", Host: "pbx.example"}
		if _, err := c.Get(t.Context(), where); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		if _, err := c.Get(ctx, where); err == nil || time.Since(began) > time.Second {
			t.Errorf("a cancelled request returned %v after %v", err, time.Since(began))
		}
	})
}
