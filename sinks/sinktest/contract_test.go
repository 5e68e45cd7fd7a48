package sinktest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/sinktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fake is a sink that does one thing wrong, if slip names one.
type fake struct {
	slip  string
	stall chan struct{}

	mu    sync.Mutex
	taken []string
	fault sinks.Fault
}

const secret = `wh/sec "ü`

func (f *fake) Deliver(ctx context.Context, d sinks.Delivery) error {
	if ctx.Err() != nil && f.slip != "delivers what was cancelled" {
		return ctx.Err()
	}
	if f.stall != nil {
		return f.wait(ctx)
	}
	if f.slip == "changes bodies" {
		copy(d.Body, bytes.ToUpper(d.Body))
	}
	defer f.trace(ctx, d)()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != "" {
		return f.failure(d)
	}
	f.taken = append(f.taken, d.Event.ID)
	if f.slip == "delivers twice" || f.slip == "loses some" && len(f.taken)%50 == 0 {
		f.taken = append(f.taken, d.Event.ID)
	}
	if f.slip == "drops repeats" {
		slices.Sort(f.taken)
		f.taken = slices.Compact(f.taken)
	}
	return nil
}

func (f *fake) wait(ctx context.Context) error {
	switch f.slip {
	case "cannot be cancelled":
		time.Sleep(2500 * time.Millisecond)
		return errors.New("timeout")
	case "calls silence a delivery":
		<-ctx.Done()
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *fake) failure(d sinks.Delivery) error {
	e := &sinks.Error{Fault: f.fault, Err: errors.New("it does not like this")}
	switch f.slip {
	case "says nothing of a failure":
		return errors.New("failed")
	case "takes all failures for one":
		e.Fault = sinks.Passing
	case "tells the secret":
		e.Err = errors.New("refused: " + base64.StdEncoding.EncodeToString([]byte(secret)))
	case "tells the secret in the snippet":
		e.Snippet = "you sent " + secret
	case "delivers what fails":
		f.taken = append(f.taken, d.Event.ID)
	case "keeps all that is said":
		e.Snippet = string(make([]byte, 5000))
	}
	return e
}

// trace begins a span and returns what ends it.
func (f *fake) trace(ctx context.Context, d sinks.Delivery) func() {
	var options []trace.SpanStartOption
	if f.slip == "begins another trace" {
		options = append(options, trace.WithNewRoot())
	}
	_, span := trace.SpanFromContext(ctx).TracerProvider().Tracer("fake").Start(ctx, "put", options...)
	switch c, _ := d.Event.Call(); f.slip {
	case "tells the number in a span":
		span.SetAttributes(attribute.String("caller", *c.From.Number))
	case "tells the secret in a span":
		span.RecordError(errors.New("refused: " + secret))
	case "leaves a span open":
		return func() {}
	}
	return func() { span.End() }
}

func (f *fake) Close() error { return nil }

func (f *fake) subject() sinktest.Subject {
	s := sinktest.Subject{
		Sink:    f,
		Taken:   func() []string { f.mu.Lock(); defer f.mu.Unlock(); return slices.Clone(f.taken) },
		Stall:   func() { f.stall = make(chan struct{}) },
		Faults:  map[sinks.Fault]func(){},
		Secrets: []string{secret},
	}
	for _, fault := range []sinks.Fault{sinks.Passing, sinks.OfEvent, sinks.OfEndpoint, sinks.Pause, sinks.Gone} {
		s.Faults[fault] = func() { f.mu.Lock(); defer f.mu.Unlock(); f.fault = fault }
	}
	return s
}

func TestASinkThatDoesAllRightPasses(t *testing.T) {
	sinktest.Contract(t, func(*testing.T) sinktest.Subject { return (&fake{}).subject() })
}

// slips has, for each check, what a sink may do wrong that the check must find.
var slips = map[string][]string{
	"an event is delivered once":                          {"delivers twice"},
	"a repeat is delivered again, with the same id":       {"drops repeats"},
	"many are delivered at once, each whole":              {"loses some"},
	"nobody changes the body":                             {"changes bodies"},
	"what was cancelled before it began is not delivered": {"delivers what was cancelled"},
	"who stops waiting is let go":                         {"cannot be cancelled", "calls silence a delivery"},
	"each failure says what it means":                     {"says nothing of a failure", "takes all failures for one", "keeps all that is said"},
	"a failure delivers nothing, and tells no secret":     {"tells the secret", "tells the secret in the snippet", "delivers what fails"},
	"its spans are below the attempt's, and tell nothing of the call": {
		"leaves a span open", "begins another trace", "tells the number in a span", "tells the secret in a span",
	},
}

func TestEachCheckFindsWhatItIsFor(t *testing.T) {
	for _, check := range sinktest.CheckNames() {
		if len(slips[check]) == 0 {
			t.Errorf("nothing shows that %q finds anything", check)
		}
		for _, slip := range slips[check] {
			t.Run(check+"/"+slip, func(t *testing.T) {
				t.Parallel()
				if wrong := sinktest.Find(check, (&fake{slip: slip}).subject()); len(wrong) == 0 {
					t.Errorf("a sink that %s passes", slip)
				}
			})
		}
	}
}
