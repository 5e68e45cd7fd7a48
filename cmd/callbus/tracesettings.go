package main

import (
	"cmp"
	"fmt"
	"strconv"
)

// otelPrefix begins the standard variables of OpenTelemetry.
const otelPrefix = "OTEL_"

// Traces are which traces are made and how they are handed over. The zero Traces make none.
type Traces struct {
	Exporter   TracesExporter
	OTLP       OTLP
	Sampler    Sampler
	Service    string
	Attributes Attributes
	Batch      TraceBatch
}

// On tells whether there are to be traces at all.
func (t Traces) On() bool { return t.Exporter != "" }

// TracesExporter is where traces go.
type TracesExporter string

const (
	tracesToOTLP    TracesExporter = "otlp"
	tracesToConsole TracesExporter = "console"
	noTraces        TracesExporter = "none"
)

// TraceBatch is how many spans are handed over together, and when. What is 0 is as the SDK has it.
type TraceBatch struct {
	Delay   Milliseconds `env:"SCHEDULE_DELAY"`
	Timeout Milliseconds `env:"EXPORT_TIMEOUT"`
	Queue   int          `env:"MAX_QUEUE_SIZE"`
	Size    int          `env:"MAX_EXPORT_BATCH_SIZE"`
}

// mostSpans bounds the memory of spans that wait for an endpoint which is away.
const mostSpans = 100_000

// tracesSwitch are the variables that say whether there are traces. They are always judged; all others only if there are, for
// they may be meant for other programs of the machine.
type tracesSwitch struct {
	Disabled TrueOrFalse    `env:"SDK_DISABLED"`
	Exporter TracesExporter `env:"TRACES_EXPORTER"`
}

type tracesVariables struct {
	Service    string      `env:"SERVICE_NAME"`
	Attributes Attributes  `env:"RESOURCE_ATTRIBUTES"`
	Sampler    SamplerName `env:"TRACES_SAMPLER"`
	Argument   string      `env:"TRACES_SAMPLER_ARG"`
}

// traces reads which traces are to be made. There are none unless an endpoint or an exporter is named: the standard would send
// them to this machine.
func (r *reader) traces() Traces {
	var on tracesSwitch
	r.read(ownerCallbus, otelPrefix, &on)
	named := r.vars[otlpPrefix+"ENDPOINT"] != "" || r.vars[otlpTracesPrefix+"ENDPOINT"] != ""
	if bool(on.Disabled) || on.Exporter == noTraces || on.Exporter == "" && !named {
		return Traces{}
	}
	var v tracesVariables
	r.read(ownerCallbus, otelPrefix, &v)
	t := Traces{Exporter: cmp.Or(on.Exporter, tracesToOTLP), Service: v.Service, Attributes: v.Attributes, Sampler: r.sampler(v)}
	r.read(ownerCallbus, otelPrefix+"BSP_", &t.Batch)
	r.checkSpans("OTEL_BSP_MAX_QUEUE_SIZE", t.Batch.Queue)
	r.checkSpans("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", t.Batch.Size)
	if t.Exporter == tracesToOTLP {
		t.OTLP = r.otlp()
	}
	return t
}

func (r *reader) checkSpans(variable string, n int) {
	if r.vars[variable] != "" && (n < 1 || n > mostSpans) {
		r.check(variable, refuse(fmt.Sprintf("1 to %d", mostSpans), "%d spans cannot be kept", n))
	}
}

// SamplerName is a sampler of the OpenTelemetry SDK.
type SamplerName string

// The samplers of the standard, without those that ask a server.
const (
	alwaysOn           SamplerName = "always_on"
	alwaysOff          SamplerName = "always_off"
	traceIDRatio       SamplerName = "traceidratio"
	parentAlwaysOn     SamplerName = "parentbased_always_on"
	parentAlwaysOff    SamplerName = "parentbased_always_off"
	parentTraceIDRatio SamplerName = "parentbased_traceidratio"
)

// Sampler says which traces are recorded.
type Sampler struct {
	Name  SamplerName
	Ratio float64 // where it has one
}

func (r *reader) sampler(v tracesVariables) Sampler {
	s := Sampler{cmp.Or(v.Sampler, parentAlwaysOn), 1}
	if v.Argument == "" || s.Name != traceIDRatio && s.Name != parentTraceIDRatio {
		return s
	}
	share, err := strconv.ParseFloat(v.Argument, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		r.check("OTEL_TRACES_SAMPLER_ARG", refuse("a share from 0 to 1, like 0.01", "%s is not such a share", quote(v.Argument)))
		return s
	}
	s.Ratio = share
	return s
}
