package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"pgregory.net/rapid"

	"github.com/callbus/callbus/events"
)

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anEvent().Draw(t, "event")
		wire := encode(t, want)
		got, err := events.Parse(wire)
		if err != nil {
			t.Fatalf("Parse(%s) = %v", wire, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("Parse(%s)\n = %+v\nwant %+v", wire, got, want)
		}
	})
}

func TestTheCloudEventsSDKReadsWhatWasMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anEvent().Draw(t, "event")
		var got cloudevents.Event
		if err := json.Unmarshal(encode(t, e), &got); err != nil {
			t.Fatal(err)
		}
		if err := got.Validate(); err != nil {
			t.Fatal(err)
		}
		want := sdkEvent(t, e)
		if got.String() != want.String() || !reflect.DeepEqual(got.Extensions(), want.Extensions()) {
			t.Fatalf("the SDK reads\n%s\nwant\n%s", got, want)
		}
	})
}

func TestTheCloudEventsSDKWritesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anEvent().Draw(t, "event")
		theirs, err := json.Marshal(sdkEvent(t, e))
		if err != nil {
			t.Fatal(err)
		}
		ours := encode(t, e)
		if got, want := decode(t, ours), decode(t, theirs); !reflect.DeepEqual(got, want) {
			t.Fatalf("AppendJSON wrote\n%s\nthe SDK\n%s", ours, theirs)
		}
	})
}

// sdkEvent is e as somebody would make it who uses the SDK alone. It sets the context's fields, because the SDK's setters
// cut blanks off the ends of what they are given.
func sdkEvent(t *rapid.T, e events.Event) cloudevents.Event {
	data, err := json.Marshal(e.Data)
	if err != nil {
		t.Fatal(err)
	}
	contentType := "application/json"
	c := &cloudevents.EventContextV1{
		ID: e.ID, Type: string(e.Type), Source: *types.ParseURIRef("/callbus/" + e.Provider + "/" + e.Account),
		Subject: &e.Subject, DataContentType: &contentType,
		DataSchema: types.ParseURI("urn:callbus:schema:" + string(e.Type) + ":1"),
		Extensions: map[string]any{"account": e.Account, "provider": e.Provider, "partitionkey": e.Account + "/" + e.Subject},
	}
	if !e.Time.IsZero() {
		c.Time = &types.Timestamp{Time: e.Time}
	}
	for name, value := range map[string]string{
		"correlationid": e.CorrelationID, "causationid": e.CausationID, "traceparent": e.TraceParent,
		"recordedtime": rfc3339(e.RecordedTime), "expirytime": rfc3339(e.ExpiryTime),
	} {
		if value != "" {
			c.Extensions[name] = value
		}
	}
	return cloudevents.Event{Context: c, DataEncoded: data}
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func TestJSONOfAnEventInsideSomethingElseIsTheSame(t *testing.T) {
	e := events.Event{ID: "1", Type: events.CallMissed, Account: "acme", Provider: "verimor", Subject: "2", Data: events.Call{}}
	want, err := e.AppendJSON([]byte("["))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal([]events.Event{e})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, append(want, ']')) {
		t.Errorf("Marshal = %s\nAppendJSON = %s]", got, want)
	}
}

func TestInvalidUTF8IsReplacedAndNotPassedOn(t *testing.T) {
	e := events.Event{ID: "a\xffb", Type: events.CallMissed, Account: "acme", Provider: "verimor", Subject: "2", Data: events.Call{}}
	b, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := events.Parse(b); err != nil || got.ID != "a\uFFFDb" {
		t.Errorf("Parse = %q, %v, want the invalid byte replaced", got.ID, err)
	}
}

func TestWhatCannotBeWrittenIsAnErrorThatNamesTheEvent(t *testing.T) {
	e := events.Event{ID: "abc", Type: events.CallMissed, Data: events.Call{Raw: json.RawMessage("{")}}
	b, err := e.AppendJSON([]byte("before"))
	if err == nil || !strings.Contains(err.Error(), "call.missed abc") {
		t.Errorf("AppendJSON of an event with broken data = %v, want an error that names the event", err)
	}
	if string(b) != "before" {
		t.Errorf("AppendJSON returned %q, want what was there before", b)
	}
}

func TestParseRefuses(t *testing.T) {
	good := example(t, events.CallMissed)
	for _, c := range []struct{ name, old, new, want string }{
		{"a document that ends early", "\"data\": {", "\"data\": ", "read a CloudEvent"},
		{"an event without an id", `"id": "`, `"ident": "`, "id: MUST"},
		{"an event without a type", `"type": "call.missed"`, `"type": ""`, "type: MUST"},
		{"bytes that are not UTF-8", "Ayşe", "Ay\xffe", "not UTF-8"},
		{"a time that is none", `"time": "`, `"time": "x`, "RFC3339"},
		{"a source of somebody else", `"/callbus/`, `"/other/`, "not an event of callbus"},
		{"a source that says another account", `"account": "acme"`, `"account": "other"`, "attribute source"},
		{"a type that callbus does not publish", `call.missed"`, `call.lost"`, "not an event of callbus"},
		{"a recorded time that is none", `"recordedtime": "`, `"recordedtime": "x`, "attribute recordedtime"},
		{"a recorded time that is a number", `"recordedtime": "2024-05-06T08:00:52.408Z"`, `"recordedtime": 5`, "attribute recordedtime"},
		{"data of another shape", `"missed": true`, `"missed": "true"`, "missed"},
		{"a time in the data that is none", `"ended_at": "`, `"ended_at": "x`, "parsing time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(good, c.old) {
				t.Fatalf("the example does not hold %q", c.old)
			}
			e, err := events.Parse([]byte(strings.ReplaceAll(good, c.old, c.new)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse of %s = %v, want an error with %q", c.name, err, c.want)
			}
			if !reflect.DeepEqual(e, events.Event{}) {
				t.Errorf("Parse of %s = %+v beside its error", c.name, e)
			}
		})
	}
}

func TestParseRefusesDataThatIsNotAnObject(t *testing.T) {
	head := `{"specversion":"1.0","id":"1","source":"/callbus/verimor/acme","type":"call.missed","account":"acme","provider":"verimor"`
	for _, data := range []string{``, `,"data":null`, `,"data":"x"`, `,"data":[]`, `,"data":5`, `,"data_base64":"bnVsbA=="`} {
		if _, err := events.Parse([]byte(head + data + `}`)); err == nil || !strings.Contains(err.Error(), "event 1 of type call.missed") {
			t.Errorf("Parse of an event with %q = %v, want an error that names the event", data, err)
		}
	}
}

func TestAnEventOfSomebodyElseCanBeTold(t *testing.T) {
	for _, document := range []string{
		`{"specversion":"1.0","id":"1","source":"/other","type":"call.missed","data":{}}`,
		`{"specversion":"1.0","id":"1","source":"/callbus/verimor/acme","account":"acme","provider":"verimor","type":"call.lost","data":{}}`,
	} {
		if _, err := events.Parse([]byte(document)); !errors.Is(err, events.ErrNotOurs) {
			t.Errorf("Parse(%s) = %v, want ErrNotOurs", document, err)
		}
	}
	if _, err := events.Parse([]byte(`{`)); errors.Is(err, events.ErrNotOurs) {
		t.Errorf("Parse of garbage = %v, which is not an event of anybody", err)
	}
}

func TestCallIsTheCallOfACallEventAlone(t *testing.T) {
	call := events.Call{CallID: "1"}
	for _, c := range []struct {
		data any
		want bool
	}{{call, true}, {events.Amendment{Call: call}, true}, {events.Callback{}, false}, {events.Gap{}, false}, {nil, false}} {
		got, ok := events.Event{Data: c.data}.Call()
		if ok != c.want || ok && got.CallID != "1" {
			t.Errorf("Call() of an event with %T = %q, %v, want %v", c.data, got.CallID, ok, c.want)
		}
	}
}

func TestCallbackIsTheCallbackOfACallbackEventAlone(t *testing.T) {
	for _, c := range []struct {
		data any
		want bool
	}{{events.Callback{CallbackID: "1"}, true}, {events.Call{}, false}, {events.Gap{}, false}, {nil, false}} {
		got, ok := events.Event{Data: c.data}.Callback()
		if ok != c.want || ok && got.CallbackID != "1" {
			t.Errorf("Callback() of an event with %T = %q, %v, want %v", c.data, got.CallbackID, ok, c.want)
		}
	}
}

// FuzzParse holds Parse to this: whatever it accepts can be written, and is then read as the same.
func FuzzParse(f *testing.F) {
	for _, typ := range events.Types() {
		f.Add([]byte(example(f, typ)))
	}
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/callbus//","type":"call.missed","data":{}}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		e, err := events.Parse(document)
		if err != nil {
			return
		}
		wire, err := e.AppendJSON(nil)
		if err != nil {
			t.Fatalf("AppendJSON of what was read = %v", err)
		}
		again, err := events.Parse(wire)
		if err != nil {
			t.Fatalf("Parse(%s) = %v", wire, err)
		}
		if second := encode(t, again); !bytes.Equal(wire, second) {
			t.Fatalf("written as\n%s\nand, read again, as\n%s", wire, second)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	for _, typ := range events.Types() {
		b.Run(string(typ), func(b *testing.B) {
			e, err := events.Parse([]byte(example(b, typ)))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var wire []byte
			for b.Loop() {
				if wire, err = e.AppendJSON(wire[:0]); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(wire)))
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, typ := range events.Types() {
		b.Run(string(typ), func(b *testing.B) {
			e, err := events.Parse([]byte(example(b, typ)))
			if err != nil {
				b.Fatal(err)
			}
			wire := encode(b, e)
			b.ReportAllocs()
			b.SetBytes(int64(len(wire)))
			for b.Loop() {
				if _, err := events.Parse(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fataler is what a test, a benchmark and a property have in common.
type fataler interface {
	Helper()
	Fatal(...any)
}

func encode(t fataler, e events.Event) []byte {
	t.Helper()
	b, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t fataler, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// example is read from its file: events does not import schemas, which imports it.
func example(t fataler, typ events.Type) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "schemas", "examples", string(typ)+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
