package ingest

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestHowLongToWait(t *testing.T) {
	t.Parallel()
	var (
		broken  = errors.New("no route to host")
		refused = fmt.Errorf("ask: %w", ErrCredentials)
		wait    = fmt.Errorf("ask: %w", &RateLimitError{After: 90 * time.Second})
		slow    = fmt.Errorf("ask: %w", &RateLimitError{})
	)
	for name, tc := range map[string]struct {
		interval time.Duration
		took     time.Duration
		errs     []error // one attempt each
		least    time.Duration
		most     time.Duration
	}{
		"all is well":                         {2 * time.Second, 0, []error{nil}, 2 * time.Second, 2 * time.Second},
		"what the request took is part of it": {2 * time.Second, 500 * time.Millisecond, []error{nil}, 1500 * time.Millisecond, 1500 * time.Millisecond},
		"a request that took longer":          {2 * time.Second, 3 * time.Second, []error{nil}, 0, 0},
		"a first failure":                     {2 * time.Second, 0, []error{broken}, 400 * time.Millisecond, 600 * time.Millisecond},
		"a second failure":                    {2 * time.Second, 0, []error{broken, broken}, 800 * time.Millisecond, 1200 * time.Millisecond},
		"a third failure":                     {2 * time.Second, 0, []error{broken, broken, broken}, 1600 * time.Millisecond, 2400 * time.Millisecond},
		"a failure after all was well":        {2 * time.Second, 0, []error{broken, broken, nil, broken}, 400 * time.Millisecond, 600 * time.Millisecond},
		"a slow failure is not paid back":     {2 * time.Second, 10 * time.Second, []error{broken}, 400 * time.Millisecond, 600 * time.Millisecond},
		"a hundred failures":                  {2 * time.Second, 0, repeat(broken, 100), 24 * time.Second, 36 * time.Second},
		"a hundred failures of a slow poll":   {5 * time.Minute, 0, repeat(broken, 100), 4 * time.Minute, 6 * time.Minute},
		"a failure of a very quick poll":      {time.Millisecond, 0, []error{broken}, 80 * time.Millisecond, 120 * time.Millisecond},
		"a refusal":                           {2 * time.Second, 0, []error{refused}, 400 * time.Millisecond, 600 * time.Millisecond},
		"a second refusal":                    {2 * time.Second, 0, []error{refused, refused}, 800 * time.Millisecond, 1200 * time.Millisecond},
		"a third refusal":                     {2 * time.Second, 0, []error{refused, refused, refused}, 48 * time.Second, 72 * time.Second},
		"a refusal after two failures":        {2 * time.Second, 0, []error{broken, broken, refused}, 48 * time.Second, 72 * time.Second},
		"a vendor that says how long":         {2 * time.Second, 0, []error{wait}, 90 * time.Second, 90 * time.Second},
		"a vendor that says how long, again":  {2 * time.Second, 0, repeat(wait, 10), 90 * time.Second, 90 * time.Second},
		"a vendor that does not say how long": {15 * time.Second, 0, []error{slow}, 15 * time.Second, 15 * time.Second},
		"a vendor that still does not say":    {15 * time.Second, 0, repeat(slow, 4), 24 * time.Second, 36 * time.Second},
		"a vendor that never says how long":   {15 * time.Second, 0, repeat(slow, 50), 24 * time.Second, 36 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			shortest, longest := time.Hour, time.Duration(0)
			for range 500 { // the pause is a random one
				p := pace{interval: tc.interval}
				var d time.Duration
				for _, err := range tc.errs {
					d = p.after(time.Time{}, time.Time{}.Add(tc.took), err)
				}
				shortest, longest = min(shortest, d), max(longest, d)
			}
			if shortest < tc.least || longest > tc.most {
				t.Errorf("the pause is %v to %v, want %v to %v", shortest, longest, tc.least, tc.most)
			}
			if tc.most > tc.least && longest-shortest < (tc.most-tc.least)/2 {
				t.Errorf("the pause is %v to %v: two accounts that fail at once would try again at once", shortest, longest)
			}
		})
	}
}

func repeat(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
