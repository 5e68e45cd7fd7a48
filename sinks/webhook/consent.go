package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/callbus/callbus/sinks"
)

// consent is whether the endpoint agreed to be sent events. Only who holds the slot asks, and writes err.
type consent struct {
	granted atomic.Bool
	slot    chan struct{}
	asked   atomic.Int64 // how often
	err     error        // what came of it last
}

// Consent asks the endpoint whether it wants events from us, by the handshake of CloudEvents web hooks: OPTIONS, answered
// with WebHook-Allowed-Origin. It keeps to the rate that is granted. A refusal is a [*sinks.Error].
func (s *Sink) Consent(ctx context.Context) error {
	release, err := s.onlyOne(ctx)
	if err != nil {
		return err
	}
	defer release()
	return s.ask(ctx)
}

// consented asks once in the life of s. Deliveries that waited while another asked share what came of it: else each would
// wait as long again.
func (s *Sink) consented(ctx context.Context) error {
	if s.consent.granted.Load() {
		return nil
	}
	before := s.consent.asked.Load()
	release, err := s.onlyOne(ctx)
	if err != nil {
		return err
	}
	defer release()
	if s.consent.granted.Load() || s.consent.asked.Load() != before {
		return s.consent.err
	}
	return s.ask(ctx)
}

func (s *Sink) onlyOne(ctx context.Context) (release func(), err error) {
	select {
	case s.consent.slot <- struct{}{}:
		return func() { <-s.consent.slot }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("sink %s: wait for the consent of %s: %w", s.name, s.where, stopped(ctx))
	}
}

func (s *Sink) ask(ctx context.Context) error {
	err := s.handshake(ctx)
	if ctx.Err() != nil && err != nil {
		return err // we were stopped, and know nothing new
	}
	s.consent.err = err
	s.consent.asked.Add(1)
	s.consent.granted.Store(err == nil)
	return err
}

func (s *Sink) handshake(ctx context.Context) error {
	h := http.Header{}
	if asked := s.rate.perMinute(); asked > 0 {
		h["Webhook-Request-Rate"] = []string{strconv.Itoa(asked)}
	}
	resp, err := s.line.send(ctx, time.Now().Add(s.timeout), request{method: http.MethodOptions, header: h})
	if err != nil {
		return s.trouble(http.MethodOptions, ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return s.refused(http.MethodOptions, resp, nil, false)
	}
	body, cut := drain(resp)
	return s.consider(resp, body, cut)
}

// consider says whether an answer grants what was asked. The status alone grants nothing.
func (s *Sink) consider(resp *http.Response, body []byte, cut bool) error {
	const off = "; if it is not meant to be asked, set VALIDATE=false"
	origin := s.header.Get("Webhook-Request-Origin")
	switch {
	case resp.StatusCode == http.StatusMethodNotAllowed, resp.StatusCode == http.StatusNotImplemented:
		return s.unwilling(resp, "it does not support the handshake of CloudEvents web hooks ("+status(resp.StatusCode)+")"+off)
	case !ok(resp):
		return s.refused(http.MethodOptions, resp, body, cut)
	case resp.Header.Get("Webhook-Allowed-Origin") == "":
		return s.unwilling(resp, "it did not consent: its answer has no WebHook-Allowed-Origin"+off)
	case !allowed(resp.Header.Values("Webhook-Allowed-Origin"), origin):
		return s.unwilling(resp, "it did not consent: it allows another origin than "+origin)
	}
	if err := s.keepTo(resp.Header.Get("Webhook-Allowed-Rate")); err != nil {
		return s.unwilling(resp, err.Error())
	}
	return nil
}

func (s *Sink) unwilling(resp *http.Response, why string) error {
	return s.failed(http.MethodOptions, &sinks.Error{Fault: sinks.OfEndpoint, Status: resp.StatusCode, Err: errors.New(why)})
}

// allowed compares whole origins: a name that only begins or ends like ours is another's.
func allowed(origins []string, ours string) bool {
	for _, o := range origins {
		if o = strings.TrimSpace(o); o == "*" || strings.EqualFold(o, ours) {
			return true
		}
	}
	return false
}

// keepTo makes the granted rate (requests a minute) the limit, if it is less than our own. Without one our own holds: it is
// what was asked for.
func (s *Sink) keepTo(granted string) error {
	granted = strings.TrimSpace(granted)
	if granted == "" || granted == "*" {
		s.pace.set(s.rate.limit())
		return nil
	}
	n, err := strconv.ParseUint(granted, 10, 64)
	if strings.Trim(granted, "0123456789") != "" || err == nil && n == 0 {
		return errors.New("it consents, but its WebHook-Allowed-Rate is neither a positive number of requests a minute nor *")
	}
	s.pace.set(min(s.rate.limit(), rate.Limit(float64(n)/time.Minute.Seconds()))) // too many digits are the most there is
	return nil
}
