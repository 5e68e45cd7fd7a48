package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/callbus/callbus/events/secret"
)

// What is said for traces wins over what is said for all signals.
const (
	otlpPrefix       = "OTEL_EXPORTER_OTLP_"
	otlpTracesPrefix = "OTEL_EXPORTER_OTLP_TRACES_"
)

// OTLP is how the OpenTelemetry protocol is spoken, and with whom.
type OTLP struct {
	Endpoint          string       `env:"ENDPOINT"`
	Protocol          OTLPProtocol `env:"PROTOCOL"`
	Headers           secret.Text  `env:"HEADERS"`
	Timeout           Milliseconds `env:"TIMEOUT"`
	Compression       Compression  `env:"COMPRESSION"`
	Insecure          TrueOrFalse  `env:"INSECURE"`
	Certificate       string       `env:"CERTIFICATE"`        // a file: authorities
	ClientCertificate string       `env:"CLIENT_CERTIFICATE"` // a file
	ClientKey         string       `env:"CLIENT_KEY"`         // a file, not the key itself
}

// OTLPProtocol is how spans are written and carried.
type OTLPProtocol string

const (
	httpProtobuf OTLPProtocol = "http/protobuf"
	httpJSON     OTLPProtocol = "http/json"
	overGRPC     OTLPProtocol = "grpc"
)

// Compression of what is sent.
type Compression string

const (
	gzipped      Compression = "gzip"
	uncompressed Compression = "none"
)

// otlp reads how traces are sent. Its Endpoint is then the whole URL.
func (r *reader) otlp() OTLP {
	var all, traces OTLP
	r.read(ownerCallbus, otlpPrefix, &all)
	r.read(ownerCallbus, otlpTracesPrefix, &traces)
	o := traces.or(all)
	u, err := o.address(traces.Endpoint == "")
	r.check(otlpVariable("ENDPOINT", traces.Endpoint != ""), err)
	_, err = o.header()
	r.check(otlpVariable("HEADERS", traces.Headers.Set()), err)
	_, err = o.tls()
	r.validate(otlpVariable("", traces.secured()), err)
	if err == nil && u != nil && u.Scheme == "http" && o.secured() {
		r.check(otlpVariable("ENDPOINT", traces.Endpoint != ""), errors.New("begins with http://, and a certificate is set: it needs https://"))
	}
	if u != nil {
		o.Endpoint = u.String()
	}
	return o
}

// or returns o with what it does not say taken from all.
func (o OTLP) or(all OTLP) OTLP {
	return OTLP{
		Endpoint:          cmp.Or(o.Endpoint, all.Endpoint),
		Protocol:          cmp.Or(o.Protocol, all.Protocol, httpProtobuf),
		Headers:           cmp.Or(o.Headers, all.Headers),
		Timeout:           cmp.Or(o.Timeout, all.Timeout, Milliseconds(10*time.Second)),
		Compression:       cmp.Or(o.Compression, all.Compression, uncompressed),
		Insecure:          cmp.Or(o.Insecure, all.Insecure),
		Certificate:       cmp.Or(o.Certificate, all.Certificate),
		ClientCertificate: cmp.Or(o.ClientCertificate, all.ClientCertificate),
		ClientKey:         cmp.Or(o.ClientKey, all.ClientKey),
	}
}

func otlpVariable(name string, forTraces bool) string {
	if forTraces {
		return otlpTracesPrefix + name
	}
	return otlpPrefix + name
}

// acceptedEndpoint has the usual ports.
const acceptedEndpoint = "a URL like http://127.0.0.1:4318, or http://127.0.0.1:4317 with OTEL_EXPORTER_OTLP_PROTOCOL=grpc"

// address returns where traces are sent. What is said for all signals is where the paths of each begin, what is said for traces
// is taken as it is. The endpoint is not repeated in an error: it may hold a secret.
func (o OTLP) address(forAll bool) (*url.URL, error) {
	u, err := url.Parse(o.endpoint())
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !isPort(u.Port()):
		return nil, refuse(acceptedEndpoint, "is not such a URL")
	case u.User != nil:
		return nil, errors.New("holds credentials: they belong into " + otlpPrefix + "HEADERS")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, refuse(acceptedEndpoint, "holds more than a host and a path")
	}
	if forAll && o.Protocol != overGRPC {
		u = u.JoinPath("v1", "traces")
	}
	return u, nil
}

// endpoint is what is set, or the usual place; over gRPC it may be a host and port alone.
func (o OTLP) endpoint() string {
	switch grpc := o.Protocol == overGRPC; {
	case o.Endpoint == "" && grpc:
		return "http://127.0.0.1:4317"
	case o.Endpoint == "":
		return "http://127.0.0.1:4318"
	case !grpc || strings.Contains(o.Endpoint, "://"):
		return o.Endpoint
	case bool(o.Insecure):
		return "http://" + o.Endpoint
	}
	return "https://" + o.Endpoint
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil && n > 0
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// header returns what each request carries.
func (o OTLP) header() (map[string]string, error) {
	pairs, err := percentPairs(o.Headers.Reveal())
	header := make(map[string]string, len(pairs))
	for i, p := range pairs {
		if !headerName.MatchString(p.key) || strings.ContainsFunc(p.value, func(c rune) bool { return c < ' ' || c > '~' }) {
			return nil, fmt.Errorf("number %d holds letters that a header cannot carry", i+1)
		}
		header[p.key] = p.value
	}
	return header, err
}

func (o OTLP) secured() bool { return o.Certificate+o.ClientCertificate+o.ClientKey != "" }

// tls returns how a connection is secured. Its error begins with the end of the variable that is at fault.
func (o OTLP) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.Certificate != "" {
		text, err := os.ReadFile(o.Certificate)
		if err != nil {
			return nil, fmt.Errorf("CERTIFICATE: cannot be read: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("CERTIFICATE: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", o.Certificate)
		}
	}
	switch {
	case o.ClientCertificate == "" && o.ClientKey == "":
		return t, nil
	case o.ClientCertificate == "":
		return nil, errors.New("CLIENT_CERTIFICATE: not set, but CLIENT_KEY is: they go together")
	case o.ClientKey == "":
		return nil, errors.New("CLIENT_KEY: not set, but CLIENT_CERTIFICATE is: they go together")
	}
	own, err := tls.LoadX509KeyPair(o.ClientCertificate, o.ClientKey)
	if err != nil {
		return nil, fmt.Errorf("CLIENT_CERTIFICATE: cannot be used with CLIENT_KEY: %w", err)
	}
	t.Certificates = []tls.Certificate{own}
	return t, nil
}
