package events_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
)

func TestAnEnvelopeIsTheEventWithoutItsData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anEvent().Draw(t, "event")
		wire := encode(t, want)
		got, err := events.ParseEnvelope(wire)
		if err != nil {
			t.Fatalf("ParseEnvelope(%s) = %v", wire, err)
		}
		if want.Data = nil; !reflect.DeepEqual(got, want) {
			t.Fatalf("ParseEnvelope(%s)\n = %+v\nwant %+v", wire, got, want)
		}
	})
}

func TestTheEnvelopeOfEveryTypeIsReadAtOnceAndAlsoWithBlanks(t *testing.T) {
	for _, typ := range events.Types() {
		document := []byte(example(t, typ))
		want, err := events.Parse(document)
		if err != nil {
			t.Fatal(err)
		}
		wire := encode(t, want)
		want.Data = nil
		if got, ok := events.QuickEnvelope(wire); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("the envelope of %s is not read at once: %+v, %v", typ, got, ok)
		}
		if got, err := events.ParseEnvelope(document); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("the envelope of %s with blanks is %+v, %v", typ, got, err)
		}
	}
}

// What is wrong, or merely unusual, is left to the reader that sdk-go is part of.
func TestWhatIsNotReadAtOnce(t *testing.T) {
	e, err := events.Parse([]byte(example(t, events.CallMissed)))
	if err != nil {
		t.Fatal(err)
	}
	good := string(encode(t, e))
	for _, c := range []struct{ name, old, new string }{
		{"a document that ends early", "}}", "}"},
		{"something behind the document", "}}", "}}}"},
		{"data that is no object", `,"data":{`, `,"data":[{`},
		{"data that is no JSON", `"state":`, `"state"`},
		{"data in the middle", `,"data":`, `,"data":{},"data":`},
		{"bytes that are not UTF-8", "Ayşe", "Ay\xffe"},
		{"another version", `"1.0"`, `"0.3"`},
		{"no id", `"id":`, `"traceparent":`},
		{"a blank subject", `"subject":"`, `"subject":" ","causationid":"`},
		{"an attribute twice", `,"account":`, `,"provider":"telsam","account":`},
		{"an attribute of somebody else", `,"account":`, `,"colour":"red","account":`},
		{"a number", `,"account":`, `,"traceparent":5,"account":`},
		{"an escape", `,"account":`, `,"traceparent":"\u0041","account":`},
		{"a control character", `,"account":`, `,"traceparent":"` + "\t" + `","account":`},
		{"another source", `"source":"/callbus/`, `"source":"/other/`},
		{"a type that callbus does not publish", `call.missed"`, `call.lost"`},
		{"another schema", `:1"`, `:2"`},
		{"another media type", `application/json`, `text/plain`},
		{"a time that is none", `"time":"`, `"time":"x`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(good, c.old) {
				t.Fatalf("the example does not hold %q", c.old)
			}
			if e, ok := events.QuickEnvelope([]byte(strings.Replace(good, c.old, c.new, 1))); ok {
				t.Errorf("it is read as %+v", e)
			}
		})
	}
}

func TestAnEnvelopeAroundDataThatCannotBeReadIsRefused(t *testing.T) {
	good := example(t, events.CallMissed)
	for _, document := range []string{"", "{", good[:len(good)/2], strings.Replace(good, `"id"`, `"ident"`, 1), `{"specversion":"1.0"`} {
		if e, err := events.ParseEnvelope([]byte(document)); err == nil || !reflect.DeepEqual(e, events.Event{}) {
			t.Errorf("ParseEnvelope(%q) = %+v, %v", document, e, err)
		}
	}
}

// FuzzParseEnvelope holds ParseEnvelope to Parse: they read the same, and differ only about data that is not what its type
// says.
func FuzzParseEnvelope(f *testing.F) {
	for _, typ := range events.Types() {
		e, err := events.Parse([]byte(example(f, typ)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encode(f, e))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		envelope, err := events.ParseEnvelope(document)
		whole, wholeErr := events.Parse(document)
		switch {
		case wholeErr == nil:
			if whole.Data = nil; err != nil || !reflect.DeepEqual(envelope, whole) {
				t.Fatalf("Parse reads\n%+v\nParseEnvelope\n%+v, %v", whole, envelope, err)
			}
		case err == nil:
			readsWithOtherData(t, envelope, document)
		}
	})
}

// readsWithOtherData checks that it is the data alone that Parse does not like about a document.
func readsWithOtherData(t *testing.T, envelope events.Event, document []byte) {
	t.Helper()
	head, data, _ := bytes.Cut(document, []byte(`,"data":`))
	if !json.Valid(document) || !bytes.HasPrefix(data, []byte("{")) {
		t.Fatalf("ParseEnvelope accepts %q", document)
	}
	other := append(bytes.Clone(head), `,"data":{}}`...)
	whole, err := events.Parse(other)
	if whole.Data = nil; err != nil || !reflect.DeepEqual(envelope, whole) {
		t.Fatalf("Parse reads %q as\n%+v, %v\nParseEnvelope\n%+v", other, whole, err, envelope)
	}
}

// FuzzCompactObject holds the scan to encoding/json.
func FuzzCompactObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,-0.5e+7,true,false,null,"x\"\\\u00ffç"],"b":{"c":""}}}`, `{"a":01}`, `{"a":"\u12g4"}`, `{,}`, `{"a":[,]}`, `{"a":-}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n := events.CompactObject(b)
		if n > 0 && !json.Valid(b[:n]) {
			t.Fatalf("%q passes for JSON", b[:n])
		}
		var compact bytes.Buffer
		if json.Compact(&compact, b) == nil && b[0] == '{' && compact.Len() == len(b) && bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) < 90 && n != len(b) {
			t.Fatalf("%q is JSON without blanks, and is not taken for it", b)
		}
	})
}

func BenchmarkParseEnvelope(b *testing.B) {
	e, err := events.Parse([]byte(example(b, events.CallMissed)))
	if err != nil {
		b.Fatal(err)
	}
	wire := encode(b, e)
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		if _, err := events.ParseEnvelope(wire); err != nil {
			b.Fatal(err)
		}
	}
}
