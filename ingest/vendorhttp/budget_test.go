package vendorhttp_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

type answering func() *http.Response

func (a answering) RoundTrip(*http.Request) (*http.Response, error) { return a(), nil }

func emptyList() *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("[]")), ContentLength: 2}
}

// vendorLimit counts requests as they arrive, and how many came within any one minute.
type vendorLimit struct {
	takes   func() time.Duration // how long a request is on its way, each way
	mu      sync.Mutex
	arrived []time.Time
}

func (v *vendorLimit) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(v.takes())
	v.mu.Lock()
	v.arrived = append(v.arrived, time.Now())
	v.mu.Unlock()
	time.Sleep(v.takes())
	return emptyList(), nil
}

// most is the greatest number of requests that arrived within a minute.
func (v *vendorLimit) most() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	slices.SortFunc(v.arrived, time.Time.Compare)
	most := 0
	for i, from := range v.arrived {
		n := 0
		for _, at := range v.arrived[i:] {
			if at.Sub(from) < time.Minute {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestNoMinuteSeesMoreRequestsThanTheBudgetHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		v := &vendorLimit{takes: func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return time.Duration(rnd.IntN(4000)) * time.Millisecond
		}}
		c := vendorhttp.New(&http.Client{Transport: vendorhttp.NewBudget(v, 6, time.Minute, 4)}, vendorhttp.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var polls, spare int
		var all sync.WaitGroup
		for i := range 5 {
			ctx, n := ctx, &polls
			if i > 0 {
				ctx, n = ingest.InSpare(ctx), &spare
			}
			all.Go(func() {
				for ctx.Err() == nil {
					if _, err := c.Get(ctx, &url.URL{Scheme: "http", Host: "pbx.example"}); err == nil {
						mu.Lock()
						*n++
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		if got := v.most(); got != 6 {
			t.Errorf("%d requests arrived within a minute, want all of the 6 that are allowed and no more", got)
		}
		if polls < 200 || spare < 80 {
			t.Errorf("in an hour there were %d polls and %d requests that may wait, want about four to two a minute", polls, spare)
		}
	})
}

func TestThePollsAreNotHeldUpByWhatMayWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := vendorhttp.New(&http.Client{Transport: vendorhttp.NewBudget(answering(emptyList), 6, time.Minute, 4)}, vendorhttp.Options{Timeout: time.Second})
		where := &url.URL{Scheme: "http", Host: "pbx.example"}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				_, _ = c.Get(ingest.InSpare(ctx), where)
			}
		}()
		for began := time.Now(); ctx.Err() == nil; time.Sleep(15 * time.Second) {
			reply, err := c.Get(ctx, where)
			if err != nil || !reply.At.Equal(time.Now()) || time.Since(began)%(15*time.Second) != 0 {
				t.Fatalf("a poll %v after the beginning was answered %v, %v", time.Since(began), reply.At, err)
			}
		}
		synctest.Wait()
	})
}

func TestBudgetLetsGoOfARequestThatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := vendorhttp.NewBudget(answering(emptyList), 1, time.Hour, 0)
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

func TestWhatRemainsOfTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flying, land := make(chan struct{}), make(chan struct{})
		b := vendorhttp.NewBudget(answering(func() *http.Response { flying <- struct{}{}; <-land; return emptyList() }), 3, time.Minute, 1)
		c := vendorhttp.New(&http.Client{Transport: b}, vendorhttp.Options{})
		remains := func(when string, want int) {
			t.Helper()
			if got := b.Remaining(); got != want {
				t.Errorf("%s %d requests remain, want %d", when, got, want)
			}
		}
		remains("before any", 3)
		go func() {
			if _, err := c.Get(t.Context(), &url.URL{Scheme: "http", Host: "pbx.example"}); err != nil {
				t.Error(err)
			}
		}()
		<-flying
		remains("while one is on its way", 2)
		land <- struct{}{}
		synctest.Wait()
		time.Sleep(59 * time.Second)
		remains("within a minute of its answer", 2)
		time.Sleep(time.Second)
		remains("a minute after it", 3)
	})
}
