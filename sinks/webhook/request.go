package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
	"time"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
)

const userAgent = "callbus"

var traceParent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// structuredType is the value of a header, made once; nobody writes to it.
var structuredType = []string{events.ContentType + "; charset=utf-8"}

// A message is an event as it is sent, all but what differs from attempt to attempt.
type message struct {
	id     string
	header http.Header
	body   []byte
}

func (s *Sink) message(d sinks.Delivery) (message, error) {
	if len(d.Body) == 0 || d.Event.ID == "" {
		return message{}, errors.New("the event is empty or has no id")
	}
	m := message{id: MessageID(s.name, d.Event), body: d.Body}
	if s.mode == Binary {
		var err error
		if m.header, m.body, err = inBinary(d.Body); err != nil {
			return message{}, err
		}
		maps.Copy(m.header, s.header)
	} else {
		m.header = maps.Clone(s.header)
		m.header["Content-Type"] = structuredType
	}
	if t := d.Event.TraceParent; t != "" && traceParent.MatchString(t) {
		m.header["Traceparent"] = []string{t}
	}
	return m, nil
}

// request signs m for this moment.
func (s *Sink) request(ctx context.Context, m message) *http.Request {
	at := seconds(time.Now())
	values := [...]string{m.id, at, s.signer.sign(m.id, at, m.body)}
	m.header["Webhook-Id"] = values[0:1:1]
	m.header["Webhook-Timestamp"] = values[1:2:2]
	m.header["Webhook-Signature"] = values[2:3:3]
	body := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.body)), nil }
	req := s.bare(ctx, http.MethodPost, m.header)
	req.Body, _ = body()
	req.GetBody = body // net/http may send again what it had not begun to write
	req.ContentLength = int64(len(m.body))
	return req
}

// bare returns a request without a body.
func (s *Sink) bare(ctx context.Context, method string, h http.Header) *http.Request {
	req := &http.Request{Method: method, URL: s.url, Host: s.url.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return req.WithContext(ctx)
}

// lasting returns the headers that every request has.
func lasting(c Config, custom http.Header, origin string) http.Header {
	h := http.Header{"User-Agent": {userAgent}}
	maps.Copy(h, custom)
	if c.Bearer.Set() {
		h["Authorization"] = []string{"Bearer " + c.Bearer.Reveal()}
	}
	h["Webhook-Request-Origin"] = []string{origin}
	return h
}
