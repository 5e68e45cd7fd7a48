package score

import (
	"slices"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest/pbxsim"
)

// Options say under which conditions the events came about. A zero field stands for the default named beside it.
type Options struct {
	Since     time.Time     // when callbus first looked at the PBX. Calls that ended before are not expected; always when zero
	Until     time.Time     // when the events were read; required
	Grace     time.Duration // how long after the fact an event may take before it counts as left out; 15 s
	Look      time.Duration // how long after Since calls end of which nothing may be known; Grace
	Reread    time.Duration // how long it may take until a change of an old record is seen; 20 min
	Tolerance time.Duration // how far a time may be from the true one; 2 s
	Skew      time.Duration // how far the PBX's clock is ahead: a time may be told in either
	// RecordsOnly says that the vendor shows no active calls: that a call began is known with its record, not before.
	RecordsOnly bool
	SeenAfter   time.Duration // how long a call must last to be sure of a poll; 3 s
	List        int           // how many discrepancies are kept; 20
}

func (o Options) withDefaults() Options {
	orDefault(&o.Grace, 15*time.Second)
	orDefault(&o.Look, o.Grace)
	orDefault(&o.Reread, 20*time.Minute)
	orDefault(&o.Tolerance, 2*time.Second)
	orDefault(&o.SeenAfter, 3*time.Second)
	orDefault(&o.List, 20)
	return o
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Of scores published, the events of one account in stream order, against the truth of every call that began up to
// o.Until. Events that are about no call are passed over.
func Of(truth []pbxsim.Truth, published []events.Event, o Options) Report {
	o = o.withDefaults()
	j := &judge{o: o, report: newReport()}
	stories := tell(published)
	match(truth, stories, o)
	byTruth := map[*pbxsim.Truth]*story{}
	for _, s := range stories {
		switch {
		case s.truth == nil:
			j.madeUp(s)
		case s.double:
			j.doubled(s)
		default:
			byTruth[s.truth] = s
		}
	}
	for i := range truth {
		j.call(&truth[i], byTruth[&truth[i]])
	}
	j.report.Latency = summarise(j.latencies)
	return j.report
}

// story is what was published of one call.
type story struct {
	id     string
	events []events.Event
	calls  []events.Call // the data of events

	truth  *pbxsim.Truth // nil when it is about no true call
	double bool          // another story is about the same call
}

func (s *story) last() events.Call { return s.calls[len(s.calls)-1] }

// first returns the position of the first event of type t, or -1.
func (s *story) first(t events.Type) int {
	if s == nil {
		return -1
	}
	return slices.IndexFunc(s.events, func(e events.Event) bool { return e.Type == t })
}

// tell sorts events by the call they are about, in order of first mention.
func tell(published []events.Event) []*story {
	var stories []*story
	byID := map[string]*story{}
	for _, e := range published {
		c, ok := e.Call()
		if !ok || !slices.Contains(types, e.Type) {
			continue
		}
		s := byID[c.CallID]
		if s == nil {
			s = &story{id: c.CallID}
			byID[c.CallID] = s
			stories = append(stories, s)
		}
		s.events, s.calls = append(s.events, e), append(s.calls, c)
	}
	return stories
}
