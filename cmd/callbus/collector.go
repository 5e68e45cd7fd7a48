package main

import (
	"slices"

	dto "github.com/prometheus/client_model/go"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// accountFamilies returns the metrics of all accounts, which are in order, from how their workers are doing and from what is
// left of their budgets. What an account had goes with it. Labels are account names and words of callbus: never a number of a
// caller. There are some 25 series of an account, and no histogram.
func accountFamilies(all []ingest.Status, remaining map[string]int) (families []*dto.MetricFamily) {
	m := newAccountMetrics()
	for i := range all {
		s := &all[i]
		m.account = labelPair("account", s.Account)
		m.collect(s)
		if n, ok := remaining[s.Account]; ok {
			m.show(&m.budget, float64(n))
		}
	}
	for _, f := range m.families() {
		if len(f.Metric) > 0 {
			families = append(families, &f.MetricFamily)
		}
	}
	return families
}

// ingestTypes are the types that workers publish.
var ingestTypes = []events.Type{
	events.CallStarted, events.CallAnswered, events.CallEnded, events.CallMissed, events.CallAmended, events.GapOpened, events.GapClosed,
}

func (m *accountMetrics) collect(s *ingest.Status) {
	for _, list := range s.Lists {
		m.collectList(s, list)
	}
	for _, typ := range ingestTypes {
		m.show(&m.events, float64(s.Events[typ]), m.word("type", string(typ)))
	}
	m.show(&m.amended, float64(s.Tally.Amended))
	m.show(&m.quarantined, float64(s.Quarantined))
	m.show(&m.live, float64(s.Live))
	m.show(&m.provisional, float64(s.Tally.Provisional))
	m.show(&m.records, float64(s.Tally.Joined), m.word("call", "joined"))
	m.show(&m.records, float64(s.Tally.RecordOnly), m.word("call", "unseen"))
	if slices.Contains(s.Lists, events.ActiveCalls) { // else nothing is said of a call before its record
		for finding, n := range s.Tally.Audit {
			m.show(&m.audit, float64(n), m.word("finding", ingest.Finding(finding).String()))
		}
	}
}

func (m *accountMetrics) collectList(s *ingest.Status, name events.List) {
	list := m.word("list", string(name))
	m.show(&m.polls, float64(s.Polls[name]), list)
	m.show(&m.gaps, oneIf(s.GapOpen[name]), list)
	for _, reason := range []events.GapReason{events.GapRefused, events.GapBadReply, events.GapRateLimited, events.GapUnreachable} {
		if n := s.Failures[ingest.PollFailure{List: name, Reason: reason}]; n > 0 {
			m.show(&m.failures, float64(n), list, m.word("reason", string(reason)))
		}
	}
	if at, ok := s.Read[name]; ok {
		m.show(&m.read, float64(at.UnixMilli())/1000, list)
	}
}
