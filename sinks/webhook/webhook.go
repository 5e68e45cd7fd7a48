package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/callbus/callbus/sinks"
)

const defaultOrigin = "callbus"

// Options of a Sink. The zero value of each stands for its default.
type Options struct {
	Origin   string        // who sends, in WebHook-Request-Origin: by rights a DNS name; default callbus
	Resolver *net.Resolver // default the system's
}

// A Sink POSTs events to one URL.
type Sink struct {
	name    string
	url     *url.URL
	where   string // scheme and host of it, for errors
	mode    Mode
	timeout time.Duration
	header  http.Header // of every request; nobody writes to it
	signer  *Signer
	redact  redactor
	line    *line

	rate Rate // RATE
	pace *pace

	askFirst  bool
	consent   consent
	delivered atomic.Bool // anything at all, in this life
}

var _ sinks.Carrier = (*Sink)(nil)

// New returns the sink of that name. It contacts nobody, and reads only the files that c names. Its error is that of
// [Config.Validate].
func New(name string, c Config, o Options) (*Sink, error) {
	origin := cmp.Or(o.Origin, defaultOrigin)
	if err := errors.Join(c.Validate(), checkOrigin(origin)); err != nil {
		return nil, fmt.Errorf("sink %s: %w", name, err)
	}
	var (
		u, urlErr       = c.endpoint()
		keys, keysErr   = signingKeys(c.Secret)
		custom, headErr = customHeaders(c.Headers)
		t, tlsErr       = c.tls()
	)
	if err := errors.Join(urlErr, keysErr, headErr, tlsErr); err != nil {
		return nil, fmt.Errorf("sink %s: %w", name, err) // a file that was changed just now
	}
	header := lasting(c, custom, origin)
	return &Sink{
		name: name, url: u, where: u.Scheme + "://" + u.Host, mode: c.mode(), timeout: c.timeout(),
		header: header, signer: &Signer{keys}, redact: newRedactor(c, u, header),
		line: newLine(u, header, t, guard{c.AllowCIDRs}, o.Resolver, c.timeout()),
		rate: c.Rate, pace: newPace(c.Rate.limit()),
		askFirst: c.AskConsent, consent: consent{slot: make(chan struct{}, 1)},
	}, nil
}

func checkOrigin(origin string) error {
	if !plain(origin) {
		return errors.New("the origin holds letters that a header cannot carry")
	}
	return nil
}

// Deliver POSTs an event, once, and returns nil when the endpoint answered with a status of 2xx. See [sinks.Sink].
func (s *Sink) Deliver(ctx context.Context, d sinks.Delivery) error {
	m, err := s.message(d)
	if err != nil {
		return s.failed(http.MethodPost, &sinks.Error{Fault: sinks.OfEvent, Err: err})
	}
	if s.askFirst {
		if err := s.consented(ctx); err != nil {
			return err
		}
	}
	if err := s.turn(ctx); err != nil {
		return err
	}
	traced, span := s.begin(ctx, m, d.Event.Type)
	status, err := s.post(traced, m)
	s.end(ctx, span, status, err)
	return err
}

// post sends m once, and returns the status of the answer, 0 when there was none.
func (s *Sink) post(ctx context.Context, m message) (status int, err error) {
	resp, err := s.line.send(ctx, time.Now().Add(s.timeout), s.signed(m))
	if err != nil {
		return 0, s.trouble(http.MethodPost, ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// Its body is the connection itself, which heeds no timeout: it is not read.
		return resp.StatusCode, s.refused(http.MethodPost, resp, nil, false)
	}
	body, cut := drain(resp)
	if !ok(resp) {
		return resp.StatusCode, s.refused(http.MethodPost, resp, body, cut)
	}
	s.delivered.Store(true)
	return resp.StatusCode, nil
}

// failed says of a failure which sink it was and what was being done.
func (s *Sink) failed(method string, e *sinks.Error) error {
	e.Err = fmt.Errorf("sink %s: %s %s: %w", s.name, method, s.where, e.Err)
	return e
}

// Carries is of [sinks.Carrier]: of an event its id and source are needed, and its trace.
func (s *Sink) Carries() {}

// Close closes the connections that are kept.
func (s *Sink) Close() error {
	s.line.close()
	return nil
}
