package sinks

import "time"

// CircuitState says whether a pump sends.
type CircuitState string

const (
	// Closed: events are sent as they come.
	Closed CircuitState = "closed"
	// Open: nothing is sent before a moment, because the endpoint fails, or asked for a pause.
	Open CircuitState = "open"
	// Half: one event is sent, to see whether the endpoint is back.
	Half CircuitState = "half-open"
	// Disabled: nothing is sent until somebody enables the sink.
	Disabled CircuitState = "disabled"
)

// circuit decides when an endpoint is left alone, and for how long. It is a value: each method returns what becomes of it,
// reads no clock and does nothing else. It is kept in the backlog's state, so that a restart does not ask an endpoint that
// is down, or wants its peace, any sooner.
//
//	         enough events fail in a row, or what every event would meet
//	┌──────┐ ──────────────────────────> ┌──────┐ <── the probe fails: twice as long
//	│closed│                             │ open │ ──────────────────────> ┌─────────┐
//	└──────┘ <── the probe is delivered, └──────┘   the time is over      │half-open│
//	             one at a time at first ────────────────────────────────  └─────────┘
//	any ── gone, or paused by hand ──> disabled ── enabled by hand ──> closed
type circuit struct {
	State  CircuitState `json:"state"`
	Fault  Fault        `json:"fault,omitempty"` // what opened it
	Step   int          `json:"step,omitempty"`  // how often in a row it was opened anew
	Until  time.Time    `json:"until,omitzero"`
	Since  time.Time    `json:"since,omitzero"` // when the outage began; of a closed one, when it ended
	Reason string       `json:"reason,omitempty"`
	Told   time.Time    `json:"told,omitzero"` // when somebody was last told of this outage
}

// longestPause is the longest that an endpoint may ask to be left alone.
const longestPause = 7 * 24 * time.Hour

// failed returns the circuit after a failure. enough says that this was one of several different events in a row, so that
// it is the endpoint's failure, and what that means.
func (c circuit) failed(now time.Time, e *Error, enough Fault) circuit {
	switch {
	case c.State == Disabled:
		return c
	case e.Fault == Gone:
		return circuit{State: Disabled, Fault: Gone, Since: now, Reason: e.Error()}
	case e.Fault == OfEndpoint:
		c = c.opened(now, OfEndpoint, e.Error())
	case e.Fault == Pause && e.After <= 0: // it does not say how long
		c = c.opened(now, Pause, e.Error())
	case e.Fault == Pause:
		return c.paused(now, e)
	case c.State == Half && e.Fault == OfEvent && c.Fault != OfEvent:
		c = c.closed(now) // it answers again: that it does not want this one is about this one
	case c.State == Half:
		c = c.opened(now, c.faultOfProbe(), e.Error())
	case enough != "":
		c = c.opened(now, enough, e.Error())
	}
	if e.After > 0 {
		return c.paused(now, e)
	}
	return c
}

// faultOfProbe is what a failed probe says: what was wrong before, unless that was a pause.
func (c circuit) faultOfProbe() Fault {
	if c.Fault == Pause {
		return Passing
	}
	return c.Fault
}

// opened returns the circuit when the endpoint fails.
func (c circuit) opened(now time.Time, f Fault, why string) circuit {
	switch {
	case c.State == Open: // the failure of what was under way when it opened
		if c.Fault != OfEndpoint && f == OfEndpoint {
			c.Fault, c.Reason, c.Until = f, why, later(c.Until, now.Add(probeAfter(f, 0)))
		}
		return c
	case c.State == Half && (c.Fault != Pause || f == Pause), c.State == Closed && c.soon(now):
		c.Step++
	default:
		c.Step = 0
	}
	if c.State == Closed || c.Fault == Pause {
		c.Since, c.Told = now, time.Time{}
	}
	c.State, c.Fault, c.Reason, c.Until = Open, f, why, now.Add(probeAfter(f, c.Step))
	return c
}

// soon tells whether a circuit that is closed was so for less than it was last open: an endpoint that comes and goes is
// not asked more often than one that stays away.
func (c circuit) soon(now time.Time) bool {
	return c.Fault != "" && now.Sub(c.Since) < probeAfter(c.Fault, c.Step)
}

// paused returns the circuit when the endpoint asks to be left alone for e.After, which is no outage.
func (c circuit) paused(now time.Time, e *Error) circuit {
	until := now.Add(min(e.After, longestPause))
	if c.State == Open {
		c.Until = later(c.Until, until)
		return c
	}
	return circuit{State: Open, Fault: Pause, Since: now, Until: until, Reason: e.Error()}
}

// closed returns the circuit when the endpoint took an event. One that was sent before the circuit opened says nothing of
// what came after.
func (c circuit) closed(now time.Time) circuit {
	if c.State != Half {
		return c
	}
	return circuit{State: Closed, Fault: c.Fault, Step: c.Step, Since: now}
}

// due returns the circuit half-open when its time has come.
func (c circuit) due(now time.Time) circuit {
	if c.State == Open && !now.Before(c.Until) {
		c.State = Half
	}
	return c
}

// isOutage tells whether the endpoint fails, as opposed to resting.
func (c circuit) isOutage() bool {
	return (c.State == Open || c.State == Half) && c.Fault != Pause
}

// probeAfter is how long an endpoint is left alone the step-th time in a row. What somebody must mend is asked for less.
func probeAfter(f Fault, step int) time.Duration {
	const slowest = 15 * time.Minute
	if f == OfEndpoint || f == OfEvent {
		return min(30*time.Second<<min(step, 10), slowest)
	}
	if d := 5 * time.Second << min(step, 10); d < 5*time.Minute {
		return d
	} else if d < 10*time.Minute {
		return 5 * time.Minute
	}
	return slowest
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
