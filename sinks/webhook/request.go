package webhook

import (
	"errors"
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
	header http.Header // beside those of every request
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
	} else {
		m.header = http.Header{"Content-Type": structuredType}
	}
	if t := d.Event.TraceParent; t != "" && traceParent.MatchString(t) {
		m.header["Traceparent"] = []string{t}
	}
	return m, nil
}

// signed returns the request of m for this moment.
func (s *Sink) signed(m message) request {
	at := seconds(time.Now())
	values := [...]string{m.id, at, s.signer.sign(m.id, at, m.body)}
	m.header["Webhook-Id"] = values[0:1:1]
	m.header["Webhook-Timestamp"] = values[1:2:2]
	m.header["Webhook-Signature"] = values[2:3:3]
	return request{http.MethodPost, m.header, m.body}
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
