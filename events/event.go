package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
)

// ContentType is the media type of an event's wire form.
const ContentType = "application/cloudevents+json"

// SourcePrefix begins the CloudEvents source of every event: /callbus/<provider>/<account>.
const SourcePrefix = "/callbus/"

// Event is one fact about one call, one callback or one source, in the attributes that callbus gives it.
// A zero time or an empty string stands for an attribute that is absent.
type Event struct {
	ID            string
	Type          Type
	Account       string
	Provider      string
	Subject       string    // the id of the call, callback or gap
	Time          time.Time // when it happened at the PBX
	RecordedTime  time.Time // when callbus learned it
	CorrelationID string    // the conversation, where calls are linked; else the call id, or the gap's
	CausationID   string    // id of the event that led to this one
	ExpiryTime    time.Time // after this, do not alert a person
	TraceParent   string
	Data          any // Call, Amendment, Callback or Gap, by Type
}

// Call returns the call that e is about, and whether it is about one.
func (e Event) Call() (Call, bool) {
	switch d := e.Data.(type) {
	case Call:
		return d, true
	case Amendment:
		return d.Call, true
	}
	return Call{}, false
}

// Callback returns the callback that e is about, and whether it is about one.
func (e Event) Callback() (Callback, bool) {
	c, ok := e.Data.(Callback)
	return c, ok
}

// Source returns the CloudEvents source of e.
func (e Event) Source() string { return SourcePrefix + e.Provider + "/" + e.Account }

// PartitionKey returns the key within which order matters: account/subject.
func (e Event) PartitionKey() string { return e.Account + "/" + e.Subject }

// AppendJSON appends the CloudEvents JSON form of e to b. It is written by hand because it is on the hot path;
// a test holds it to sdk-go's reader.
func (e Event) AppendJSON(b []byte) ([]byte, error) {
	before := b
	var err error
	b = append(b, `{"specversion":"1.0"`...)
	for _, a := range [...]struct{ name, value string }{
		{"id", e.ID},
		{"source", e.Source()},
		{"type", string(e.Type)},
		{"subject", e.Subject},
		{"time", stamp(e.Time)},
		{"dataschema", e.Type.Schema()},
		{"datacontenttype", "application/json"},
		{"account", e.Account},
		{"provider", e.Provider},
		{"recordedtime", stamp(e.RecordedTime)},
		{"partitionkey", e.PartitionKey()},
		{"correlationid", e.CorrelationID},
		{"causationid", e.CausationID},
		{"expirytime", stamp(e.ExpiryTime)},
		{"traceparent", e.TraceParent},
	} {
		if a.value == "" {
			continue
		}
		b = append(b, `,"`...)
		b = append(b, a.name...)
		b = append(b, `":`...)
		if b, err = appendString(b, a.value); err != nil {
			return before, err
		}
	}
	b = append(b, `,"data":`...)
	if b, err = appendData(b, e.Data); err != nil {
		return before, fmt.Errorf("encode the data of %s %s: %w", e.Type, e.ID, err)
	}
	return append(b, '}'), nil
}

// MarshalJSON returns the CloudEvents JSON form of e.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(make([]byte, 0, 2048)) }

// appendString appends s as a JSON string. Attributes are nearly always plain ASCII, which needs no escaping.
func appendString(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&': // as encoding/json has it
			quoted, err := json.Marshal(s)
			return append(b, quoted...), err
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ErrNotOurs is wrapped by the error of [Parse] when a document is a CloudEvent, but of a type that callbus does not publish.
var ErrNotOurs = errors.New("not an event of callbus")

// Parse reads the CloudEvents JSON form of an event that callbus published.
func Parse(b []byte) (Event, error) {
	if !utf8.Valid(b) { // which the CloudEvents reader would let through, into strings that are then not what is written
		return Event{}, errors.New("read a CloudEvent: it is not UTF-8")
	}
	var ce cloudevents.Event
	if err := json.Unmarshal(b, &ce); err != nil {
		return Event{}, fmt.Errorf("read a CloudEvent: %w", err)
	}
	if err := ce.Validate(); err != nil {
		return Event{}, fmt.Errorf("read a CloudEvent: %w", err)
	}
	e, err := fromCloudEvent(ce)
	if err != nil {
		return Event{}, fmt.Errorf("read event %s of type %s: %w", ce.ID(), ce.Type(), err)
	}
	return e, nil
}

func fromCloudEvent(ce cloudevents.Event) (Event, error) {
	x := ce.Extensions()
	text := func(name string) string { s, _ := x[name].(string); return s }
	e := Event{
		ID: ce.ID(), Type: Type(ce.Type()), Account: text("account"), Provider: text("provider"),
		Subject: ce.Subject(), Time: ce.Time().UTC(),
		CorrelationID: text("correlationid"), CausationID: text("causationid"), TraceParent: text("traceparent"),
	}
	if !strings.HasPrefix(ce.Source(), SourcePrefix) {
		return Event{}, ErrNotOurs
	}
	if ce.Source() != e.Source() {
		return Event{}, fmt.Errorf("attribute source is %s, but provider and account make it %s", ce.Source(), e.Source())
	}
	var err error
	if e.RecordedTime, err = timeExtension(x, "recordedtime"); err != nil {
		return Event{}, err
	}
	if e.ExpiryTime, err = timeExtension(x, "expirytime"); err != nil {
		return Event{}, err
	}
	e.Data, err = parseData(e.Type, ce.Data())
	return e, err
}

func timeExtension(x map[string]any, name string) (time.Time, error) {
	v, ok := x[name]
	if !ok {
		return time.Time{}, nil
	}
	s, ok := v.(string)
	if !ok {
		return time.Time{}, fmt.Errorf("attribute %s is %v, which is not a string", name, v)
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("attribute %s: %w", name, err)
	}
	return t.UTC(), nil
}

func parseData(t Type, b []byte) (any, error) {
	switch t {
	case CallStarted, CallAnswered, CallEnded, CallMissed:
		c, err := decode[Call](b)
		c.Raw = known(c.Raw)
		return c, err
	case CallAmended:
		a, err := decode[Amendment](b)
		a.Raw = known(a.Raw)
		return a, err
	case CallbackOpened, CallbackDue, CallbackAttempted, CallbackCompleted, CallbackCancelled, CallbackExpired:
		return decode[Callback](b)
	case GapOpened, GapClosed:
		return decode[Gap](b)
	}
	return nil, ErrNotOurs
}

// decode refuses what is not an object: of a null, encoding/json makes an empty call.
func decode[T any](b []byte) (v T, err error) {
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return v, errors.New("its data is not a JSON object")
	}
	err = json.Unmarshal(b, &v)
	return v, err
}

// known returns raw as it was before it was encoded: encoding/json reads a null as the four letters.
func known(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}
