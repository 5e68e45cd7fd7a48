package vendorhttp_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/vendorhttp"
)

// crowd answers each request after a while, and counts how many are under way to each host.
type crowd struct {
	takes time.Duration

	mu   sync.Mutex
	now  map[string]int
	most map[string]int // and "" in all
	done map[string]int
}

func newCrowd(takes time.Duration) *crowd {
	return &crowd{takes: takes, now: map[string]int{}, most: map[string]int{}, done: map[string]int{}}
}

func (c *crowd) RoundTrip(r *http.Request) (*http.Response, error) {
	c.note(r.URL.Host, 1)
	defer c.note(r.URL.Host, -1)
	select {
	case <-time.After(c.takes):
		return emptyList(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (c *crowd) note(host string, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range []string{host, ""} {
		c.now[of] += by
		c.most[of] = max(c.most[of], c.now[of])
		if by < 0 {
			c.done[of]++
		}
	}
}

// counts returns copies of now, most and done.
func (c *crowd) counts() (now, most, done map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.now), maps.Clone(c.most), maps.Clone(c.done)
}

// asks has client ask a host n times at once.
func asks(ctx context.Context, wg *sync.WaitGroup, client *vendorhttp.Client, host string, n int, told func(error)) {
	for range n {
		wg.Go(func() {
			_, err := client.Get(ctx, &url.URL{Scheme: "https", Host: host, Path: "/calls"})
			told(err)
		})
	}
}

func TestNoMoreRequestsAreUnderWayThanThereArePlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(time.Second)
		client := vendorhttp.New(&http.Client{Transport: vendorhttp.NewGate(c, 6, 4)}, vendorhttp.Options{Timeout: 2 * time.Second})
		var wg sync.WaitGroup
		none := func(err error) {
			if err != nil {
				t.Errorf("to wait for a place took from a request's time: %v", err)
			}
		}
		asks(t.Context(), &wg, client, "a", 40, none)
		asks(t.Context(), &wg, client, "b", 40, none)
		wg.Wait()
		if _, most, done := c.counts(); most["a"] != 4 || most["b"] > 4 || most[""] != 6 || done[""] != 80 {
			t.Errorf("at most %v were under way, %v were answered", most, done)
		}
	})
}

func TestAHostThatDoesNotAnswerTakesNoOthersPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(time.Hour)
		client := vendorhttp.New(&http.Client{Transport: vendorhttp.NewGate(c, 6, 4)}, vendorhttp.Options{})
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		asks(ctx, &wg, client, "silent", 40, func(error) {})
		synctest.Wait()
		asks(ctx, &wg, client, "well", 1, func(error) {})
		synctest.Wait()
		if now, _, _ := c.counts(); now["silent"] != 4 || now["well"] != 1 {
			t.Errorf("under way are %v", now)
		}
		stop()
		wg.Wait()
	})
}

func TestWhatMayWaitLeavesPlacesToThePolls(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ hosts, all, want int }{
		"of one host":   {1, 100, 2}, // of 4
		"of many hosts": {8, 10, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(time.Second)
				client := vendorhttp.New(&http.Client{Transport: vendorhttp.NewGate(c, tc.all, 4)}, vendorhttp.Options{})
				var wg sync.WaitGroup
				for host := range tc.hosts {
					asks(ingest.InSpare(t.Context()), &wg, client, fmt.Sprint(host), 10, func(error) {})
				}
				synctest.Wait()
				if now, _, _ := c.counts(); now[""] != tc.want {
					t.Errorf("%d requests that may wait are under way, want half of the places, %d", now[""], tc.want)
				}
				asks(t.Context(), &wg, client, "0", 2, func(error) {})
				synctest.Wait()
				if now, _, _ := c.counts(); now[""] != tc.want+2 {
					t.Errorf("%d requests are under way, want two polls beside the %d that may wait", now[""], tc.want)
				}
				wg.Wait()
			})
		})
	}
}

func TestWhoGivesUpWaitingTakesNoPlace(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]func(context.Context) context.Context{
		"a poll":        func(ctx context.Context) context.Context { return ctx },
		"what may wait": ingest.InSpare,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { giveUpWaiting(t, own) })
		})
	}
}

// giveUpWaiting has requests to a host give up that has places left, while all places are taken by another.
func giveUpWaiting(t *testing.T, own func(context.Context) context.Context) {
	c := newCrowd(time.Minute)
	gate := vendorhttp.NewGate(c, 2, 2)
	client := vendorhttp.New(&http.Client{Transport: vendorhttp.NewBudget(gate, 100, time.Hour, 50)}, vendorhttp.Options{Timeout: time.Hour})
	var wg sync.WaitGroup
	asks(t.Context(), &wg, client, "busy", 2, func(error) {})
	synctest.Wait()
	ctx, stop := context.WithCancel(own(t.Context()))
	asks(ctx, &wg, client, "free", 10, func(err error) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("told %v", err)
		}
	})
	synctest.Wait()
	if requests, waiting := gate.UnderWay(); requests != 2 || waiting != 10 {
		t.Errorf("%d are under way, %d wait", requests, waiting)
	}
	stop()
	wg.Wait()
	if _, waiting := gate.UnderWay(); waiting != 0 || gate.Hosts() != 0 {
		t.Errorf("%d wait, %d hosts are known, after all", waiting, gate.Hosts())
	}
	asks(t.Context(), &wg, client, "free", 2, func(error) {})
	synctest.Wait()
	if now, _, _ := c.counts(); now["free"] != 2 {
		t.Errorf("%d are under way to a host that has two places", now["free"])
	}
	wg.Wait()
}
