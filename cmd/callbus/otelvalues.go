package main

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// EnvDecode reads an exporter.
func (e *TracesExporter) EnvDecode(s string) error {
	return choose(e, s, tracesToOTLP, tracesToConsole, noTraces)
}

// EnvDecode reads the name of a sampler.
func (n *SamplerName) EnvDecode(s string) error {
	return choose(n, s, alwaysOn, alwaysOff, traceIDRatio, parentAlwaysOn, parentAlwaysOff, parentTraceIDRatio)
}

// EnvDecode reads a protocol.
func (p *OTLPProtocol) EnvDecode(s string) error {
	return choose(p, s, httpProtobuf, httpJSON, overGRPC)
}

// EnvDecode reads a compression.
func (c *Compression) EnvDecode(s string) error { return choose(c, s, gzipped, uncompressed) }

func choose[T ~string](into *T, s string, known ...T) error {
	if !slices.Contains(known, T(s)) {
		return refuse(listed(known), "%s is none of the choices", quote(s))
	}
	*into = T(s)
	return nil
}

// TrueOrFalse is a truth as OpenTelemetry writes it, in any case.
type TrueOrFalse bool

// EnvDecode reads true or false.
func (b *TrueOrFalse) EnvDecode(s string) error {
	isTrue := strings.EqualFold(s, "true")
	*b = TrueOrFalse(isTrue)
	if !isTrue && !strings.EqualFold(s, "false") {
		return refuse("true or false", "%s is neither true nor false", quote(s))
	}
	return nil
}

// Milliseconds is a duration as OpenTelemetry writes it, a number without its unit.
type Milliseconds time.Duration

// EnvDecode reads a duration of at most an hour.
func (m *Milliseconds) EnvDecode(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 3_600_000 {
		return refuse("milliseconds, 1 to 3600000", "%s is not such a number", quote(s))
	}
	*m = Milliseconds(time.Duration(n) * time.Millisecond)
	return nil
}

// Attributes are said of the process.
type Attributes []attribute.KeyValue

// EnvDecode reads pairs like key1=value1,key2=value2.
func (a *Attributes) EnvDecode(s string) error {
	pairs, err := percentPairs(s)
	for _, p := range pairs {
		*a = append(*a, attribute.String(p.key, p.value))
	}
	return err
}

type pair struct{ key, value string }

// percentPairs reads pairs like key1=value1,key2=value2, whose values may be percent-encoded. Its error repeats none of them.
func percentPairs(s string) (pairs []pair, err error) {
	for i, text := range strings.Split(s, ",") {
		if strings.TrimSpace(text) == "" {
			continue
		}
		key, value, found := strings.Cut(text, "=")
		key = strings.TrimSpace(key)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || key == "" || err != nil {
			return nil, refuse("key=value, several separated by commas, with a comma or % in a value as %2C or %25", "number %d is not key=value", i+1)
		}
		pairs = append(pairs, pair{key, value})
	}
	return pairs, nil
}
