package events

import (
	"bytes"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ParseEnvelope reads an event as [Parse] does, but for its data, which stays nil: who passes an event on needs no more, and
// has it in a tenth of the time. Of the data it is only certain that it is a JSON object.
func ParseEnvelope(b []byte) (Event, error) {
	if e, ok := envelope(b); ok {
		return e, nil
	}
	e, err := Parse(b)
	e.Data = nil
	return e, err
}

// envelope reads what is written as AppendJSON writes it: no blanks, specversion first, data last, and text that needs no
// escaping. What is written in any other way is left to Parse, and so is what is wrong.
func envelope(b []byte) (Event, bool) {
	head, data, _ := bytes.Cut(b, []byte(`,"data":`)) // within the text of an attribute its quotes would be escaped
	rest, ok := strings.CutPrefix(string(head), `{"specversion":"1.0"`)
	if !ok || !utf8.Valid(b) || !closesAfterObject(data) {
		return Event{}, false
	}
	var a attributes
	for rest != "" {
		if rest, ok = a.read(rest); !ok {
			return Event{}, false
		}
	}
	return a.event()
}

// closesAfterObject tells whether b is a JSON object and the end of the one around it.
func closesAfterObject(b []byte) bool {
	n := compactObject(b)
	return n > 0 && string(b[n:]) == "}"
}

// attributes are the CloudEvents attributes of an event, as they are written.
type attributes struct {
	id, source, typ, subject, time, dataschema, datacontenttype               string
	account, provider, recordedtime, partitionkey, correlationid, causationid string
	expirytime, traceparent                                                   string
}

func (a *attributes) named(name string) *string {
	switch name {
	case "id":
		return &a.id
	case "source":
		return &a.source
	case "type":
		return &a.typ
	case "subject":
		return &a.subject
	case "time":
		return &a.time
	case "dataschema":
		return &a.dataschema
	case "datacontenttype":
		return &a.datacontenttype
	case "account":
		return &a.account
	case "provider":
		return &a.provider
	case "recordedtime":
		return &a.recordedtime
	case "partitionkey":
		return &a.partitionkey
	case "correlationid":
		return &a.correlationid
	case "causationid":
		return &a.causationid
	case "expirytime":
		return &a.expirytime
	case "traceparent":
		return &a.traceparent
	}
	return nil
}

// read reads the attribute that s begins with, and returns what follows it.
func (a *attributes) read(s string) (rest string, ok bool) {
	s, begins := strings.CutPrefix(s, `,"`)
	name, rest, _ := strings.Cut(s, `":"`)
	value, rest, ends := strings.Cut(rest, `"`)
	to := a.named(name)
	if !begins || !ends || to == nil || *to != "" || !isPlainText(value) {
		return "", false
	}
	*to = value
	return rest, true
}

// isPlainText tells whether s stands for itself between quotes, and is what an attribute may be.
func isPlainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '\\' {
			return false
		}
	}
	return strings.TrimSpace(s) != ""
}

// event returns the event that a describes, if that is certain.
func (a *attributes) event() (Event, bool) {
	e := Event{
		ID: a.id, Type: Type(a.typ), Account: a.account, Provider: a.provider, Subject: a.subject,
		CorrelationID: a.correlationid, CausationID: a.causationid, TraceParent: a.traceparent,
	}
	if e.ID == "" || !slices.Contains(Types(), e.Type) || a.dataschema != e.Type.Schema() || a.datacontenttype != "application/json" {
		return Event{}, false
	}
	if a.source != e.Source() || strings.ContainsFunc(a.source, mayMeanMoreInURI) {
		return Event{}, false
	}
	ok := readTime(&e.Time, a.time) && readTime(&e.RecordedTime, a.recordedtime) && readTime(&e.ExpiryTime, a.expirytime)
	return e, ok
}

func mayMeanMoreInURI(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '/'
}

func readTime(to *time.Time, s string) bool {
	if s == "" {
		return true
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	*to = t.UTC()
	return err == nil
}
