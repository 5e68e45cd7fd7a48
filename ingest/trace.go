package ingest

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/callbus/callbus/events"
)

// What a reading was for, in its span.
const (
	newestReading   = "newest"   // the poll of what is new
	missingReading  = "missing"  // records of calls that are gone
	lookBackReading = "lookback" // what is listed late
	detailReading   = "detail"   // of one call
)

// reading asks once for a list, as a span of its own, and shows the tracker that it failed, if it did. What is published of it
// belongs to the same trace.
func (w *Worker) reading(ctx context.Context, list events.List, what string, read func(context.Context) error) error {
	traced, span := w.beginReading(ctx, list, what)
	err := read(traced)
	if err != nil && ctx.Err() == nil {
		w.failed(traced, list, err)
	}
	endReading(ctx, span, err)
	return err
}

// beginReading begins a trace; without a tracer it returns ctx and nil. The span says nothing of any call.
func (w *Worker) beginReading(ctx context.Context, list events.List, what string) (context.Context, trace.Span) {
	if w.cfg.Tracer == nil {
		return ctx, nil
	}
	return w.cfg.Tracer.Start(ctx, "poll "+string(list), trace.WithNewRoot(), trace.WithAttributes(
		attribute.String("callbus.account", w.cfg.Account), attribute.String("callbus.provider", w.cfg.Provider),
		attribute.String("callbus.list", string(list)), attribute.String("callbus.reading", what),
	))
}

// endReading names of an error its kind alone: its text may quote what a vendor wrote. A reading that was broken off because
// callbus stops has not failed.
func endReading(ctx context.Context, span trace.Span, err error) {
	if span == nil {
		return
	}
	outcome := "read"
	switch {
	case err != nil && ctx.Err() != nil:
		outcome = "stopped"
	case err != nil:
		outcome = string(ReasonOf(err))
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(outcome))
	}
	span.SetAttributes(attribute.String("callbus.outcome", outcome))
	span.End()
}

// beginPublishing begins the span that evs are published in, below the one that ctx is of, and gives each of them its
// traceparent. An event that is published again may have another than the one that is stored: it is the same all the same.
func (w *Worker) beginPublishing(ctx context.Context, evs []events.Event) (context.Context, trace.Span) {
	if w.cfg.Tracer == nil {
		return ctx, nil
	}
	ctx, span := w.cfg.Tracer.Start(ctx, "publish", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		semconv.MessagingSystemKey.String("nats"), semconv.MessagingOperationName("publish"), semconv.MessagingOperationTypeSend,
		semconv.MessagingBatchMessageCount(len(evs)),
		attribute.String("callbus.account", w.cfg.Account), attribute.String("callbus.provider", w.cfg.Provider),
	))
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	for i := range evs {
		evs[i].TraceParent = carrier["traceparent"]
	}
	return ctx, span
}

func endPublishing(span trace.Span, err error) {
	if span == nil {
		return
	}
	if err != nil {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(whyNotPublished(err)))
	}
	span.End()
}

func whyNotPublished(err error) string {
	switch {
	case errors.Is(err, ErrOvertaken):
		return "overtaken"
	case errors.Is(err, ErrBusClosed):
		return "bus_closed"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "stopped"
	}
	return "bus"
}

// within returns ctx as part of the trace that s was read in.
func (s *sighting) within(ctx context.Context) context.Context {
	if !s.trace.IsValid() {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, s.trace)
}
