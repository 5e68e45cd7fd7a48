package sinks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/sinks"
)

const published = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func (w *world) traced() *tracetest.SpanRecorder {
	recorder := tracetest.NewSpanRecorder()
	w.cfg.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	return recorder
}

// putTraced stores one event that was published in a span.
func (w *world) putTraced(call, traceparent string) {
	e := event(call, w.stored(call))
	e.TraceParent = traceparent
	body, err := e.MarshalJSON()
	if err != nil {
		w.Fatal(err)
	}
	w.Store("source.gap.opened.acme."+call, body)
}

func outcomes(spans []sdktrace.ReadOnlySpan) (all []string) {
	for _, s := range spans {
		attempt, outcome := "", ""
		for _, a := range s.Attributes() {
			switch a.Key {
			case "callbus.attempt":
				attempt = a.Value.String()
			case "callbus.outcome":
				outcome = a.Value.String()
			}
		}
		all = append(all, attempt+" "+outcome)
	}
	return all
}

func TestEachAttemptIsASpanOfTheTraceOfTheEvent(t *testing.T) {
	in(t, func(w *world) {
		recorder := w.traced()
		w.answers(func(d sinks.Delivery) error {
			if d.Attempt < 3 {
				return fault(sinks.Passing)
			}
			return nil
		})
		w.putTraced("c1", published)
		w.start()
		w.pass(time.Minute)
		w.end()
		spans := recorder.Ended()
		if got, want := outcomes(spans), []string{"1 passing", "2 passing", "3 delivered"}; !slices.Equal(got, want) {
			t.Errorf("attempts %q, want %q", got, want)
		}
		for _, s := range spans {
			p := s.Parent()
			if got := fmt.Sprintf("00-%s-%s-%s", p.TraceID(), p.SpanID(), p.TraceFlags()); got != published || s.SpanKind() != trace.SpanKindConsumer || s.Name() != "deliver crm" {
				t.Errorf("%s of kind %s is below %s, want %s", s.Name(), s.SpanKind(), got, published)
			}
			if text := fmt.Sprint(s.Attributes(), s.Events(), s.Status().Description); strings.Contains(text, "it says") {
				t.Errorf("a span tells what the endpoint said: %s", text)
			}
		}
		if s := spans[0].Status().Code; s != codes.Error {
			t.Errorf("the first attempt has status %v", s)
		}
	})
}

func TestAnEventWithoutATraceBeginsOne(t *testing.T) {
	for _, traceparent := range []string{"", "nonsense", "00-00000000000000000000000000000000-b7ad6b7169203331-01"} {
		in(t, func(w *world) {
			recorder := w.traced()
			w.putTraced("c1", traceparent)
			w.start()
			w.pass(time.Second)
			w.end()
			spans := recorder.Ended()
			if len(spans) != 1 || spans[0].Parent().IsValid() || !spans[0].SpanContext().IsValid() {
				t.Errorf("traceparent %q: %d spans, the first below %v", traceparent, len(spans), spans[0].Parent())
			}
		})
	}
}

func TestAnEventThatIsNotSampledIsNotRecorded(t *testing.T) {
	in(t, func(w *world) {
		recorder := w.traced()
		w.putTraced("c1", strings.TrimSuffix(published, "01")+"00")
		w.start()
		w.pass(time.Second)
		w.end()
		if n := len(recorder.Ended()); n != 0 || w.delivered() != 1 {
			t.Errorf("%d spans of %d events that were delivered", n, w.delivered())
		}
	})
}

func TestAnAttemptThatIsBrokenOffHasNotFailed(t *testing.T) {
	in(t, func(w *world) {
		recorder := w.traced()
		w.slow, w.cfg.Drain = time.Hour, time.Second
		w.putTraced("c1", published)
		w.start()
		w.pass(time.Second)
		w.end()
		spans := recorder.Ended()
		if got, want := outcomes(spans), []string{"1 stopped"}; !slices.Equal(got, want) || spans[0].Status().Code == codes.Error {
			t.Errorf("attempts %q, want %q, and no error", got, want)
		}
	})
}
