package main

import (
	"slices"
)

// sinkKinds are the kinds that the documentation names. None is in this version.
var sinkKinds = []string{"webhook", "callbacks", "log"}

func sinkPrefix(name string) string { return settingPrefix + "SINK_" + inVariable(name) + "_" }

// sinks refuses every sink, each for its own reason: to run without the sinks that were asked for would lose what they
// are there for, without a word.
func (r *reader) sinks(named Names) {
	for _, name := range named {
		variable := sinkPrefix(name) + "KIND"
		switch kind := r.vars[variable]; {
		case kind == "":
			r.fault(variable, refuse(listed(sinkKinds), "not set: it says what the sink %s does", name))
		case !slices.Contains(sinkKinds, kind):
			r.fault(variable, refuse(listed(sinkKinds), "%s is not a kind of sink", quote(kind)))
		default:
			r.fault(variable, refuse("", "sinks come in a later version of callbus, %s with them; until then subscribe to the stream CALLBUS with any NATS client", kind))
		}
	}
}
