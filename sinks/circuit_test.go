package sinks

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func failure(f Fault, after time.Duration) *Error {
	return &Error{Fault: f, After: after, Err: errors.New("no")}
}

func TestWhatAFailureMakesOfACircuit(t *testing.T) {
	t.Parallel()
	probing := func(f Fault, step int) circuit {
		return circuit{State: Half, Fault: f, Step: step, Since: noon.Add(-time.Hour), Until: noon}
	}
	for name, tc := range map[string]struct {
		from   circuit
		e      *Error
		enough Fault
		state  CircuitState
		fault  Fault
		wait   time.Duration
	}{
		"one failure that may pass changes nothing":               {circuit{State: Closed}, failure(Passing, 0), "", Closed, "", 0},
		"one refused event changes nothing":                       {circuit{State: Closed}, failure(OfEvent, 0), "", Closed, "", 0},
		"several events that fail open it":                        {circuit{State: Closed}, failure(Passing, 0), Passing, Open, Passing, 5 * time.Second},
		"several that are refused open it for longer":             {circuit{State: Closed}, failure(OfEvent, 0), OfEvent, Open, OfEvent, 30 * time.Second},
		"what every event would meet opens it at once":            {circuit{State: Closed}, failure(OfEndpoint, 0), "", Open, OfEndpoint, 30 * time.Second},
		"a pause opens it as long as is asked":                    {circuit{State: Closed}, failure(Pause, time.Hour), "", Open, Pause, time.Hour},
		"a pause of unknown length is short":                      {circuit{State: Closed}, failure(Pause, 0), "", Open, Pause, 5 * time.Second},
		"a pause of no sensible length is cut":                    {circuit{State: Closed}, failure(Pause, 1<<63-1), "", Open, Pause, longestPause},
		"a negative pause is none":                                {circuit{State: Closed}, failure(Pause, -1), "", Open, Pause, 5 * time.Second},
		"any failure can ask for a pause":                         {circuit{State: Closed}, failure(OfEvent, time.Minute), "", Open, Pause, time.Minute},
		"gone disables":                                           {circuit{State: Closed}, failure(Gone, 0), "", Disabled, Gone, -1},
		"gone disables also while it is open":                     {circuit{State: Open, Fault: Passing}, failure(Gone, 0), "", Disabled, Gone, -1},
		"nothing changes what is disabled":                        {circuit{State: Disabled, Fault: Gone}, failure(OfEndpoint, 0), "", Disabled, Gone, -1},
		"a probe that fails doubles the wait":                     {probing(Passing, 0), failure(Passing, 0), "", Open, Passing, 10 * time.Second},
		"a probe that fails later waits five minutes":             {probing(Passing, 5), failure(Passing, 0), "", Open, Passing, 5 * time.Minute},
		"a probe that fails often waits a quarter of an hour":     {probing(Passing, 100), failure(Passing, 0), "", Open, Passing, 15 * time.Minute},
		"so does one of what somebody must mend":                  {probing(OfEndpoint, 100), failure(OfEndpoint, 0), "", Open, OfEndpoint, 15 * time.Minute},
		"a probe that is refused shows that the endpoint is back": {probing(Passing, 3), failure(OfEvent, 0), "", Closed, Passing, -1},
		"but not when it refused all":                             {probing(OfEvent, 0), failure(OfEvent, 0), "", Open, OfEvent, time.Minute},
		"a probe that fails after a pause begins an outage":       {probing(Pause, 0), failure(Passing, 0), "", Open, Passing, 5 * time.Second},
		"an endpoint that does not say how long is asked less":    {probing(Pause, 0), failure(Pause, 0), "", Open, Pause, 10 * time.Second},
		"what was under way as it opened does not count":          {circuit{State: Open, Fault: Passing, Until: noon.Add(5 * time.Second)}, failure(Passing, 0), "", Open, Passing, 5 * time.Second},
		"but it may ask for a pause":                              {circuit{State: Open, Fault: Passing, Until: noon}, failure(Pause, time.Hour), "", Open, Passing, time.Hour},
		"and may tell that somebody must mend it":                 {circuit{State: Open, Fault: Passing, Until: noon}, failure(OfEndpoint, 0), "", Open, OfEndpoint, 30 * time.Second},
		"one that fails again soon is asked less":                 {circuit{State: Closed, Fault: Passing, Step: 2, Since: noon.Add(-time.Second)}, failure(Passing, 0), Passing, Open, Passing, 40 * time.Second},
		"one that fails again after long is asked soon":           {circuit{State: Closed, Fault: Passing, Step: 2, Since: noon.Add(-time.Minute)}, failure(Passing, 0), Passing, Open, Passing, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tc.from.failed(noon, tc.e, tc.enough)
			if got.State != tc.state || got.Fault != tc.fault || tc.state == Open && got.Until.Sub(noon) != tc.wait {
				t.Errorf("%s of %s for %s, want %s of %s for %s", got.State, got.Fault, got.Until.Sub(noon), tc.state, tc.fault, tc.wait)
			}
			if again := circuitFrom(got.text(), noon); !again.Until.Equal(got.Until) || again.State != got.State || again.Step != got.Step || !again.Since.Equal(got.Since) {
				t.Errorf("kept and read, %+v is %+v", got, again)
			}
		})
	}
}

func TestAKeptCircuitThatCannotBeReadIsDisabled(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{", `{"state":"ajar"}`, `[]`, `{"state":1}`} {
		if c := circuitFrom([]byte(text), noon); c.State != Disabled {
			t.Errorf("%s is %s", text, c.State)
		}
	}
	if c := circuitFrom(nil, noon); c.State != Closed {
		t.Errorf("nothing kept is %s", c.State)
	}
}

func TestNoEventIsSentEarlierThanAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, now, asked := circuit{State: Closed}, noon, time.Time{}
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "later")))
			if c = c.due(now); c.State == Half && now.Before(asked) {
				t.Fatalf("half-open %s early", asked.Sub(now))
			}
			if rapid.Bool().Draw(t, "delivered") {
				c = c.closed(now)
				continue
			}
			f := rapid.SampledFrom([]Fault{Passing, OfEvent, OfEndpoint, Pause}).Draw(t, "fault")
			after := time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "after"))
			c = c.failed(now, failure(f, after), rapid.SampledFrom([]Fault{"", f}).Draw(t, "enough"))
			if after > 0 && c.State != Closed {
				asked = later(asked, now.Add(after))
			}
			if after > 0 && c.State != Open {
				t.Fatalf("%s after a wish for a pause", c.State)
			}
		}
	})
}

func TestHowManyFailuresAreEnoughDependsOnHowManyAreUsual(t *testing.T) {
	t.Parallel()
	var s streak
	for seq := uint64(1); seq <= 2; seq++ {
		if s = s.with(seq, false); s.enough(0) != "" {
			t.Fatalf("%d are enough", seq)
		}
	}
	if s = s.with(2, false); s.enough(0) != "" {
		t.Error("one event that fails twice counts twice")
	}
	if s = s.with(3, true); s.enough(0) != Passing || s.enough(1) != "" {
		t.Error("three are not enough, or are while another is under way")
	}
	for i := range 200 { // every other fails
		s = s.delivered().with(uint64(i), true)
	}
	if n := s.delivered().needed(); n < 17 || n > 20 {
		t.Errorf("%d are needed of an endpoint that refuses half", n)
	}
	for range 300 {
		s = s.delivered()
	}
	if n := s.needed(); n != fewest {
		t.Errorf("%d are needed of an endpoint that takes all", n)
	}
}

// Lanes may have hardly anything to do, so that no delivery is under way that could end the streak.
func TestAnEndpointThatFailsNowAndThenHardlyEverLooksLikeOneThatIsDown(t *testing.T) {
	t.Parallel()
	const all = 200_000
	random := rand.New(rand.NewPCG(1, 2))
	for _, share := range []float64{0.005, 0.02, 0.05, 0.1, 0.2, 0.3} {
		var s streak
		outages := 0
		for seq := range uint64(all) {
			if random.Float64() >= share {
				s = s.delivered()
				continue
			}
			if s = s.with(seq, false); s.enough(0) != "" {
				outages++
				s.failed = s.failed[:0]
			}
		}
		t.Logf("%g of %d events fail: %d outages", share, all, outages)
		if outages > 3 {
			t.Errorf("%d outages of an endpoint that fails %g of the time", outages, share)
		}
	}
}

func TestWhatIsAboveFifteenSecondsIsUpToChance(t *testing.T) {
	t.Parallel()
	var sum time.Duration
	for n := range 20 {
		for seq := range uint64(500) {
			d := waitAfter("crm", seq, n+1)
			most := waits[min(n, len(waits)-1)]
			if d > most || d < min(most, shortWait) {
				t.Fatalf("attempt %d waits %s, want at most %s", n+1, d, most)
			}
			if d != waitAfter("crm", seq, n+1) {
				t.Fatal("the chance of one attempt is not always the same")
			}
			if n == 5 {
				sum += d / 500
			}
		}
	}
	if sum < 28*time.Minute || sum > 32*time.Minute {
		t.Errorf("an hour's wait is %s on average", sum)
	}
}

func TestABudgetRunsOnlyWhileOthersAreDelivered(t *testing.T) {
	t.Parallel()
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	b := budget{}.delivered(at(0))
	e := tries{}.failed(at(10), failure(Passing, 0), b, 1)
	if got := b.spent(e); got != 0 {
		t.Errorf("spent %s before another was delivered", got)
	}
	b = b.delivered(at(12))
	if got := b.spent(e); got != 2*time.Hour {
		t.Errorf("spent %s, want the two hours since it failed", got)
	}
	b = b.opened().delivered(at(50)).delivered(at(51))
	if got := b.spent(e); got != 3*time.Hour {
		t.Errorf("spent %s, want three hours: an outage is free", got)
	}
}

func FuzzEntry(f *testing.F) {
	c := &call{key: "acme.c1", away: []away{{seq: 3, kept: true}, {seq: 9, kept: true}}, next: noon}
	f.Add("acme.c1", entryOf(c, budget{}, nil))
	f.Add("x", []byte(`{"call":"x","waiting":[{"seq":2},{"seq":1},{"seq":1}]}`))
	f.Fuzz(func(t *testing.T, key string, text []byte) {
		c, err := callFrom(retryKey(key), text)
		if err != nil {
			return
		}
		again, err := callFrom(retryKey(key), entryOf(c, budget{}, nil))
		if err != nil || len(again.away) != len(c.away) || again.kept != c.kept || !again.next.Equal(c.next) {
			t.Fatalf("%s is read as %+v, and then as %+v, %v", text, c, again, err)
		}
	})
}
