package main

import dto "github.com/prometheus/client_model/go"

// accountMetrics are the metrics of accounts, as they are gathered account by account.
type accountMetrics struct {
	polls, failures, read, gaps, live, records, provisional, amended, quarantined, events, budget, audit family

	account *dto.LabelPair // whose turn it is
	words   map[[2]string]*dto.LabelPair
}

// family is all series of one metric.
type family struct{ dto.MetricFamily }

func newAccountMetrics() *accountMetrics {
	m := &accountMetrics{words: map[[2]string]*dto.LabelPair{}}
	m.polls.counts("callbus_polls_total", "Attempts to read a list of the vendor.")
	m.failures.counts("callbus_poll_failures_total", "Attempts that gave nothing, by why: unreachable, credentials, rate_limited, bad_reply; those that there were.")
	m.read.gauges("callbus_last_read_timestamp_seconds", "When the list was last read.")
	m.gaps.gauges("callbus_gaps_open", "1 while the list could not be read for so long that source.gap.opened was published.")
	m.live.gauges("callbus_live_calls", "Calls going on, as far as is known.")
	m.records.counts("callbus_records_total", "New records, by whether a snapshot had shown their call. Where joined stays 0 and calls are long, the join does not work.")
	m.provisional.counts("callbus_provisional_ends_total", "Calls that ended without a record in time.")
	m.amended.counts("callbus_amendments_total", "Amendments published.")
	m.quarantined.counts("callbus_quarantined_rows_total", "Rows that could not be understood and were put aside.")
	m.events.counts("callbus_events_total", "Events published, of calls and of gaps.")
	m.budget.gauges("callbus_request_budget_remaining", "Requests that an account with a RATE may make now.")
	m.audit.counts("callbus_audit_calls_total",
		"Calls by what their record said of what was published of them live: agreed; unseen; missed, outcome, parties or times were others; unrecorded: an hour later there was none.")
	return m
}

func (m *accountMetrics) families() []*family {
	return []*family{
		&m.polls, &m.failures, &m.read, &m.gaps, &m.live, &m.records, &m.provisional, &m.amended, &m.quarantined, &m.events, &m.budget, &m.audit,
	}
}

func (f *family) counts(name, help string) {
	f.Name, f.Help, f.Type = &name, &help, dto.MetricType_COUNTER.Enum()
}

func (f *family) gauges(name, help string) {
	f.Name, f.Help, f.Type = &name, &help, dto.MetricType_GAUGE.Enum()
}

// series is one series, in one piece: there may be hundreds of thousands.
type series struct {
	dto.Metric
	counter dto.Counter
	gauge   dto.Gauge
	labels  [3]*dto.LabelPair
	value   float64
}

// show adds the series of the account whose turn it is. Labels are in the order of their names, and all of them come after
// "account".
func (m *accountMetrics) show(f *family, v float64, more ...*dto.LabelPair) {
	s := &series{value: v, labels: [3]*dto.LabelPair{m.account}}
	s.Label = s.labels[:1+copy(s.labels[1:], more)]
	if f.GetType() == dto.MetricType_COUNTER {
		s.counter.Value, s.Counter = &s.value, &s.counter
	} else {
		s.gauge.Value, s.Gauge = &s.value, &s.gauge
	}
	f.Metric = append(f.Metric, &s.Metric)
}

// word returns a label that many series share.
func (m *accountMetrics) word(name, value string) *dto.LabelPair {
	key := [2]string{name, value}
	if m.words[key] == nil {
		m.words[key] = labelPair(name, value)
	}
	return m.words[key]
}

func labelPair(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }
