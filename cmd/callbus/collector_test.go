package main

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
)

// idle is a vendor without calls.
type idle struct{}

func (idle) ActiveCalls(context.Context) (ingest.Snapshot, error) {
	return ingest.Snapshot{Asked: time.Now(), At: time.Now()}, nil
}

func (idle) CDRs(_ context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	return func(yield func(ingest.Page, error) bool) {
		yield(ingest.Page{Asked: time.Now(), At: time.Now(), Window: w}, nil)
	}
}

func (idle) RecordKey(events.Call) string { return "" }
func (idle) Span() time.Duration          { return 0 }

// histogramOf returns what a histogram has taken in.
func histogramOf(t *testing.T, o prometheus.Observer) *dto.Histogram {
	t.Helper()
	var m dto.Metric
	if err := o.(prometheus.Metric).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetHistogram()
}

// busyStatus is of an account to which everything has happened.
func busyStatus(name string, lists ...events.List) ingest.Status {
	s := ingest.Status{
		Account: name, Provider: "telsam", Lists: lists, Live: 3, Quarantined: 4,
		Read: map[events.List]time.Time{}, Polls: map[events.List]int{}, GapOpen: map[events.List]bool{events.CDRs: true},
		Failures: map[ingest.PollFailure]int{{List: events.CDRs, Reason: events.GapBadReply}: 7}, Events: map[events.Type]int{events.CallMissed: 5},
		Tally: ingest.Tally{Joined: 1, RecordOnly: 2, Provisional: 6, Amended: 8},
	}
	s.Tally.Audit[ingest.WrongMissed] = 9
	for _, l := range lists {
		s.Read[l], s.Polls[l] = noon, 11
	}
	return s
}

// gathered returns what was gathered as a Gatherer that checks it as a registry does, and sorts it.
func gathered(all []*dto.MetricFamily) prometheus.Gatherer {
	return prometheus.Gatherers{prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return all, nil })}
}

func TestTheMetricsOfAnAccount(t *testing.T) {
	t.Parallel()
	all := gathered(accountFamilies([]ingest.Status{busyStatus("acme", events.CDRs)}, map[string]int{"acme": 2, "dropped": 4}))
	want := `
# HELP callbus_amendments_total Amendments published.
# TYPE callbus_amendments_total counter
callbus_amendments_total{account="acme"} 8
# HELP callbus_events_total Events published, of calls and of gaps.
# TYPE callbus_events_total counter
callbus_events_total{account="acme",type="call.amended"} 0
callbus_events_total{account="acme",type="call.answered"} 0
callbus_events_total{account="acme",type="call.ended"} 0
callbus_events_total{account="acme",type="call.missed"} 5
callbus_events_total{account="acme",type="call.started"} 0
callbus_events_total{account="acme",type="source.gap.closed"} 0
callbus_events_total{account="acme",type="source.gap.opened"} 0
# HELP callbus_gaps_open 1 while the list could not be read for so long that source.gap.opened was published.
# TYPE callbus_gaps_open gauge
callbus_gaps_open{account="acme",list="cdrs"} 1
# HELP callbus_last_read_timestamp_seconds When the list was last read.
# TYPE callbus_last_read_timestamp_seconds gauge
callbus_last_read_timestamp_seconds{account="acme",list="cdrs"} ` + fmt.Sprint(float64(noon.Unix())) + `
# HELP callbus_live_calls Calls going on, as far as is known.
# TYPE callbus_live_calls gauge
callbus_live_calls{account="acme"} 3
# HELP callbus_poll_failures_total Attempts that gave nothing, by why: unreachable, credentials, rate_limited, bad_reply; those that there were.
# TYPE callbus_poll_failures_total counter
callbus_poll_failures_total{account="acme",list="cdrs",reason="bad_reply"} 7
# HELP callbus_polls_total Attempts to read a list of the vendor.
# TYPE callbus_polls_total counter
callbus_polls_total{account="acme",list="cdrs"} 11
# HELP callbus_provisional_ends_total Calls that ended without a record in time.
# TYPE callbus_provisional_ends_total counter
callbus_provisional_ends_total{account="acme"} 6
# HELP callbus_quarantined_rows_total Rows that could not be understood and were put aside.
# TYPE callbus_quarantined_rows_total counter
callbus_quarantined_rows_total{account="acme"} 4
# HELP callbus_records_total New records, by whether a snapshot had shown their call. Where joined stays 0 and calls are long, the join does not work.
# TYPE callbus_records_total counter
callbus_records_total{account="acme",call="joined"} 1
callbus_records_total{account="acme",call="unseen"} 2
# HELP callbus_request_budget_remaining Requests that an account with a RATE may make now.
# TYPE callbus_request_budget_remaining gauge
callbus_request_budget_remaining{account="acme"} 2
`
	if err := testutil.GatherAndCompare(all, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	lists := accountFamilies([]ingest.Status{busyStatus("acme", events.ActiveCalls, events.CDRs)}, nil)
	audit := `
# HELP callbus_audit_calls_total Calls by what their record said of what was published of them live: agreed; unseen; missed, outcome, parties or times were others; unrecorded: an hour later there was none.
# TYPE callbus_audit_calls_total counter
callbus_audit_calls_total{account="acme",finding="agreed"} 0
callbus_audit_calls_total{account="acme",finding="missed"} 9
callbus_audit_calls_total{account="acme",finding="outcome"} 0
callbus_audit_calls_total{account="acme",finding="parties"} 0
callbus_audit_calls_total{account="acme",finding="times"} 0
callbus_audit_calls_total{account="acme",finding="unrecorded"} 0
callbus_audit_calls_total{account="acme",finding="unseen"} 0
`
	if err := testutil.GatherAndCompare(gathered(lists), strings.NewReader(audit), "callbus_audit_calls_total"); err != nil {
		t.Errorf("an account that lists active calls: %v", err)
	}
}

// TestOneAccountHasFewSeries: there may be 10,000 accounts.
func TestOneAccountHasFewSeries(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status ingest.Status
		most   int
	}{
		{busyStatus("acme", events.ActiveCalls, events.CDRs), 28},
		{busyStatus("acme", events.CDRs), 19},
	} {
		n := 0
		for _, f := range accountFamilies([]ingest.Status{tc.status}, map[string]int{"acme": 1}) {
			n += len(f.Metric)
		}
		if n > tc.most {
			t.Errorf("%d lists make %d series, want at most %d", len(tc.status.Lists), n, tc.most)
		}
	}
}

