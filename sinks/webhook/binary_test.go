package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
	"github.com/callbus/callbus/sinks"
	"github.com/callbus/callbus/sinks/webhook"
)

func TestInBinaryTheDataIsCutOutAsItStands(t *testing.T) {
	// No encoder would write numbers, blanks and escapes as they stand here.
	const data = `{ "a" : 1.0e2, "b":"\u0041\/", "c":[ ],"d":12345678901234567890}`
	h, body, err := webhook.InBinary([]byte(`{"specversion":"1.0","id":"1","data": ` + data + ` ,"type":"call.missed","count":3,"flag":true,"gone":null}`))
	if err != nil || string(body) != data {
		t.Errorf("InBinary: %s, %v; want %s", body, err, data)
	}
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-id": "1", "ce-type": "call.missed", "ce-count": "3", "ce-flag": "true", "ce-gone": "", "ce-data": "", "ce-datacontenttype": "",
		"content-type": "application/json",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestOtherKindsOfData(t *testing.T) {
	for event, want := range map[string]string{
		`{"datacontenttype":"text/plain; charset=utf-8","data":"a\nb"}`: "text/plain; charset=utf-8|a\nb",
		`{"datacontenttype":"application/json","data":"a\nb"}`:          `application/json|"a\nb"`,
		`{"datacontenttype":"application/x+json","data":"a"}`:           `application/x+json|"a"`,
		`{"datacontenttype":null,"data":null}`:                          `application/json|null`,
		`{"datacontenttype":"image/png","data_base64":"AAH/"}`:          "image/png|\x00\x01\xff",
	} {
		h, body, err := webhook.InBinary([]byte(event))
		if got := h.Get("Content-Type") + "|" + string(body); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", event, got, err, want)
		}
	}
}

// H-14, what is refused.
func TestWhatNoHeaderCanCarryIsRefused(t *testing.T) {
	for name, event := range map[string]string{
		"not JSON":                       `{`,
		"not an object":                  `[]`,
		"no data":                        `{"id":"1"}`,
		"a name with a line break":       `{"a\r\nHost: evil":"1","data":1}`,
		"a name in capitals":             `{"Id":"1","data":1}`,
		"an empty name":                  `{"":"1","data":1}`,
		"an object for an attribute":     `{"id":{"a":1},"data":1}`,
		"a list for an attribute":        `{"id":[1],"data":1}`,
		"a type with a line break":       `{"datacontenttype":"text/plain\r\nHost: evil","data":"a"}`,
		"a type that is none":            `{"datacontenttype":"text plain","data":"a"}`,
		"a type that is a number":        `{"datacontenttype":5,"data":"a"}`,
		"data_base64 that is not base64": `{"data_base64":"?","datacontenttype":"image/png"}`,
		"data_base64 that is no text":    `{"data_base64":5}`,
	} {
		if h, body, err := webhook.InBinary([]byte(event)); err == nil {
			t.Errorf("%s: %v %s, want an error", name, h, body)
		}
	}
	var asked int
	s := sink(t, server(t, func(http.ResponseWriter, *http.Request) { asked++ }), func(c *webhook.Config) { c.Mode = webhook.Binary })
	d := delivery(t)
	d.Body = []byte(`{"a\r\nHost: evil":"1","data":1}`)
	if err := s.Deliver(t.Context(), d); faultOf(err) != sinks.OfEvent || asked != 0 {
		t.Errorf("Deliver: %v after %d requests, want the event's fault and no request", err, asked)
	}
}

// H-14, CB-3: whatever an attribute holds, the receiver reads just that, and no header more.
func TestAttributesArriveAsTheyAre(t *testing.T) {
	got := make(chan http.Header, 1)
	s := sink(t, server(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }), func(c *webhook.Config) { c.Mode = webhook.Binary })
	headers := 0
	check := func(t interface {
		Helper()
		Context() context.Context
		Fatalf(string, ...any)
	}, d sinks.Delivery, subject string) {
		t.Helper()
		if err := s.Deliver(t.Context(), d); err != nil {
			t.Fatalf("Deliver: %v", err)
		}
		h := <-got
		value := h.Get("ce-subject")
		if decoded, err := url.PathUnescape(value); err != nil || decoded != subject {
			t.Fatalf("ce-subject %q is decoded %q, %v; want %q", value, decoded, err, subject)
		}
		if headers == 0 {
			headers = len(h)
		}
		if strings.ContainsAny(value, " \"\r\n\x00") || len(h) != headers {
			t.Fatalf("ce-subject %q comes with %d headers, want %d", value, len(h), headers)
		}
	}
	for _, subject := range []string{"Łukasz 100% +48", "a\r\nHost: evil", "a\x00b", `"quoted"`, "%41", "~!", "\u2028\U0001F4DE", strings.Repeat("x", 64<<10)} {
		check(t, delivery(t, func(e *events.Event) { e.Subject = subject }), subject)
	}
	rapid.Check(t, func(r *rapid.T) {
		subject := rapid.StringN(1, 30, -1).Filter(utf8.ValidString).Draw(r, "subject")
		check(r, delivery(t, func(e *events.Event) { e.Subject = subject }), subject)
	})
}

func FuzzInBinary(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"1","datacontenttype":"text/plain","data":"x","subject":"Ł %"}`))
	f.Add([]byte(`{"a":"\r\n","data_base64":"AA=="}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		h, body, err := webhook.InBinary(event)
		if err != nil {
			return
		}
		for name, values := range h {
			if strings.ContainsAny(name+values[0], "\r\n\x00") {
				t.Errorf("%q: header %q: %q", event, name, values)
			}
		}
		if json.Valid(body) && !bytes.Contains(event, body) && !bytes.Contains(event, []byte("base64")) && !bytes.Contains(event, []byte(`\`)) && !bytes.Contains(event, []byte(`"`)) {
			t.Errorf("%q: the data became %q", event, body)
		}
	})
}
