package main

import (
	"context"
	"fmt"
	"log/slog"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// tryTraces hands over one span, of callbus check itself.
func tryTraces(ctx context.Context, t Traces) []tried {
	if !t.On() || t.Exporter == tracesToConsole {
		return nil
	}
	line := tried{What: "traces", Found: fmt.Sprintf("%s takes them, by %s", t.OTLP.host(), t.OTLP.Protocol)}
	if err := t.try(ctx); err != nil {
		line.Failed, line.Found = true, fmt.Sprintf("%s: %s", t.OTLP.host(), t.OTLP.redact(err.Error()))
		line.Do = "see to OTEL_EXPORTER_OTLP_ENDPOINT, _PROTOCOL and _HEADERS; callbus runs all the same, and its traces are lost"
	}
	return []tried{line}
}

func (t Traces) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, busTimeout)
	defer cancel()
	e, err := newExporter(ctx, t, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	about, err := t.about(ctx)
	if err != nil {
		return err
	}
	trial := &trial{SpanExporter: e.SpanExporter, ctx: ctx}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithSyncer(trial), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	_, span := provider.Tracer("github.com/callbus/callbus/cmd/callbus").Start(ctx, "callbus check")
	span.End()
	e.halt()
	_ = e.Shutdown(ctx) // what it could say is known
	return trial.err
}

// A trial is an exporter that says what came of it.
type trial struct {
	sdktrace.SpanExporter
	ctx context.Context // of the trial: a span that ends has none
	err error
}

func (t *trial) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	t.err = t.SpanExporter.ExportSpans(t.ctx, spans)
	return nil
}
