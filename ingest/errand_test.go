package ingest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// diary is when an errand was begun, since the test began.
type diary struct {
	began time.Time
	at    []time.Duration
}

func (d *diary) note() { d.at = append(d.at, time.Since(d.began)) }

// run has es done for nine and a half seconds, and hurry called at those moments of it.
func (d *diary) run(t *testing.T, es *errands, hurry func(), at ...time.Duration) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 9500*time.Millisecond)
	defer es.wait()
	defer stop()
	bell := make(chan struct{})
	for _, d := range at {
		time.AfterFunc(d, func() { bell <- struct{}{} })
	}
	for {
		es.start(ctx, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-es.alarm.C:
		case r := <-es.back:
			es.returned(r)
		case <-bell:
			hurry()
		}
	}
}

func TestAnErrandIsDoneWhenItIsDueAndWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, tc := range map[string]struct {
		takes, every time.Duration
		hurried      []time.Duration
		want         []time.Duration
	}{
		"at once, and again when it says":                       {0, 4 * s, nil, []time.Duration{0, 4 * s, 8 * s}},
		"what it takes comes on top":                            {1 * s, 4 * s, nil, []time.Duration{0, 5 * s}},
		"asked for while it rests, it is done at once":          {0, 6 * s, []time.Duration{2 * s}, []time.Duration{0, 2 * s, 8 * s}},
		"asked for while it is done, it is done once more":      {3 * s, 20 * s, []time.Duration{1 * s}, []time.Duration{0, 3 * s}},
		"asked for twice while it is done, it is so once":       {3 * s, 20 * s, []time.Duration{1 * s, 2 * s}, []time.Duration{0, 3 * s}},
		"due at once, it is not left waiting for anything else": {2 * s, 0, nil, []time.Duration{0, 2 * s, 4 * s, 6 * s, 8 * s}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, es := &diary{began: time.Now()}, newErrands()
				e := es.add(func(ctx context.Context) time.Time {
					d.note()
					sleep(ctx, tc.takes)
					return time.Now().Add(tc.every)
				})
				d.run(t, es, func() { e.hurry(time.Now()) }, tc.hurried...)
				if !slices.Equal(d.at, tc.want) {
					t.Errorf("done at %v, want %v", d.at, tc.want)
				}
			})
		})
	}
}

func TestASlowErrandDoesNotHoldUpAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, es := &diary{began: time.Now()}, newErrands()
		es.add(func(ctx context.Context) time.Time { <-ctx.Done(); return time.Time{} })
		es.add(func(context.Context) time.Time { d.note(); return time.Now().Add(3 * time.Second) })
		d.run(t, es, nil)
		if want := []time.Duration{0, 3 * time.Second, 6 * time.Second, 9 * time.Second}; !slices.Equal(d.at, want) {
			t.Errorf("done at %v, want %v", d.at, want)
		}
	})
}
