package sinks

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events"
)

// begin begins the span of one attempt; without a tracer it returns ctx and nil. It goes on with the trace of the event: an
// attempt is at one event, which was published in one place, so that place is its parent and not only linked to it. The span has
// the event's ids and none of its data.
func (p *Pump) begin(ctx context.Context, e events.Event, attempt int) (context.Context, trace.Span) {
	if p.cfg.Tracer == nil {
		return ctx, nil
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": e.TraceParent})
	return p.cfg.Tracer.Start(ctx, "deliver "+p.cfg.Name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		semconv.MessagingSystemKey.String("nats"), semconv.MessagingOperationName("deliver"), semconv.MessagingOperationTypeProcess,
		semconv.MessagingConsumerGroupName(p.cfg.Name), attribute.Int("callbus.attempt", attempt), attribute.String("callbus.sink", p.cfg.Name),
		attribute.String("callbus.account", e.Account), attribute.String("callbus.provider", e.Provider),
		semconv.CloudEventsEventID(e.ID), semconv.CloudEventsEventType(string(e.Type)), semconv.CloudEventsEventSource(e.Source()),
		semconv.CloudEventsEventSubject(e.Subject),
	))
}

// end says what a failure means and not what it was: its text may quote what the other side wrote. An attempt that was broken off
// because the pump stops has not failed.
func (p *Pump) end(span trace.Span, err error) {
	if span == nil {
		return
	}
	outcome := "delivered"
	switch {
	case err != nil && p.work.Err() != nil:
		outcome = "stopped"
	case err != nil:
		e := asError(err)
		outcome = string(e.Fault)
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(outcome))
	}
	span.SetAttributes(attribute.String("callbus.outcome", outcome))
	span.End()
}
