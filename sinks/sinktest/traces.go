package sinktest

import (
	"context"
	"fmt"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/callbus/callbus/sinks"
)

// tracesWell lets the sink deliver, and fail in every way, within a span. It need not make spans of its own.
func tracesWell(s Subject) (wrong []string) {
	d := delivery(1)
	wrong = append(wrong, s.tracedDelivery(d)...)
	for _, fail := range s.Faults {
		fail()
		wrong = append(wrong, s.tracedDelivery(d)...)
	}
	return wrong
}

func (s Subject) tracedDelivery(d sinks.Delivery) (wrong []string) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	ctx, attempt := provider.Tracer("sinktest").Start(context.Background(), "deliver")
	_ = s.Sink.Deliver(ctx, d) // other checks say what it should return
	if begun, ended := len(recorder.Started())-1, len(recorder.Ended()); begun != ended {
		wrong = append(wrong, fmt.Sprintf("%d spans were begun, and %d have ended when Deliver returned", begun, ended))
	}
	for _, span := range recorder.Ended() {
		if span.SpanContext().TraceID() != attempt.SpanContext().TraceID() {
			wrong = append(wrong, fmt.Sprintf("the span %s is of another trace", span.Name()))
		}
		for _, told := range s.toldBy(span, d) {
			wrong = append(wrong, fmt.Sprintf("the span %s tells %s", span.Name(), told))
		}
	}
	return wrong
}

// toldBy returns what a span tells that it must not.
func (s Subject) toldBy(span sdktrace.ReadOnlySpan, d sinks.Delivery) (told []string) {
	text := fmt.Sprintf("%s %s %+v %v", span.Name(), span.Status().Description, span.Events(), span.Links())
	for _, a := range span.Attributes() {
		text += fmt.Sprintf(" %s=%s", a.Key, a.Value.String())
	}
	c, _ := d.Event.Call()
	if strings.Contains(text, strings.TrimPrefix(*c.From.Number, "+")) {
		told = append(told, "a telephone number")
	}
	for _, secret := range s.Secrets {
		for _, spelled := range spellings(secret) {
			if strings.Contains(text, spelled) {
				return append(told, "a secret")
			}
		}
	}
	return told
}
