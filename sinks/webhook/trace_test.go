package webhook_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events/secret"
	"github.com/callbus/callbus/sinks/webhook"
)

// tracing returns what begins spans, and what has those that ended.
func tracing(o ...sdktrace.TracerProviderOption) (trace.Tracer, *tracetest.SpanRecorder) {
	recorder := tracetest.NewSpanRecorder()
	return sdktrace.NewTracerProvider(append(o, sdktrace.WithSpanProcessor(recorder))...).Tracer("test"), recorder
}

func TestTheReceiverGoesOnWithTheSpanOfTheRequest(t *testing.T) {
	for status, want := range map[int]struct {
		outcome string
		code    codes.Code
	}{
		204: {"delivered", codes.Unset}, 503: {"passing", codes.Error}, 422: {"event", codes.Error}, 401: {"endpoint", codes.Error}, 410: {"gone", codes.Error},
	} {
		for _, mode := range []webhook.Mode{webhook.Structured, webhook.Binary} {
			t.Run(fmt.Sprint(status, " in mode ", mode), func(t *testing.T) {
				got := make(chan request, 1)
				s := sink(t, server(t, recording(got, answering(status)))+"/marked-path?marked=query", func(c *webhook.Config) {
					c.Mode, c.Bearer = mode, secret.New("marked-token")
				})
				tracer, recorder := tracing()
				ctx, attempt := tracer.Start(t.Context(), "deliver crm")
				d := delivery(t)
				err := s.Deliver(ctx, d)
				attempt.End()
				if (err == nil) != (status == 204) {
					t.Fatalf("Deliver: %v", err)
				}
				r, span := <-got, recorder.Ended()[0]
				sc := span.SpanContext()
				if have, want := r.header.Get("Traceparent"), fmt.Sprintf("00-%s-%s-01", sc.TraceID(), sc.SpanID()); have != want || span.SpanKind() != trace.SpanKindClient {
					t.Errorf("Traceparent: %s, want %s, of a span of kind %s", have, want, span.SpanKind())
				}
				if span.Parent().SpanID() != attempt.SpanContext().SpanID() || span.Status().Code != want.code {
					t.Errorf("it is below %s, with status %v", span.Parent().SpanID(), span.Status())
				}
				text := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status())
				for _, part := range []string{want.outcome, fmt.Sprint(status), "crm", "call.missed"} {
					if !strings.Contains(text, part) {
						t.Errorf("%s is not in %s", part, text)
					}
				}
				if strings.Contains(text, "marked") {
					t.Errorf("a secret is in %s", text)
				}
				if mode == webhook.Structured && !bytes.Equal(r.body, d.Body) {
					t.Errorf("the body is %s, want the event as it is stored", r.body)
				}
				if mode == webhook.Binary && r.header.Get("Ce-Traceparent") != d.Event.TraceParent {
					t.Errorf("Ce-Traceparent: %s, want the event's", r.header.Get("Ce-Traceparent"))
				}
				if err := verifier(t, key).Verify(r.header, r.body, time.Now()); err != nil {
					t.Errorf("Verify: %v", err)
				}
			})
		}
	}
}

func TestARequestThatIsNotSampledSaysSo(t *testing.T) {
	got := make(chan request, 1)
	s := sink(t, server(t, recording(got, answering(204))))
	tracer, recorder := tracing(sdktrace.WithSampler(sdktrace.NeverSample()))
	ctx, attempt := tracer.Start(t.Context(), "deliver crm")
	if err := s.Deliver(ctx, delivery(t)); err != nil {
		t.Fatal(err)
	}
	have := (<-got).header.Get("Traceparent")
	if !strings.HasPrefix(have, "00-"+attempt.SpanContext().TraceID().String()) || !strings.HasSuffix(have, "-00") || len(recorder.Ended()) != 0 {
		t.Errorf("Traceparent: %s, and %d spans", have, len(recorder.Ended()))
	}
}
