package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
)

// archive is a vendor with records of the past.
type archive struct {
	records  []ingest.CDR
	fail     func(n int) error // of the n-th reading
	readings []ingest.Window
	perPage  int
}

func (a *archive) RecordKey(c events.Call) string { return recordKey(c) }
func (a *archive) Span() time.Duration            { return 6 * time.Hour }

func (a *archive) CDRs(_ context.Context, w ingest.Window) iter.Seq2[ingest.Page, error] {
	a.readings = append(a.readings, w)
	n := len(a.readings) - 1
	return func(yield func(ingest.Page, error) bool) {
		var in []ingest.CDR
		for _, r := range a.records {
			if w.Contains(*r.Call.StartedAt) {
				in = append(in, r)
			}
		}
		for part := range slices.Chunk(in, max(1, a.perPage)) {
			if !yield(page(w, slices.Clone(part)...), nil) {
				return
			}
		}
		if a.fail != nil && a.fail(n) != nil {
			yield(ingest.Page{}, a.fail(n))
		}
	}
}

// aDay is a day of calls, one every ten minutes, every other one missed, that ended days before now.
func aDay(now time.Time) ([]ingest.CDR, ingest.Window) {
	w := ingest.Window{From: now.Add(-72 * time.Hour), To: now.Add(-48 * time.Hour)}
	var all []ingest.CDR
	for i := range 144 {
		began := w.From.Add(time.Duration(i) * 10 * time.Minute)
		more := answered
		if i%2 == 0 {
			more = func(*events.Call) {}
		}
		r := record(fmt.Sprint(i), 0, 0, more)
		r.Call.StartedAt, r.Call.EndedAt = &began, new(began.Add(time.Minute))
		r.Key = recordKey(r.Call)
		all = append(all, r)
	}
	return all, w
}

func backfillOf(a *archive, bus ingest.Bus, w ingest.Window) ingest.BackfillConfig {
	return ingest.BackfillConfig{
		Account: "acme", Provider: "telsam", Settings: testConfig().Settings, Vendor: a, Bus: bus, Window: w, Log: slog.New(slog.DiscardHandler),
	}
}

func TestTheCallsOfThePastArePublishedOnceAndMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records, w := aDay(time.Now())
		bus := &ingesttest.Bus{}
		a := &archive{records: records, perPage: 10}
		for round := range 2 {
			tally, err := ingest.Backfill(t.Context(), backfillOf(a, bus, w))
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 && tally.Calls != 144 || round == 1 && tally.Known != tally.Records {
				t.Errorf("round %d: %+v", round, tally)
			}
		}
		count := map[events.Type]int{}
		for _, e := range bus.Stored() {
			c, _ := e.Call()
			if !c.Backfill || !e.ExpiryTime.Equal(e.RecordedTime) {
				t.Fatalf("%s is not marked as backfill, or does not expire at once", e.Type)
			}
			count[e.Type]++
		}
		if count[events.CallStarted] != 144 || count[events.CallEnded] != 144 || count[events.CallMissed] != 72 || count[events.CallAnswered] != 72 {
			t.Errorf("published were %v", count)
		}
	})
}

func TestABackfillThatIsCutOffAnywhereIsCompletedByTheNext(t *testing.T) {
	for _, after := range []int{0, 1, 7, 100, 259, 431} {
		synctest.Test(t, func(t *testing.T) {
			records, w := aDay(time.Now())
			bus := &ingesttest.Bus{}
			bus.CutAfter(after)
			if _, err := ingest.Backfill(t.Context(), backfillOf(&archive{records: records, perPage: 10}, bus, w)); err == nil {
				t.Fatal("it was not cut off")
			}
			bus.Mend()
			if _, err := ingest.Backfill(t.Context(), backfillOf(&archive{records: records, perPage: 10}, bus, w)); err != nil {
				t.Fatal(err)
			}
			if got := len(bus.Stored()); got != 144*3 {
				t.Errorf("cut off after %d events, there are %d in the end, want %d", after, got, 144*3)
			}
		})
	}
}

func TestAPartOfThePastThatCannotBeReadIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records, w := aDay(time.Now())
		a := &archive{records: records, perPage: 10, fail: func(n int) error {
			if n%3 == 1 {
				return errors.New("the line is dead")
			}
			return nil
		}}
		var done []time.Time
		cfg := backfillOf(a, &ingesttest.Bus{}, w)
		cfg.Done = func(until time.Time) error { done = append(done, until); return nil }
		tally, err := ingest.Backfill(t.Context(), cfg)
		if err != nil || tally.Calls != 144 || len(done) != 4 || !done[3].Equal(w.To) {
			t.Errorf("%+v, done %v, %v", tally, done, err)
		}
	})
}

func TestABackfillGivesUpWhatDoesNotGetBetter(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		reads int
	}{
		"wrong credentials at once":  {ingest.ErrCredentials, 1},
		"anything else in the end":   {errors.New("the line is dead"), 10},
		"a vendor that asks to wait": {&ingest.RateLimitError{After: time.Minute}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				records, w := aDay(time.Now())
				a := &archive{records: records, perPage: 200, fail: func(int) error { return tc.err }}
				_, err := ingest.Backfill(t.Context(), backfillOf(a, &ingesttest.Bus{}, w))
				if !errors.Is(err, tc.err) || len(a.readings) != tc.reads {
					t.Errorf("%v after %d readings, want %v after %d", err, len(a.readings), tc.err, tc.reads)
				}
			})
		})
	}
}

// TestWhatTheWorkerPublishesIsLeftToIt: calls that ended since the account was first seen, within the look-back.
func TestWhatTheWorkerPublishesIsLeftToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records, w := aDay(time.Now())
		bus := &ingesttest.Bus{}
		first := w.From.Add(12 * time.Hour)
		if _, err := bus.FirstSeen(t.Context(), "acme", first); err != nil {
			t.Fatal(err)
		}
		cfg := backfillOf(&archive{records: records, perPage: 50}, bus, w)
		cfg.Settings.Lookback = 7 * 24 * time.Hour
		tally, err := ingest.Backfill(t.Context(), cfg)
		if err != nil || tally.Calls != 72 || tally.Left < 72 {
			t.Errorf("%+v, %v; want half of the calls left to the worker", tally, err)
		}
	})
}

// TestACallThatWasPublishedWithoutARecordGetsIt: it is not another call.
func TestACallThatWasPublishedWithoutARecordGetsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		bus := &ingesttest.Bus{}
		cfg := testConfig()
		cfg.FirstSeen, cfg.Since = now, now
		worker := ingest.NewTracker(cfg)
		row := ringsSince("SIP/1", now)
		for _, s := range []ingest.Snapshot{
			{Asked: now, At: now.Add(time.Second), Calls: []ingest.ActiveCall{row}}, {Asked: now, At: now.Add(20 * time.Second)}, {Asked: now, At: now.Add(40 * time.Second)},
		} {
			if err := bus.Publish(t.Context(), worker.Observe(s)...); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(72 * time.Hour)
		r := record("1", 0, 0)
		r.Call.From, r.Call.ExternalNumber = row.From, row.ExternalNumber
		r.Call.StartedAt, r.Call.EndedAt = &now, new(now.Add(18*time.Second))
		r.Key = recordKey(r.Call)
		w := ingest.Window{From: now.Add(-time.Hour), To: now.Add(time.Hour)}
		if _, err := ingest.Backfill(t.Context(), backfillOf(&archive{records: []ingest.CDR{r}}, bus, w)); err != nil {
			t.Fatal(err)
		}
		var got []events.Type
		for _, e := range bus.Stored() {
			got = append(got, e.Type)
			if c, _ := e.Call(); e.Type == events.CallMissed && !c.Backfill {
				t.Error("somebody is alerted by a call of days ago")
			}
		}
		if want := []events.Type{events.CallStarted, events.CallEnded, events.CallMissed, events.CallAmended}; !slices.Equal(got, want) {
			t.Errorf("published were %v, want %v", got, want)
		}
	})
}