// TestAnAccountThatIsDroppedIsNoLongerShown, and a process that starts shows none.
func TestAnAccountThatIsDroppedIsNoLongerShown(t *testing.T) {
	t.Parallel()
	m := newMeters(&health{log: quiet()})
	shown := func() string { _, _, body := get(t, httpHandler(probes{}, m), "/metrics"); return body }
	if body := shown(); !strings.Contains(body, "callbus_ready 0\n") || !strings.Contains(body, `callbus_build_info{goversion="go`) {
		t.Errorf("a process that starts shows %s", body)
	}
	f := newFleet(nil, nil, quiet())
	for _, name := range []string{"acme", "brown"} {
		w, err := ingest.NewWorker(ingest.WorkerConfig{Account: name, Provider: "telsam", Vendor: idle{}, Log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		close(ended)
		f.berth(name, true).ship.Store(&ship{worker: w, stop: func() {}, ended: ended})
	}
	m.show(newBusMeter(), f, newSinkFleet(quiet()))
	if body := shown(); !strings.Contains(body, `account="acme"`) || !strings.Contains(body, `account="brown"`) {
		t.Errorf("both accounts are to be shown: %s", body)
	}
	f.stop("acme")
	if body := shown(); strings.Contains(body, `account="acme"`) || !strings.Contains(body, `account="brown"`) {
		t.Errorf("one account is to be shown: %s", body)
	}
}

// mayBeNumber is what could be a telephone number, and a stamp of seconds could not: the values of metrics are left out.
var mayBeNumber = regexp.MustCompile(`[0-9]{6,}`)

// checkMetrics holds what is gathered to Prometheus' conventions, and sees that neither a number nor a secret is in a name, a
// label or a help text.
func checkMetrics(t *testing.T, g prometheus.Gatherer, secrets ...string) {
	t.Helper()
	g = prometheus.Gatherers{g} // which checks all of it as a registry does
	problems, err := testutil.GatherAndLint(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	all, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		words := []string{f.GetName(), f.GetHelp()}
		for _, m := range f.Metric {
			for _, l := range m.Label {
				words = append(words, l.GetName(), l.GetValue())
			}
		}
		for _, w := range words {
			if mayBeNumber.MatchString(w) || slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(w, s) }) {
				t.Errorf("%s shows %q", f.GetName(), w)
			}
		}
	}
}
