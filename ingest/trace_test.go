package ingest_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/ingest"
	"github.com/callbus/callbus/ingest/ingesttest"
)

// traced runs a worker for a while and returns the spans that ended, in that order.
func traced(t *testing.T, v any, bus ingest.Bus, d time.Duration) []sdktrace.ReadOnlySpan {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	w, err := ingest.NewWorker(ingest.WorkerConfig{
		Account: "acme", Provider: "telsam", Settings: workerSettings(), Vendor: v, Bus: bus, Log: slog.New(slog.DiscardHandler),
		Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	watched := &watcher{Worker: w, t: t}
	watched.run()
	wait(d)
	watched.end()
	if started := len(recorder.Started()); started != len(recorder.Ended()) {
		t.Errorf("%d spans were begun, and %d have ended", started, len(recorder.Ended()))
	}
	return recorder.Ended()
}

func attributesOf(s sdktrace.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes() {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

// callAndRecord is a vendor that shows a call for 4 s, and its record from the 9th second on.
func callAndRecord(began time.Time) *vendor {
	return &vendor{
		began: began,
		active: func(_ context.Context, n int) (ingest.Snapshot, error) {
			if n < 2 {
				return shot(ringsSince("SIP/1", began)), nil
			}
			return shot(), nil
		},
		records: func(_ context.Context, _ int, w ingest.Window) iter.Seq2[ingest.Page, error] {
			if time.Since(began) < 9*time.Second {
				return pages(page(w))
			}
			return pages(page(w, recordOf("1", began, began.Add(5*time.Second))))
		},
	}
}

func TestEachEventCarriesTheSpanItWasPublishedIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bus := &ingesttest.Bus{}
		spans := traced(t, callAndRecord(time.Now()), bus, 30*time.Second)
		byID := map[string]sdktrace.ReadOnlySpan{}
		for _, s := range spans {
			byID[s.SpanContext().SpanID().String()] = s
		}
		if len(bus.Stored()) < 2 {
			t.Fatalf("stored %v", typesOf(bus.Stored()))
		}
		for _, e := range bus.Stored() {
			parts := strings.Split(e.TraceParent, "-")
			if len(parts) != 4 || byID[parts[2]] == nil {
				t.Fatalf("%s has traceparent %q, of no span", e.Type, e.TraceParent)
			}
			publish := byID[parts[2]]
			poll := byID[publish.Parent().SpanID().String()]
			if publish.Name() != "publish" || poll == nil || !strings.HasPrefix(poll.Name(), "poll ") || poll.Parent().IsValid() || poll.SpanContext().TraceID().String() != parts[1] {
				t.Errorf("%s was published in %s below %v", e.Type, publish.Name(), poll)
			}
			if a := attributesOf(poll); a["callbus.account"] != "acme" || a["callbus.provider"] != "telsam" || a["callbus.outcome"] != "read" {
				t.Errorf("the poll has %v", a)
			}
		}
	})
}

func TestWithoutATracerEventsAreAsTheyWere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		with, without := &ingesttest.Bus{}, &ingesttest.Bus{}
		began := time.Now()
		w := watch(t, callAndRecord(began), without, workerSettings())
		wait(30 * time.Second)
		w.end()
		for _, e := range without.Stored() {
			if e.TraceParent != "" {
				t.Errorf("%s has traceparent %q", e.Type, e.TraceParent)
			}
		}
		traced(t, callAndRecord(time.Now()), with, 30*time.Second)
		if a, b := typesOf(with.Stored()), typesOf(without.Stored()); !slices.Equal(a, b) {
			t.Errorf("with a tracer %v, without %v", a, b)
		}
	})
}

func TestEveryReadingIsASpan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		counts := map[string]int{}
		for _, s := range traced(t, callAndRecord(time.Now()), &ingesttest.Bus{}, 30*time.Second) {
			counts[s.Name()+" "+attributesOf(s)["callbus.reading"]]++
		}
		// Every 2 s and every 5 s, both ends included; the missing record is asked for at each look, and found.
		if counts["poll active_calls newest"] != 16 || counts["poll cdrs newest"] != 7 || counts["poll cdrs lookback"] == 0 || counts["poll cdrs missing"] == 0 {
			t.Errorf("there were %v", counts)
		}
	})
}

func TestASpanOfAFailureTellsItsKindAlone(t *testing.T) {
	const told = "https://pbx.example/?key=hunter2 +905321112233"
	for name, tc := range map[string]struct {
		err  error
		kind string
	}{
		"refused credentials": {fmt.Errorf("%s: %w", told, ingest.ErrCredentials), "credentials"},
		"another's reply":     {fmt.Errorf("%s: %w", told, ingest.ErrForeign), "bad_reply"},
		"told to slow down":   {fmt.Errorf("%s: %w", told, &ingest.RateLimitError{}), "rate_limited"},
		"anything else":       {fmt.Errorf("%s", told), "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				v := &vendor{active: func(context.Context, int) (ingest.Snapshot, error) { return ingest.Snapshot{}, tc.err }}
				spans := traced(t, struct{ ingest.ActiveLister }{v}, &ingesttest.Bus{}, time.Minute)
				var kinds []string
				for _, s := range spans {
					if s.Name() == "publish" { // of the gap
						continue
					}
					a := attributesOf(s)
					kinds = append(kinds, a["callbus.outcome"])
					if a["error.type"] != tc.kind || s.Status().Code != codes.Error {
						t.Errorf("a poll that failed has %v and status %v", a, s.Status())
					}
					if text := fmt.Sprint(s.Name(), a, s.Status(), s.Events()); strings.Contains(text, "hunter2") || strings.Contains(text, "532111") {
						t.Errorf("a span tells %s", text)
					}
				}
				if len(kinds) == 0 || kinds[0] != tc.kind {
					t.Errorf("outcomes %v, want %s", kinds, tc.kind)
				}
			})
		})
	}
}

func TestAPublicationThatFailsIsAFailedSpan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refused := 0
		bus := &troubledBus{publish: func(context.Context, []events.Event) error {
			if refused++; refused == 1 {
				return fmt.Errorf("+905321112233: %w", ingest.ErrOvertaken)
			}
			return nil
		}}
		for _, s := range traced(t, callAndRecord(time.Now()), bus, 30*time.Second) {
			if s.Name() == "publish" {
				if a := attributesOf(s); a["error.type"] != "overtaken" || s.Status().Code != codes.Error || s.Status().Description != "" {
					t.Errorf("the first publication has %v and status %v", a, s.Status())
				}
				return
			}
		}
		t.Error("nothing was published")
	})
}
