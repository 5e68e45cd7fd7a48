package sinks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// control is what somebody wants of a sink. It is kept beside the circuit, which only the pump writes.
type control struct {
	Paused bool      `json:"paused"`
	Why    string    `json:"why,omitempty"`
	At     time.Time `json:"at"`
}

// byHand is the fault of a circuit that somebody has disabled.
const byHand Fault = "by hand"

// A Keeper remembers for a sink; every Backlog is one.
type Keeper interface {
	SetState(ctx context.Context, key string, value []byte) error
}

// SetPaused asks the pump of the sink, in whatever process it runs, to send nothing until it is enabled. A pump that runs heeds it
// within lookEvery; what is under way is finished.
func SetPaused(ctx context.Context, k Keeper, why string) error {
	return setControl(ctx, k, control{Paused: true, Why: why, At: time.Now()})
}

// SetEnabled undoes SetPaused, and lets a sink be tried at once that the endpoint has put off, or that waits for its endpoint to
// come back.
func SetEnabled(ctx context.Context, k Keeper) error {
	return setControl(ctx, k, control{At: time.Now()})
}

func setControl(ctx context.Context, k Keeper, c control) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := k.SetState(ctx, controlKey, text); err != nil {
		return fmt.Errorf("keep that the sink is paused or enabled: %w", err)
	}
	return nil
}

// controlFrom reads what SetPaused and SetEnabled kept. What cannot be read pauses: who has paused a sink would be surprised to
// find it running.
func controlFrom(text []byte) control {
	var c control
	if len(text) == 0 {
		return c
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return control{Paused: true, Why: "what is kept of a pause cannot be read; enable the sink to go on"}
	}
	return c
}

// under returns the circuit as somebody wants it.
func (c circuit) under(now time.Time, want control) circuit {
	switch {
	case want.Paused && c.Fault != byHand:
		return circuit{State: Disabled, Fault: byHand, Since: now, Reason: "paused by hand: " + want.Why}
	case want.Paused || c.State == Closed:
		return c
	case c.Fault == byHand && c.State == Disabled, want.At.After(c.Since) && c.State != Half:
		return circuit{State: Open, Fault: Pause, Since: now, Until: now, Reason: "enabled by hand"}
	}
	return c
}

// circuitFrom reads what was kept of the circuit. What cannot be read is disabled: it may have been, because the endpoint
// wishes never to be sent anything again.
func circuitFrom(text []byte, now time.Time) circuit {
	if len(text) == 0 {
		return circuit{State: Closed}
	}
	var c circuit
	if err := json.Unmarshal(text, &c); err == nil {
		switch c.State {
		case Closed, Open, Disabled:
			return c
		case Half:
			c.State = Open
			return c
		}
	}
	return circuit{State: Disabled, Fault: Gone, Since: now, Reason: "what is kept of the sink's circuit cannot be read; enable it to go on"}
}
