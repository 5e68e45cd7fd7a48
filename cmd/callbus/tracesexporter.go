package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"

	"github.com/callbus/callbus/events/secret"
)

// An exporter hands over spans, and says itself when it cannot, now and then: an endpoint that is away all night is one line in
// ten minutes.
type exporter struct {
	sdktrace.SpanExporter
	log     *slog.Logger
	where   string
	redact  func(string) string
	halted  context.Context
	halt    func() // ends what is under way, and all that comes after it
	release func()

	mu   sync.Mutex
	lost int       // spans, since it was said
	said time.Time // that some are lost
	told bool      // and not yet that it is over
}

// sayLostEvery is how often it is said that spans are lost.
const sayLostEvery = 10 * time.Minute

func newExporter(ctx context.Context, t Traces, log *slog.Logger) (*exporter, error) {
	e := &exporter{log: log, where: "standard error", redact: t.OTLP.redact, release: func() {}}
	e.halted, e.halt = context.WithCancel(context.Background())
	var err error
	if t.Exporter == tracesToConsole {
		e.SpanExporter, err = stdouttrace.New(stdouttrace.WithWriter(os.Stderr)) // standard output is for results
		return e, err
	}
	e.where = t.OTLP.host()
	client, release, err := t.OTLP.client()
	if err != nil {
		return nil, err
	}
	e.release = release
	e.SpanExporter, err = otlptrace.New(ctx, client)
	return e, err
}

// ExportSpans hands over spans until the exporter is halted. It has no error: what is lost is noted here.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.halted, cancel)()
	e.note(len(spans), e.SpanExporter.ExportSpans(ctx, spans), time.Now())
	return nil
}

// Shutdown is called when the last spans were handed over.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer e.release()
	return e.SpanExporter.Shutdown(ctx)
}

// note says what came of handing over so many spans, if that is news.
func (e *exporter) note(spans int, err error, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		if e.told {
			e.log.Info("traces are handed over again", "endpoint", e.where)
		}
		e.told, e.lost = false, 0
		return
	}
	if e.lost += spans; !e.said.IsZero() && now.Sub(e.said) < sayLostEvery {
		return
	}
	e.log.Warn("traces cannot be handed over, and spans are lost; all else goes on", "endpoint", e.where, "spans", e.lost, "error", e.redact(err.Error()))
	e.said, e.told, e.lost = now, true, 0
}

// debug is for what the SDK finds wrong besides.
func (e *exporter) debug(err error) { e.log.Debug("OpenTelemetry", "error", e.redact(err.Error())) }

// client returns what speaks with the endpoint, and what to call when it has been shut down.
func (o OTLP) client() (client otlptrace.Client, release func(), err error) {
	header, headerErr := o.header()
	secured, tlsErr := o.tls()
	if err := errors.Join(headerErr, tlsErr); err != nil {
		return nil, nil, err // a file that was changed just now
	}
	if o.Protocol == overGRPC {
		return otlptracegrpc.NewClient(o.grpc(header, secured)...), func() {}, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = secured
	return otlptracehttp.NewClient(o.http(header, transport)...), transport.CloseIdleConnections, nil
}

func (o OTLP) grpc(header map[string]string, secured *tls.Config) []otlptracegrpc.Option {
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpointURL(o.Endpoint), otlptracegrpc.WithHeaders(header), otlptracegrpc.WithTimeout(time.Duration(o.Timeout)),
	}
	if strings.HasPrefix(o.Endpoint, "https:") {
		options = append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(secured)))
	}
	if o.Compression == gzipped {
		options = append(options, otlptracegrpc.WithCompressor("gzip"))
	}
	return options
}

func (o OTLP) http(header map[string]string, transport *http.Transport) []otlptracehttp.Option {
	encoding, compression := otlptracehttp.EncodingProtobuf, otlptracehttp.NoCompression
	if o.Protocol == httpJSON {
		encoding = otlptracehttp.EncodingJSON
	}
	if o.Compression == gzipped {
		compression = otlptracehttp.GzipCompression
	}
	return []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(o.Endpoint), otlptracehttp.WithHeaders(header),
		otlptracehttp.WithEncoding(encoding), otlptracehttp.WithCompression(compression),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: transport, Timeout: time.Duration(o.Timeout), CheckRedirect: notElsewhere}),
	}
}

// notElsewhere keeps the headers, which are secret, from another server.
func notElsewhere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// host is what may be told of the endpoint: its path may be a secret.
func (o OTLP) host() string {
	u, err := url.Parse(o.Endpoint)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// redact takes out of what went wrong what is secret, and keeps it to one line.
func (o OTLP) redact(text string) string {
	if host := o.host(); o.Endpoint != "" {
		text = strings.ReplaceAll(text, o.Endpoint, host)
		text = secret.Redact(text, secret.New(strings.Trim(strings.TrimSuffix(strings.TrimPrefix(o.Endpoint, host), "/v1/traces"), "/")))
	}
	header, _ := o.header() // it was checked
	for _, value := range header {
		text = secret.Redact(text, secret.New(value))
		if _, token, found := strings.Cut(value, " "); found { // Bearer, and the token
			text = secret.Redact(text, secret.New(token))
		}
	}
	return clean(text, 300)
}
