package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/events/stream"
	"github.com/callbus/callbus/sinks"
)

// SinkConfig is one sink: what it is to deliver, and where to.
type SinkConfig struct {
	Name        string
	Kind        string
	Types       TypePatterns
	Accounts    Names // all when empty
	Start       Start
	Concurrency int
	Config      sinkConfig // of its kind
}

// sinkVariables are the variables of a sink that every kind has.
type sinkVariables struct {
	Kind        string       `env:"KIND"`
	Types       TypePatterns `env:"TYPES, default=call.*"`
	Accounts    Names        `env:"ACCOUNTS"`
	Start       Start        `env:"START, default=new"`
	Concurrency int          `env:"CONCURRENCY, default=8"`
}

// sinkKind is what the settings need to know of a kind of sink: its name and how to make its empty Config.
type sinkKind struct {
	name   string
	config func() sinkConfig
}

// sinkConfig is the Config of one kind of sink, on its way from variables to an open sink.
type sinkConfig interface {
	Target() any     // a pointer to the kind's own struct, with its env tags
	Validate() error // every fault, joined, each beginning with its variable's suffix
	Open(ctx context.Context, at sinkPlace) (sinks.Sink, error)
	GiveUpAfter() time.Duration // 0: the pump's own
	Needs() []events.Type       // what it cannot do without
}

// sinkPlace is where a sink is opened: its name, and what it may work with.
type sinkPlace struct {
	name string
	bus  *stream.Bus
	log  *slog.Logger
}

// sinkOpener opens a sink of one kind.
type sinkOpener[C any] func(ctx context.Context, at sinkPlace, c C) (sinks.Sink, error)

// sinkKindOf makes a kind of what its package exports.
func sinkKindOf[C interface{ Validate() error }](name string, open sinkOpener[C], giveUp func(C) time.Duration, needs ...events.Type) sinkKind {
	return sinkKind{name: name, config: func() sinkConfig { return &kindConfig[C]{open: open, giveUp: giveUp, needs: needs} }}
}

type kindConfig[C interface{ Validate() error }] struct {
	Config C
	open   sinkOpener[C]
	giveUp func(C) time.Duration
	needs  []events.Type
}

func (k *kindConfig[C]) Target() any                { return &k.Config }
func (k *kindConfig[C]) Validate() error            { return k.Config.Validate() }
func (k *kindConfig[C]) GiveUpAfter() time.Duration { return k.giveUp(k.Config) }
func (k *kindConfig[C]) Needs() []events.Type       { return k.needs }

func (k *kindConfig[C]) Open(ctx context.Context, at sinkPlace) (sinks.Sink, error) {
	return k.open(ctx, at, k.Config)
}

// Format prints the Config, whatever verb is asked for, without the secrets in it.
func (k *kindConfig[C]) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "%+v", k.Config) }

const mostLanes = 1024

// sinks reads every sink that is named.
func (r *reader) sinks(named Names, kinds []sinkKind) (all []SinkConfig, unjudged map[string]bool) {
	unjudged = map[string]bool{}
	for _, name := range named {
		s, ok := r.sink(name, kinds)
		if s.Config == nil {
			unjudged[name] = true
		}
		if ok {
			all = append(all, s)
		}
	}
	return all, unjudged
}

// sink reads the sink name. It is not ok when anything in it is wrong.
func (r *reader) sink(name string, kinds []sinkKind) (_ SinkConfig, ok bool) {
	owner, prefix, before := "sink "+name, sinkPrefix(name), len(r.faults)
	var v sinkVariables
	r.read(owner, prefix, &v)
	s := SinkConfig{Name: name, Kind: v.Kind, Types: v.Types, Accounts: v.Accounts, Start: v.Start, Concurrency: v.Concurrency}
	if s.Config = r.kind(prefix+"KIND", v.Kind, kinds); s.Config == nil {
		return s, false
	}
	if v.Concurrency < 1 || v.Concurrency > mostLanes {
		r.check(prefix+"CONCURRENCY", refuse(fmt.Sprintf("1 to %d", mostLanes), "%d requests cannot be under way at once", v.Concurrency))
	}
	r.check(prefix+"TYPES", v.Types.suffice(v.Kind, s.Config.Needs()))
	r.read(owner, prefix, s.Config.Target())
	r.validate(prefix, s.Config.Validate())
	return s, len(r.faults) == before
}

func (r *reader) kind(variable, name string, kinds []sinkKind) sinkConfig {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		if names[i] = k.name; k.name == name {
			return k.config()
		}
	}
	switch name {
	case "":
		r.fault(variable, refuse(listed(names), "not set: it says what the sink does"))
	default:
		r.fault(variable, refuse(listed(names), "%s is not a kind of sink", quote(name)))
	}
	return nil
}

func sinkPrefix(name string) string { return settingPrefix + "SINK_" + inVariable(name) + "_" }

// TypePatterns are types of events, with a * at the end for any that begin so.
type TypePatterns []string

// UnmarshalText reads patterns that are parted by commas. Each has to match a type: a slip would deliver nothing for ever.
func (p *TypePatterns) UnmarshalText(text []byte) error {
	*p = nil
	for pattern := range strings.SplitSeq(string(text), ",") {
		pattern = strings.TrimSpace(pattern)
		if pattern == "" {
			continue
		}
		if !slices.ContainsFunc(events.Types(), func(t events.Type) bool { return matches(pattern, t) }) {
			return refuse(strings.Join(typeNames(), ", ")+", with a * at the end for all that begin so", "no event is of type %s", quote(pattern))
		}
		*p = append(*p, pattern)
	}
	if len(*p) == 0 {
		return errors.New("names no type")
	}
	return nil
}

// takes tells whether events of this type are among those that p stands for.
func (p TypePatterns) takes(t events.Type) bool {
	return slices.ContainsFunc(p, func(pattern string) bool { return matches(pattern, t) })
}

// suffice refuses patterns that leave out what a kind of sink cannot do without.
func (p TypePatterns) suffice(kind string, needs []events.Type) error {
	var missing []string
	for _, t := range needs {
		if !p.takes(t) {
			missing = append(missing, string(t))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return refuse("call.*, which is the default", "leaves out %s, which a sink of kind %s cannot do without", strings.Join(missing, ", "), kind)
}

// Start is where a sink that is new begins.
type Start struct {
	All  bool
	From time.Time // zero: with what is stored from now on
}

// UnmarshalText reads new, all, or a time.
func (s *Start) UnmarshalText(text []byte) error {
	switch word := string(text); word {
	case "new":
		*s = Start{}
	case "all":
		*s = Start{All: true}
	default:
		t, err := time.Parse(time.RFC3339, word)
		if err != nil {
			return refuse("new, all, or a time like 2026-03-01T09:00:00Z", "%s is none of them", quote(word))
		}
		*s = Start{From: t}
	}
	return nil
}
