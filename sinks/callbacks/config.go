package callbacks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events/setting"
	"github.com/callbus/callbus/sinks/callbacks/hours"
)

// Config is what a sink of this kind is told.
type Config struct {
	After    Durations     `env:"AFTER, default=15m,1h,4h"` // of business time since the first missed call: when reminders fall due
	Hours    string        `env:"HOURS, default=Mon-Sun 00:00-24:00"`
	Timezone string        `env:"TIMEZONE"` // of HOURS and HOLIDAYS; UTC if it is empty
	Holidays string        `env:"HOLIDAYS"`
	Grace    time.Duration `env:"GRACE, default=60s"`    // how long a missed call stands before anything is told
	MaxAge   time.Duration `env:"MAX_AGE, default=72h"`  // after the last missed call, when it is too late
	Scope    Scope         `env:"SCOPE, default=number"` // what one obligation is kept for
}

// Scope is what one obligation to call back is kept for.
type Scope string

const (
	PerNumber Scope = "number"
	PerQueue  Scope = "number+queue" // a caller who was missed in two queues is owed two calls
)

// Bounds of the settings: beyond them, it is a slip.
const (
	mostSteps     = 20
	longestGrace  = 24 * time.Hour
	longestMaxAge = 90 * 24 * time.Hour
)

// Durations are several durations.
type Durations []time.Duration

// UnmarshalText reads durations that are parted by commas.
func (d *Durations) UnmarshalText(text []byte) error {
	*d = nil
	for part := range strings.SplitSeq(string(text), ",") {
		one, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil {
			return fmt.Errorf("%s is no duration; durations such as 15m,1h,4h are accepted", setting.Quote(part))
		}
		*d = append(*d, one)
	}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (d Durations) MarshalText() ([]byte, error) {
	var all []string
	for _, one := range d {
		all = append(all, one.String())
	}
	return []byte(strings.Join(all, ",")), nil
}

// Validate returns every fault of c, each by the name of its variable.
func (c Config) Validate() error {
	_, hoursErr := c.calendar()
	return errors.Join(setting.Fault("AFTER", c.checkAfter()), setting.Fault("GRACE", c.checkGrace()), setting.Fault("MAX_AGE", c.checkMaxAge()), setting.Fault("SCOPE", c.checkScope()), hoursErr)
}

func (c Config) calendar() (hours.Calendar, error) {
	return hours.Parse(c.Hours, c.Timezone, c.Holidays)
}

func (c Config) checkAfter() error {
	const accepted = "durations that grow, such as 15m,1h,4h, are accepted"
	switch {
	case len(c.After) == 0:
		return errors.New("names no duration: nobody would ever be reminded; " + accepted)
	case len(c.After) > mostSteps:
		return fmt.Errorf("has %d steps; at most %d are accepted", len(c.After), mostSteps)
	case c.After[0] < 0 || !slices.IsSorted(c.After) || len(slices.Compact(slices.Clone(c.After))) < len(c.After):
		return errors.New("has a step that is negative, or no later than the one before it; " + accepted)
	}
	return nil
}

func (c Config) checkGrace() error {
	if c.Grace < 0 || c.Grace > longestGrace {
		return fmt.Errorf("%s is out of bounds; a duration such as 60s is accepted, at most %s", c.Grace, longestGrace)
	}
	return nil
}

func (c Config) checkMaxAge() error {
	if c.MaxAge <= c.Grace || c.MaxAge > longestMaxAge {
		return fmt.Errorf("%s is out of bounds; a duration such as 72h is accepted, longer than GRACE and at most %s", c.MaxAge, longestMaxAge)
	}
	return nil
}

func (c Config) checkScope() error {
	if c.Scope != PerNumber && c.Scope != PerQueue {
		return fmt.Errorf("%s is no scope; %s and %s are accepted", setting.Quote(string(c.Scope)), PerNumber, PerQueue)
	}
	return nil
}

// Rules returns the rules of the sink of that name. The Config must be valid.
func (c Config) Rules(sink string) (Rules, error) {
	calendar, err := c.calendar()
	if err != nil {
		return Rules{}, err
	}
	r := Rules{Sink: sink, After: c.After, Grace: c.Grace, MaxAge: c.MaxAge, ByQueue: c.Scope == PerQueue, Hours: calendar}
	r.key = r.Key()
	return r, nil
}
