package webhook

import (
	"context"
	"errors"
	"net/http"

	otel "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

// scope is whose spans these are.
const scope = "github.com/callbus/callbus/sinks/webhook"

// begin begins the span of a request, and puts its traceparent into m, in place of the event's; the body, which is signed, keeps
// that. Where nothing is traced it returns ctx and nil, and the receiver goes on with the trace of the event, if that has one.
// The span has the endpoint's host, and nothing else of the URL: a path may be a secret.
func (s *Sink) begin(ctx context.Context, m message, typ events.Type) (context.Context, trace.Span) {
	attempt := trace.SpanFromContext(ctx)
	if !attempt.SpanContext().IsValid() {
		return ctx, nil
	}
	ctx, span := attempt.TracerProvider().Tracer(scope).Start(ctx, http.MethodPost, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.HTTPRequestMethodPost, semconv.ServerAddress(s.url.Hostname()), semconv.URLScheme(s.url.Scheme),
		otel.String("callbus.sink", s.name), semconv.CloudEventsEventType(string(typ)),
	))
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(m.header))
	return ctx, span
}

// end says what came of a request, by its status and what that means: the text of an error may quote the endpoint.
func (s *Sink) end(ctx context.Context, span trace.Span, status int, err error) {
	if span == nil {
		return
	}
	if status > 0 {
		span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	}
	outcome := "delivered"
	switch {
	case err != nil && ctx.Err() != nil:
		outcome = "stopped"
	case err != nil:
		outcome = string(faultIn(err))
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(outcome))
	}
	span.SetAttributes(otel.String("callbus.outcome", outcome))
	span.End()
}

func faultIn(err error) sinks.Fault {
	if e := (*sinks.Error)(nil); errors.As(err, &e) {
		return e.Fault
	}
	return sinks.Passing // as the pump has it
}
