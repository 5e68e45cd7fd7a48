package ingest

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

func TestTheNewestRecords(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lookback time.Duration
		read     time.Duration // ago; 0 is never
		from, to time.Duration // from now
	}{
		"never read":                   {24 * time.Hour, 0, -15 * time.Minute, 2 * time.Minute},
		"read a moment ago":            {24 * time.Hour, 5 * time.Second, -15*time.Minute - 5*time.Second, 2 * time.Minute},
		"read before an outage":        {24 * time.Hour, 3 * time.Hour, -3*time.Hour - 15*time.Minute, 2 * time.Minute},
		"read before a long outage":    {24 * time.Hour, 72 * time.Hour, -24 * time.Hour, 2 * time.Minute},
		"a look-back that is short":    {10 * time.Minute, 0, -10 * time.Minute, 2 * time.Minute},
		"a clock that was put back":    {24 * time.Hour, -time.Hour, -15 * time.Minute, 2 * time.Minute},
		"a short look-back, an outage": {10 * time.Minute, time.Hour, -10 * time.Minute, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			var read time.Time
			if tc.read != 0 {
				read = noon.Add(-tc.read)
			}
			if got, want := newest(noon, read, tc.lookback), (Window{noon.Add(tc.from), noon.Add(tc.to)}); got != want {
				t.Errorf("the newest are those of %v, want %v", got, want)
			}
		})
	}
}

func TestASweepGoesOverTheWholeLookBackNewestFirst(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ lookback, span time.Duration }{
		"a day": {24 * time.Hour, time.Hour}, "a part of an hour": {10 * time.Minute, time.Hour}, "an hour": {time.Hour, time.Hour},
		"an hour and a bit": {time.Hour + time.Second, time.Hour}, "a vendor that is asked for everything at once": {24 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := sweep{back: tc.lookback, every: sweepEvery, span: tc.span}
			end := noon
			for i := 0; ; i++ {
				now := noon.Add(time.Duration(i) * 5 * time.Second) // time goes on meanwhile
				w, due := s.chunk(now)
				if !due {
					break
				}
				if !w.To.Equal(end) || !w.From.Before(w.To) || tc.span > 0 && w.To.Sub(w.From) > tc.span {
					t.Fatalf("chunk %d is %v, want at most %v that end %v", i, w, tc.span, end)
				}
				end = w.From
				s.done()
				if i > 100 {
					t.Fatal("the sweep does not end")
				}
			}
			if start := noon.Add(-tc.lookback); !end.Equal(start) {
				t.Errorf("the sweep ended at %v, want the whole look-back, to %v", end, start)
			}
		})
	}
}

func TestASweepComesAgainAQuarterOfAnHourAfterTheLastBegan(t *testing.T) {
	t.Parallel()
	s := sweep{back: time.Hour, every: sweepEvery, span: time.Hour}
	for _, tc := range []struct {
		after time.Duration
		due   bool
	}{
		{0, true}, {time.Second, false}, {15*time.Minute - time.Nanosecond, false}, {15 * time.Minute, true},
		{29 * time.Minute, false}, {31 * time.Minute, true}, {45 * time.Minute, false}, {46 * time.Minute, true},
	} {
		_, due := s.chunk(noon.Add(tc.after))
		if due != tc.due {
			t.Errorf("a chunk is due after %v: %v, want %v", tc.after, due, tc.due)
		}
		if due {
			s.done()
		}
	}
}

// TestAChunkThatCouldNotBeReadIsAskedForAgain: it is done when it is said to be.
func TestAChunkThatCouldNotBeReadIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := sweep{back: 24 * time.Hour, every: sweepEvery, span: time.Hour}
	first, _ := s.chunk(noon)
	again, due := s.chunk(noon.Add(time.Hour))
	if !due || again != first {
		t.Errorf("after %v, %v is due (%v), want the same", first, again, due)
	}
	s.done()
	if next, _ := s.chunk(noon.Add(time.Hour)); !next.To.Equal(first.From) {
		t.Errorf("after %v is done, %v is due, want what lies before it", first, next)
	}
}

// TestBothStretchesAreReadInTurns: neither keeps the other from being read, however long one chunk takes.
func TestBothStretchesAreReadInTurns(t *testing.T) {
	t.Parallel()
	s := newSweeps(24*time.Hour, 6*time.Hour, noon, 0)
	read := map[time.Duration]int{}
	now := noon
	for range 200 { // a chunk takes two minutes: never is everything read in time
		w, done, due := s.chunk(now)
		if !due {
			now = s.due()
			continue
		}
		read[w.To.Sub(w.From)]++
		now = now.Add(2 * time.Minute)
		done()
	}
	if whole, recent := read[6*time.Hour], read[lately]; whole < 60 || recent < 60 {
		t.Errorf("%d chunks of the whole look-back were read and %d of what began lately", whole, recent)
	}
}

func TestWindowsThatTouchAreMadeOne(t *testing.T) {
	t.Parallel()
	w := func(from, to int) Window {
		return Window{noon.Add(time.Duration(from) * time.Minute), noon.Add(time.Duration(to) * time.Minute)}
	}
	for name, tc := range map[string]struct{ in, want []Window }{
		"none":              {nil, nil},
		"one":               {[]Window{w(0, 1)}, []Window{w(0, 1)}},
		"two apart":         {[]Window{w(0, 1), w(3, 4)}, []Window{w(3, 4), w(0, 1)}},
		"two that touch":    {[]Window{w(0, 1), w(1, 2)}, []Window{w(0, 2)}},
		"two that overlap":  {[]Window{w(1, 3), w(0, 2)}, []Window{w(0, 3)}},
		"one in another":    {[]Window{w(1, 2), w(0, 3)}, []Window{w(0, 3)}},
		"a chain":           {[]Window{w(4, 6), w(0, 2), w(2, 4)}, []Window{w(0, 6)}},
		"two, one apart":    {[]Window{w(0, 2), w(9, 10), w(1, 4)}, []Window{w(9, 10), w(0, 4)}},
		"the same, doubled": {[]Window{w(0, 2), w(0, 2)}, []Window{w(0, 2)}},
	} {
		t.Run(name, func(t *testing.T) {
			got := merged(tc.in)
			if len(got) != len(tc.want) {
				t.Fatalf("merged to %v, want %v", got, tc.want)
			}
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("merged to %v, want %v", got, tc.want)
				}
			}
		})
	}
}
