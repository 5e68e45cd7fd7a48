// Package log is a sink that writes each event as a line of JSON: to look at, to pipe into another program, or to keep.
//
// A line is the event as it is stored, a CloudEvent in the JSON format. Lines are whole, also when many are written at
// once: each is one Write. If one could not be written whole, the next begins on a line of its own, and the event is
// written again.
//
// Deliver returns when the writer has taken the line; what it has taken is delivered. A writer that blocks, a pipe that
// nobody reads, blocks the sink for as long, and nothing but itself: no event is lost.
package log

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/callbus/callbus/sinks"
)

type sink struct {
	turn chan struct{} // holds one: whoever has it writes
	w    io.Writer
	line []byte
	torn bool // the last line was not written whole
}

var _ sinks.Carrier = (*sink)(nil)

// New returns a sink that writes to w, which it does not close. An error of w is the endpoint's: it concerns every event.
func New(w io.Writer) sinks.Sink {
	s := &sink{turn: make(chan struct{}, 1), w: w}
	s.turn <- struct{}{}
	return s
}

// Deliver writes one line. Waiting for others to write ends with ctx; writing does not.
func (s *sink) Deliver(ctx context.Context, d sinks.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.turn:
	}
	defer func() { s.turn <- struct{}{} }()
	return s.write(d.Body)
}

func (s *sink) write(body []byte) error {
	line, err := s.lineOf(body)
	if err != nil {
		return &sinks.Error{Fault: sinks.OfEvent, Err: fmt.Errorf("write an event as a line: %w", err)}
	}
	n, err := s.w.Write(line)
	if n < len(line) && err == nil {
		err = io.ErrShortWrite
	}
	if err != nil {
		s.torn = s.torn || n > 0
		return &sinks.Error{Fault: sinks.OfEndpoint, Err: fmt.Errorf("write an event as a line: %w", err)}
	}
	s.torn = false
	return nil
}

// lineOf returns body on one line.
func (s *sink) lineOf(body []byte) ([]byte, error) {
	b := bytes.NewBuffer(s.line[:0])
	if s.torn {
		b.WriteByte('\n')
	}
	if bytes.ContainsAny(body, "\r\n") {
		if err := json.Compact(b, body); err != nil {
			return nil, err
		}
	} else {
		b.Write(body)
	}
	b.WriteByte('\n')
	s.line = b.Bytes()
	return s.line, nil
}

// Carries is of [sinks.Carrier].
func (s *sink) Carries() {}

func (s *sink) Close() error { return nil }
