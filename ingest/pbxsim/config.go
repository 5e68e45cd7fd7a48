package pbxsim

import (
	"errors"
	"fmt"
	"time"
)

// Config says which world to invent. The zero Config is a small office on a Monday morning; a zero field stands for
// the default named beside it.
type Config struct {
	Seed       uint64
	Start      time.Time // no call begins before it; 2024-05-06 08:00:00 UTC
	Rate       float64   // fresh calls a minute, on average; 10. Redials and returned calls come on top
	Scale      float64   // how long calls last: 1 as in life (seconds to hours), 0.05 twenty times shorter; 1
	Extensions int       // telephones; 40
	Queues     int       // queues and ring groups, alternately; 4
	Trunks     int       // lines to the outside, each with a number of its own; 3
	Callers    int       // people outside, each with a number of +90 500 000 xxxx; 10,000
	Mix        Mix       // DefaultMix()
	Keep       time.Duration
	// Keep is how long calls are remembered after they ended; for ever when 0. A simulator that serves for weeks sets it.
}

// Mix says how common each kind of call is. The first group are weights beside one another, the others are chances
// between 0 and 1. To change one, change it in DefaultMix().
type Mix struct {
	Queue    float64 // inbound, to a queue, some by way of a menu
	Group    float64 // inbound, to a ring group: all members ring at once
	Direct   float64 // inbound, to one extension
	Fax      float64 // inbound, taken by the fax machine
	Outbound float64
	Internal float64

	Answered float64 // a person answers
	Busy     float64 // of those not answered, where the other side can be busy
	Failed   float64 // of those not answered, where the call can fail
	Menu     float64 // of calls to a queue: a menu picks up first
	Withheld float64 // of inbound calls: the caller hides the number
	Transfer float64 // of answered inbound calls: handed on to a colleague
	Short    float64 // 0.5 to 2 s from beginning to end, whatever Scale says: they fall between polls
	Long     float64 // of answered calls: hours
	Twin     float64 // another call begins at the same instant
	Redial   float64 // of calls that reached nobody: tried again within a minute of their end
	Returned float64 // of missed calls: somebody calls back
	Prompt   float64 // of these calls back: within seconds, often before the vendor's record of the missed call; 0
	Wander   float64 // of inbound calls that are tried again: of another queue or ring group; 0
}

// DefaultMix is an ordinary office with more trouble than most.
func DefaultMix() Mix {
	return Mix{
		Queue: 35, Group: 10, Direct: 15, Fax: 2, Outbound: 28, Internal: 10,
		Answered: 0.72, Busy: 0.2, Failed: 0.1, Menu: 0.4, Withheld: 0.06, Transfer: 0.08,
		Short: 0.06, Long: 0.005, Twin: 0.03, Redial: 0.3, Returned: 0.3,
	}
}

// limits keep invented names apart: extensions have three or four digits, queues are in 600 to 699, menus in 700.
const (
	maxExtensions = 8000
	maxQueues     = 50
	maxTrunks     = 50
	maxCallers    = 100_000
	maxRate       = 600_000
)

func (c Config) withDefaults() Config {
	if c.Start.IsZero() {
		c.Start = time.Date(2024, 5, 6, 8, 0, 0, 0, time.UTC)
	}
	orDefault(&c.Rate, 10)
	orDefault(&c.Scale, 1)
	orDefault(&c.Extensions, 40)
	orDefault(&c.Queues, 4)
	orDefault(&c.Trunks, 3)
	orDefault(&c.Callers, 10_000)
	orDefault(&c.Mix, DefaultMix())
	return c
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Validate returns everything that is wrong with c, joined, or nil.
func (c Config) Validate() error {
	c = c.withDefaults()
	return errors.Join(append([]error{
		within("Rate", c.Rate, 0, maxRate),
		within("Scale", c.Scale, 0, 1000),
		within("Extensions", float64(c.Extensions), 2, maxExtensions),
		within("Queues", float64(c.Queues), 1, maxQueues),
		within("Trunks", float64(c.Trunks), 1, maxTrunks),
		within("Callers", float64(c.Callers), 1, maxCallers),
		within("Keep", c.Keep.Seconds(), 0, float64(1<<40)),
	}, c.Mix.faults()...)...)
}

func (m Mix) faults() []error {
	return []error{
		within("Mix: the sum of the weights", m.Queue+m.Group+m.Direct+m.Fax+m.Outbound+m.Internal, 1e-9, 1e9),
		within("Mix: the least weight", min(m.Queue, m.Group, m.Direct, m.Fax, m.Outbound, m.Internal), 0, 1e9),
		within("Mix.Answered", m.Answered, 0, 1),
		within("Mix.Busy", m.Busy, 0, 1),
		within("Mix.Failed", m.Failed, 0, 1-m.Busy),
		within("Mix.Menu", m.Menu, 0, 1),
		within("Mix.Withheld", m.Withheld, 0, 1),
		within("Mix.Transfer", m.Transfer, 0, 1),
		within("Mix.Short", m.Short, 0, 1),
		within("Mix.Long", m.Long, 0, 1),
		within("Mix.Twin", m.Twin, 0, 0.9), // each twin may have another
		within("Mix.Redial", m.Redial, 0, 1),
		within("Mix.Returned", m.Returned, 0, 1),
		within("Mix.Prompt", m.Prompt, 0, 1),
		within("Mix.Wander", m.Wander, 0, 1),
	}
}

func within(name string, v, least, most float64) error {
	if v >= least && v <= most {
		return nil
	}
	return fmt.Errorf("%s: %v is not between %v and %v", name, v, least, most)
}

// Span is a range of durations, both ends included.
type Span struct{ Min, Max time.Duration }

// orderly is the error of a Span that is negative or turned around.
func (s Span) orderly(name string) error {
	if s.Min >= 0 && s.Max >= s.Min {
		return nil
	}
	return fmt.Errorf("%s: %s to %s is no span of time", name, s.Min, s.Max)
}
