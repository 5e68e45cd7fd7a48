package main

import (
	"maps"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

func tracesOf(t *testing.T, vars map[string]string) Traces {
	t.Helper()
	all := acme()
	maps.Copy(all, vars)
	c, err := loadConfig(all, vendors())
	if err != nil {
		t.Fatal(err)
	}
	return c.Traces
}

func TestWhereTracesAreSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		vars map[string]string
		want string // "" for no traces
	}{
		"nothing is set":             {nil, ""},
		"an endpoint for all":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces"},
		"one with a slash":           {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4318/"}, "https://c:4318/v1/traces"},
		"one with a path":            {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c/otlp"}, "http://c/otlp/v1/traces"},
		"one for traces":             {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:1/x"}, "http://c:1/x"},
		"both":                       {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://d/"}, "http://d/"},
		"the exporter alone":         {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, "http://127.0.0.1:4318/v1/traces"},
		"gRPC":                       {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http://127.0.0.1:4317"},
		"gRPC for traces":            {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4317", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, "https://c:4317"},
		"gRPC, a host and port":      {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "https://c:4317"},
		"gRPC, a host, and insecure": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_INSECURE": "True"}, "http://c:4317"},
		"none":                       {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, ""},
		"disabled":                   {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, ""},
		"an endpoint for metrics":    {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c"}, ""},
		"an endpoint that is empty":  {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tracesOf(t, tc.vars); got.OTLP.Endpoint != tc.want || got.On() != (tc.want != "") {
				t.Errorf("sent to %q (%v), want %q", got.OTLP.Endpoint, got.On(), tc.want)
			}
		})
	}
}

func TestWhatIsSaidForTracesWins(t *testing.T) {
	t.Parallel()
	got := tracesOf(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "b=x%2Cy, c = d=e ,",
		"OTEL_EXPORTER_OTLP_TIMEOUT": "1000", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2000", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
		"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01",
		"OTEL_SERVICE_NAME": "bus", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,team=a%20b", "OTEL_BSP_SCHEDULE_DELAY": "100",
	})
	header, err := got.OTLP.header()
	if err != nil || !maps.Equal(header, map[string]string{"b": "x,y", "c": "d=e"}) {
		t.Errorf("headers %v, %v", header, err)
	}
	if time.Duration(got.OTLP.Timeout) != 2*time.Second || got.OTLP.Compression != gzipped || got.Sampler != (Sampler{parentTraceIDRatio, 0.01}) || time.Duration(got.Batch.Delay) != 100*time.Millisecond {
		t.Errorf("read as %+v", got)
	}
	about, err := got.about(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[attribute.Key]string{"service.name": "bus", "team": "a b", "service.version": buildVersion()} {
		if value, _ := about.Set().Value(key); value.AsString() != want {
			t.Errorf("%s is %q, want %q", key, value.AsString(), want)
		}
	}
}
