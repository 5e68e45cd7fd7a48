package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// traces are made of what this process does, and handed over beside it. The nil traces make none.
type traces struct {
	provider *sdktrace.TracerProvider
	exporter *exporter
}

// tracesGrace is how long the end of callbus may take because its last spans are still to be handed over.
const tracesGrace = 3 * time.Second

// startTraces returns nil when there are to be none. An endpoint that is away is no error.
func startTraces(ctx context.Context, t Traces, log *slog.Logger) (*traces, error) {
	if !t.On() {
		return nil, nil
	}
	e, err := newExporter(ctx, t, log)
	if err != nil {
		return nil, fmt.Errorf("start to hand over traces: %w", err)
	}
	about, err := t.about(ctx)
	if err != nil {
		return nil, fmt.Errorf("start to hand over traces: say what this process is: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(e.debug))
	return &traces{exporter: e, provider: sdktrace.NewTracerProvider(
		sdktrace.WithResource(about), sdktrace.WithSampler(t.Sampler.sampler()), sdktrace.WithBatcher(e, t.Batch.options()...),
	)}, nil
}

// tracer returns what begins spans, nil for none.
func (t *traces) tracer(scope string) trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer(scope, trace.WithInstrumentationVersion(buildVersion()))
}

// close hands over what is left, in a bounded time.
func (t *traces) close() {
	if t == nil {
		return
	}
	defer time.AfterFunc(tracesGrace, t.exporter.halt).Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*tracesGrace)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.exporter.debug(err)
	}
	t.exporter.halt()
}

// about says what this process is.
func (t Traces) about(ctx context.Context) (*resource.Resource, error) {
	about := []resource.Option{
		resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName("callbus"), semconv.ServiceVersion(buildVersion()), semconv.ServiceInstanceID(nuid.Next())),
		resource.WithAttributes(t.Attributes...),
	}
	if t.Service != "" {
		about = append(about, resource.WithAttributes(semconv.ServiceName(t.Service)))
	}
	return resource.New(ctx, about...)
}

func (s Sampler) sampler() sdktrace.Sampler {
	switch s.Name {
	case alwaysOn:
		return sdktrace.AlwaysSample()
	case alwaysOff:
		return sdktrace.NeverSample()
	case traceIDRatio:
		return sdktrace.TraceIDRatioBased(s.Ratio)
	case parentAlwaysOff:
		return sdktrace.ParentBased(sdktrace.NeverSample())
	case parentTraceIDRatio:
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(s.Ratio))
	}
	return sdktrace.ParentBased(sdktrace.AlwaysSample())
}

func (b TraceBatch) options() []sdktrace.BatchSpanProcessorOption {
	return []sdktrace.BatchSpanProcessorOption{
		sdktrace.WithBatchTimeout(time.Duration(cmp.Or(b.Delay, sdktrace.DefaultScheduleDelay*Milliseconds(time.Millisecond)))),
		sdktrace.WithExportTimeout(time.Duration(cmp.Or(b.Timeout, sdktrace.DefaultExportTimeout*Milliseconds(time.Millisecond)))),
		sdktrace.WithMaxQueueSize(cmp.Or(b.Queue, sdktrace.DefaultMaxQueueSize)),
		sdktrace.WithMaxExportBatchSize(min(cmp.Or(b.Size, sdktrace.DefaultMaxExportBatchSize), cmp.Or(b.Queue, sdktrace.DefaultMaxQueueSize))),
	}
}
