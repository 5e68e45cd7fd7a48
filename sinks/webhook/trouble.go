package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/callbus/callbus/sinks"
)

// trouble says what an error of the line means. caller is the context that Deliver was given.
func (s *Sink) trouble(method string, caller context.Context, err error) error {
	if caller.Err() != nil {
		return fmt.Errorf("sink %s: %s %s: %w", s.name, method, s.where, stopped(caller))
	}
	fault, why := s.judged(err)
	return s.failed(method, &sinks.Error{Fault: fault, Err: why})
}

// stopped says that the caller ended it, and why if it told.
func stopped(caller context.Context) error {
	if why := context.Cause(caller); why != caller.Err() {
		return fmt.Errorf("%w: %w", caller.Err(), why)
	}
	return caller.Err()
}

// judged says whose fault an error is, in words that hold nothing which the other side wrote.
func (s *Sink) judged(err error) (sinks.Fault, error) {
	var (
		blocked *BlockedError
		wrong   *tls.CertificateVerificationError
		name    *net.DNSError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &blocked):
		return sinks.OfEndpoint, blocked
	case errors.Is(err, errLate):
		return sinks.Passing, fmt.Errorf("no answer within %s: %w", s.timeout, context.DeadlineExceeded)
	case timedOut(err):
		return sinks.Passing, fmt.Errorf("no connection within %s: %w", min(longestConnect, s.timeout), context.DeadlineExceeded)
	case errors.As(err, &name):
		return sinks.Passing, s.said("its name cannot be resolved: %s", name)
	case errors.As(err, &wrong):
		return sinks.OfEndpoint, s.said("its certificate is refused: %s; check URL, the certificate, and TLS_CA if its authority is your own", wrong.Err)
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		return sinks.OfEndpoint, errors.New("it answers plain HTTP: check whether URL should begin with http://")
	case isTLS(err):
		return sinks.OfEndpoint, s.said("a secure connection cannot be agreed on (%s); it needs TLS 1.2 or newer, and may ask for TLS_CERT and TLS_KEY", err)
	case tooMuchHeader(err):
		return sinks.OfEvent, errors.New("it does not take headers as long as this event's attributes in mode binary")
	case errors.Is(err, errLongHeader), noHTTP(err):
		return sinks.OfEndpoint, errors.New("its answer is not HTTP, or larger than HTTP allows: check what listens at that URL")
	case errors.Is(err, syscall.ECONNREFUSED):
		return sinks.Passing, fmt.Errorf("nothing listens there: %w", syscall.ECONNREFUSED)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return sinks.Passing, fmt.Errorf("the connection was closed before an answer: %w", io.ErrUnexpectedEOF)
	case strings.Contains(err.Error(), "readLoopPeekFail"): // of a kept connection it may be the surplus of an answer before
		return sinks.Passing, errors.New("it sent something before it was asked: check what listens at that URL")
	}
	return sinks.Passing, s.said("no answer: %s", err)
}

// said words an error of the transport, redacted; the error itself is not kept, because it may hold a secret.
func (s *Sink) said(format string, err error) error {
	return fmt.Errorf(format, s.redact.line(err.Error()))
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func isTLS(err error) bool {
	var (
		alert  tls.AlertError
		record tls.RecordHeaderError
	)
	// Much of crypto/tls fails with plain text, all of it beginning so.
	return errors.As(err, &alert) || errors.As(err, &record) || strings.Contains(err.Error(), "tls: ")
}

// noHTTP and tooMuchHeader know what net/http says by its text, because it has no values for it; tests hold it to that.
func noHTTP(err error) bool {
	text := err.Error()
	for _, said := range []string{
		"malformed", "headers exceeded", "header list", "too many 1xx", "invalid header", "invalid Content-Length", "bad Content-Length", "multiple Content-Length",
		"transfer encoding", "Transfer-Encoding", "line too long", "PROTOCOL_ERROR", "frame too large", "FRAME_SIZE_ERROR", "COMPRESSION_ERROR",
		"failed reading the frame", "unexpected preface",
	} {
		if strings.Contains(text, said) {
			return true
		}
	}
	return false
}

func tooMuchHeader(err error) bool {
	return strings.Contains(err.Error(), "request header list larger than peer's advertised limit")
}
